"""Gas in the money that fees are paid in."""

from solver.domain.numbers import WAD, div_up
from solver.domain.snapshot import Snapshot


def gas_cost(gas: int, snapshot: Snapshot) -> int:
    """Returns settlement atoms for `gas` units at the snapshot's gas price, rounded up.

    Free where the snapshot knows no price of the native coin.
    """
    wei = gas * snapshot.gas_price
    atoms_per_unit: int = 10**snapshot.settlement_token.decimals
    return div_up(wei * snapshot.native_price * atoms_per_unit, WAD * WAD)
