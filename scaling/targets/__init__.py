"""Which network a wish becomes: directions, achieved cost, the space on target, budgets, inversion."""
