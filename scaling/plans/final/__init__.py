"""One full training of one network, to its weights."""
