"""The words of our contracts: solutions become plans, plans become calldata, answers become values.

Pure. The ABI comes from contracts/artifacts; every struct here mirrors contracts/src/types.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from adapters.base import Call, StepValue
from adapters.chains.abi import Function, artifact
from adapters.chains.events import ContractEvent as ContractEvent
from adapters.chains.events import decode_error as decode_error
from adapters.chains.events import decode_log as decode_log
from adapters.chains.events import topics as topics
from solver.domain.account import Position
from solver.domain.errors import Broken
from solver.domain.ids import Address
from solver.domain.intent import SCHEMES, SignedIntent, SignedQuote
from solver.domain.mandate import Mandate
from solver.domain.numbers import WAD
from solver.domain.report import NO_REPORT, Report
from solver.domain.route import Fill, Out, Pull, Solution, Swap

SOLVER_ACCOUNT = 255  # Fill.quoteIndex: the solver's own account is the counterparty
NO_HINT = 255  # find the position slot by scan
QUANTITY_MASK = (1 << 96) - 1
QUANTITY_BITS = 96  # a position word is id(160) | quantity int96
EncodeStep = Callable[[Swap, Address], StepValue]


class FillValue(NamedTuple):
    """Twin of Fill."""

    leg: int
    instrument: int
    quantity: int
    price: int
    quote_index: int
    hint_owner: int = NO_HINT
    hint_counterparty: int = NO_HINT


class PlanValue(NamedTuple):
    """Twin of Plan. Fee is settlement atoms, fraction 1e18."""

    pulls: tuple[Pull, ...] = ()
    steps: tuple[StepValue, ...] = ()
    outs: tuple[Out, ...] = ()
    quotes: tuple[SignedQuote, ...] = ()
    fills: tuple[FillValue, ...] = ()
    residuals: tuple[Address, ...] = ()
    fee: int = 0
    fraction: int = WAD
    solver_subaccount: int = 0


class ItemValue(NamedTuple):
    """Twin of Item: an intent with its authority and its plan."""

    signed: SignedIntent
    plan: PlanValue


class Mandated(NamedTuple):
    """The signature of scheme `mandate`: the grant, the owner's signature of it, and the agent's of
    the intent.
    """

    mandate: Mandate
    by_owner: bytes
    by_agent: bytes


class SimpleMargin(NamedTuple):
    """What `simple` answers: IM_net, MM_net, equity in settlement atoms; negative = breached."""

    initial: int
    maintenance: int
    equity: int


# ---- plans


def plan_of(
    solution: Solution,
    quotes: Sequence[SignedQuote],
    encode_step: EncodeStep,
    *,
    router: Address,
    fraction: int = WAD,
    solver_subaccount: int = 0,
) -> PlanValue:
    """Returns the plan that does what the solution says.

    `quotes` is the auction's list that the fills point into; the plan carries only those used.
    Everything passes through the Router, which the contract leaves empty: what a venue pays an
    owner itself is not counted.
    """
    used = sorted({f.quote_index for f in solution.fills if f.quote_index is not None})
    return PlanValue(
        pulls=solution.pulls,
        steps=tuple(encode_step(swap, router) for swap in solution.swaps),
        outs=solution.outs,
        quotes=tuple(quotes[index] for index in used),
        fills=tuple(_fill(fill, used) for fill in solution.fills),
        residuals=_residuals(solution),
        fee=solution.fee,
        fraction=fraction,
        solver_subaccount=solver_subaccount,
    )


def _residuals(solution: Solution) -> tuple[Address, ...]:
    """Returns the tokens of which a rest has an owner: it was pulled, or it is bought."""
    if not solution.swaps:
        return ()
    pulled = {pull.token for pull in solution.pulls}
    return tuple(sorted(pulled | {out.token for out in solution.outs}))


def _fill(fill: Fill, used: Sequence[int]) -> FillValue:
    index = SOLVER_ACCOUNT if fill.quote_index is None else used.index(fill.quote_index)
    if fill.quote_index is None and fill.maker is not None:
        raise Broken(f"the fill of leg {fill.leg} names a maker but no firm quote")
    return FillValue(fill.leg, fill.instrument, fill.quantity, fill.price, index)


# ---- calldata


def encode_settle(
    items: Iterable[ItemValue], report: Report = NO_REPORT, signatures: Sequence[bytes] = ()
) -> bytes:
    """Returns calldata of Settlement.settle. Signatures are sorted by their signer already."""
    settle = artifact("Settlement").interface.functions["settle"]
    return settle.encode([_item(item) for item in items], report, list(signatures))


def decode_settle(data: bytes) -> dict[str, Any]:
    """Returns the raw arguments of settle's calldata by name: what was signed stays inspectable."""
    return artifact("Settlement").interface.functions["settle"].decode_args(data)


def _item(item: ItemValue) -> tuple[Any, ...]:
    signed, plan = item
    steps = [tuple(step) for step in plan.steps]
    quotes = [(tuple(signed_quote.quote), signed_quote.signature) for signed_quote in plan.quotes]
    body = (plan.pulls, steps, plan.outs, quotes, plan.fills, plan.residuals, *plan[6:])
    return signed.intent, signed.signature, SCHEMES.index(signed.scheme), body


def encode_mandated(mandated: Mandated) -> bytes:
    """Returns abi.encode(Mandate, owner's signature, agent's signature)."""
    return _mandated().encode(*mandated)


def decode_mandated(raw: bytes) -> Mandated:
    """Inverse of `encode_mandated`. Raises Broken for any other bytes."""
    try:
        mandate, by_owner, by_agent = _mandated().decode(raw)
    except (UnicodeDecodeError, OverflowError) as error:  # eth_abi lets these two through
        raise Broken("these bytes are not a mandate and two signatures") from error
    return Mandated(Mandate(*mandate), by_owner, by_agent)


def _mandated() -> Function:
    (mandate,) = artifact("Settlement").interface.functions["mandateDigest"].inputs
    types = (mandate, "bytes", "bytes")
    return Function("Mandated", b"", types, Mandated._fields, types)


def encode(contract: str, function: str, *args: Any) -> bytes:
    """Returns calldata of any function of our contracts; an overload needs its full signature."""
    return artifact(contract).interface.functions[function].encode(*args)


def decode(contract: str, function: str, raw: bytes) -> Any:
    """Returns what the function answered: the value itself when there is one, else a tuple."""
    values = artifact(contract).interface.functions[function].decode(raw)
    return values[0] if len(values) == 1 else values


# ---- views of the Clearinghouse and of Settlement


def view(contract: str, address: Address, function: str, *args: Any) -> Call:
    """Returns the eth_call of a view, to be batched; `decode` or a reader below parses it."""
    return Call(address, encode(contract, function, *args))


def read_positions(raw: bytes) -> tuple[Position, ...]:
    """Returns the slots in the contract's order. Base slots count atoms, others 1e18."""
    return tuple(position_of(word) for word in decode("Clearinghouse", "positions", raw))


def position_of(word: int) -> Position:
    """Returns one slot of its storage word."""
    quantity = word & QUANTITY_MASK
    if quantity >> (QUANTITY_BITS - 1):
        quantity -= 1 << QUANTITY_BITS
    return Position(word >> QUANTITY_BITS, quantity)


def word_of(position: Position) -> int:
    """Inverse of `position_of`."""
    return position.instrument << QUANTITY_BITS | position.quantity & QUANTITY_MASK


def read_simple(raw: bytes) -> SimpleMargin:
    """Returns the answer of `simple`."""
    return SimpleMargin(*decode("Clearinghouse", "simple", raw))
