"""Plans: what is to be trained next, as pure functions of what has been trained; and their conclusions."""
