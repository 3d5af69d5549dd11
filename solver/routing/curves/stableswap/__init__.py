"""Curve's stableswap: the contracts' integers and the bound on what a swap gains, as one kind."""

from solver.routing.curves.stableswap.bound import arbitrage_up
from solver.routing.curves.stableswap.contract import after, amount_in, amount_out

__all__ = ["after", "amount_in", "amount_out", "arbitrage_up"]
