"""What a settlement costs in gas, before it is built: the ground of every fee."""

from solver.domain.snapshot import Snapshot
from solver.pricing.gas import gas_cost

GAS_BASE = 130_000  # authorise, spend the nonce, check every bound (CONTRACTS.md 11)
GAS_MOVE = 45_000  # a pull, an out or a move of collateral
GAS_FILL = 60_000  # a maker's quote, its signature and the position slots it writes


def item_gas(moves: int, route_gas: int = 0, fills: int = 0) -> int:
    """Returns gas of one item with so many pulls and outs, pool steps and fills."""
    return GAS_BASE + GAS_MOVE * moves + route_gas + GAS_FILL * fills


def fill_toll(snapshot: Snapshot) -> int:
    """Returns what one more maker costs, settlement atoms, rounded up."""
    return gas_cost(GAS_FILL, snapshot)
