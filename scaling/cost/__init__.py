"""Cost of a network: closed form for searches, traced counts as the referee."""

from scaling.cost.closed_form import Cost, PieceCost, count_cost

__all__ = ["Cost", "PieceCost", "count_cost"]
