"""What the solver answers: legs in integers, what they cost, and a certificate anyone can check."""

from typing import NamedTuple

from solver.domain.ids import AccountId, Address, VenueId


class Pull(NamedTuple):
    """Tokens taken for one leg, atoms."""

    leg: int
    token: Address
    amount: int
    is_from_wallet: bool


class Swap(NamedTuple):
    """One pool step in execution order. Amounts are atoms, exactly what the pool's code gives."""

    venue: VenueId
    pool: Address
    token_in: Address
    token_out: Address
    amount_in: int
    amount_out: int


class Out(NamedTuple):
    """Tokens delivered for one leg, atoms."""

    leg: int
    token: Address
    amount: int


class Fill(NamedTuple):
    """A derivative trade: quantity signed (positive = the owner receives), price 1e18.

    `maker` None is the solver's own account; `quote_index` is the firm quote in the auction's list.
    """

    leg: int
    instrument: int
    quantity: int
    price: int
    maker: AccountId | None
    quote_index: int | None = None


class Case(NamedTuple):
    """Plans that use none of the pools `closed` and every pool `open`, and the prices of their
    bound where they are not the certificate's own."""

    closed: tuple[Address, ...]
    open: tuple[Address, ...]
    token_prices: tuple[tuple[Address, int], ...]


class Certificate(NamedTuple):
    """Weak duality in integers: `bound` holds for any non-negative multipliers: no trust needed.

    value and bound are of the maximised objective: for token routes atoms of the bought token, net
    of what the pool steps' gas is worth in it (solver.routing.toll); for derivatives settlement
    atoms of net credit before fee. `token_prices` are the dual prices of the tokens (atoms of
    objective per atom, scaled by 2**96); `row_prices` the multipliers of the exposure and delta
    rows (settlement atoms per 1e18, scaled by 1e18), as solver.routing.certify names them.
    gap_ppm = ceil((bound - value) * 1e6 / max(|value|, 1)). Fixed gas leaves a gap at any one
    price vector; with `cases`, which are together every plan, the bound is the greatest of theirs.
    """

    value: int
    bound: int
    gap_ppm: int
    token_prices: tuple[tuple[Address, int], ...] = ()
    row_prices: tuple[tuple[str, int], ...] = ()
    cases: tuple[Case, ...] = ()


class MarginFigures(NamedTuple):
    """SIMPLE in settlement atoms: IM_net, MM_net (negative = breached), equity, requirement."""

    initial: int
    maintenance: int
    equity: int
    requirement: int


class Solution(NamedTuple):
    """A complete plan for one Program. net_cost in settlement atoms, fee included."""

    snapshot_hash: bytes
    pulls: tuple[Pull, ...]
    swaps: tuple[Swap, ...]
    outs: tuple[Out, ...]
    fills: tuple[Fill, ...]
    fee: int
    net_cost: int
    certificate: Certificate
    gas: int = 0
    margin_before: MarginFigures | None = None
    margin_after: MarginFigures | None = None
    delta_after: int | None = None
