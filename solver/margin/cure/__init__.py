"""The cheapest way back to health: closes and hedges, found by a program, judged by integers."""

from solver.margin.cure.cheapest import Cure, Means, cure
from solver.margin.cure.trades import Trade

__all__ = ["Cure", "Means", "Trade", "cure"]
