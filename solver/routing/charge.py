"""What a settlement costs in gas, before it is built: the ground of every fee."""

from solver.domain.ids import Address
from solver.domain.numbers import WAD, div_up
from solver.domain.snapshot import Snapshot
from solver.pricing.gas import gas_cost

GAS_BASE = 130_000  # authorise, spend the nonce, check every bound (CONTRACTS.md 11)
GAS_MOVE = 45_000  # a pull, an out or a move of collateral
GAS_FILL = 60_000  # a maker's quote, its signature and the position slots it writes
GAS_AUTHORITY = {  # by scheme, what it takes beyond the signature of the owner's key
    "eip1271": 28_000,  # an ERC-7739 wallet: 17,000 to answer, and 640 bytes more to send
    "mandate": 46_500,  # grant, agent, meter of the day (contracts/test/Gas.t.sol)
}


def item_gas(moves: int, route_gas: int = 0, authority_gas: int = 0) -> int:
    """Returns gas of one item with so many pulls and outs, and pool steps, before its fills."""
    return GAS_BASE + GAS_MOVE * moves + route_gas + authority_gas


def authority_gas(scheme: str) -> int:
    """Returns the gas of a scheme beyond the owner's own key. That a permit2 owner is a contract is
    not known before it answers: nothing is added there.
    """
    return GAS_AUTHORITY.get(scheme, 0)


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
