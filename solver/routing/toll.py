"""What a unit of gas is worth in a token: the objective's price of every pool step, exactly.

A function of the snapshot alone, so that planner and checker mean the same net output; integers
only, and left as a fraction, so that each side rounds the way that keeps its claim true.
"""

from typing import NamedTuple

from solver.domain.ids import Address
from solver.domain.numbers import WAD, div_up
from solver.domain.snapshot import Snapshot


class Toll(NamedTuple):
    """Atoms of a token per unit of gas, a fraction that is not negative."""

    numerator: int
    denominator: int

    def up(self, gas: int) -> int:
        """Returns the atoms that gas costs, rounded up."""
        return div_up(gas * self.numerator, self.denominator)

    def down(self, gas: int, unit: int = 1) -> int:
        """Returns the atoms times `unit` that gas costs, rounded down."""
        return gas * self.numerator * unit // self.denominator

    def __float__(self) -> float:
        return self.numerator / self.denominator


FREE = Toll(0, 1)


def toll(token: Address, snapshot: Snapshot) -> Toll:
    """Returns what a unit of gas costs in atoms of `token`, by gas price, native price and marks.

    FREE for a token that is neither the settlement token nor marked: nothing says what it is worth.
    """
    settlement = snapshot.settlement_token
    wei_value = snapshot.gas_price * snapshot.native_price  # settlement units per gas, times 1e36
    if token == settlement.address:
        return Toll(wei_value * 10**settlement.decimals, WAD * WAD)
    underlying = snapshot.underlying_of(token)
    if underlying is None or underlying.price <= 0:
        return FREE
    return Toll(wei_value * 10**underlying.base.decimals, WAD * underlying.price)
