"""What a settlement costs in gas, before it is built: the ground of every fee."""

from solver.domain.ids import Address
from solver.domain.numbers import WAD, div_up
from solver.domain.snapshot import Snapshot
from solver.pricing.gas import gas_cost

GAS_BASE = 130_000  # authorise, spend the nonce, check every bound (CONTRACTS.md 11)
GAS_MOVE = 45_000  # a pull, an out or a move of collateral
GAS_FILL = 60_000  # a maker's quote, its signature and the position slots it writes


def item_gas(moves: int, route_gas: int = 0, fills: int = 0) -> int:
    """Returns gas of one item with so many pulls and outs, pool steps and fills."""
    return GAS_BASE + GAS_MOVE * moves + route_gas + GAS_FILL * fills


def gas_fee(gas: int, token: Address, snapshot: Snapshot) -> int:
    """Returns what gas costs in atoms of the settlement token signed, rounded up; 0 where no mark
    says what that token is worth.
    """
    atoms = gas_cost(gas, snapshot)
    if token == snapshot.settlement_token.address:
        return atoms
    underlying = snapshot.underlying_of(token)
    if underlying is None or not underlying.price:
        return 0
    worth = underlying.price * 10**snapshot.settlement_token.decimals
    return div_up(atoms * WAD * 10**underlying.base.decimals, worth)


def fill_toll(snapshot: Snapshot) -> int:
    """Returns what one more maker costs, settlement atoms, rounded up."""
    return gas_cost(GAS_FILL, snapshot)
