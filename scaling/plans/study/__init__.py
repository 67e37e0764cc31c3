"""Studies: one question, its networks, trained through the store, with conclusions by rule."""
