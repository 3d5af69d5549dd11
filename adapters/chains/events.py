"""What our contracts say, as values: events by topic, errors by selector, over all our ABIs."""

import functools
from typing import Any, NamedTuple

from adapters.chains.abi import Event, Function, artifact, function, our_names
from adapters.chains.evm import Log
from solver.domain.errors import Broken
from solver.domain.ids import Address

# Errors of what our contracts call, so that a nested revert has a name too.
FOREIGN_ERRORS = tuple(
    function(signature)
    for signature in (
        "Error(string)",
        "Panic(uint256)",
        "InvalidNonce()",  # Permit2 from here
        "SignatureExpired(uint256)",
        "InvalidSigner()",
        "InvalidSignature()",
        "InvalidSignatureLength()",
        "InvalidContractSignature()",
        "InvalidAmount(uint256)",
        "LengthMismatch()",
        "ERC20InsufficientBalance(address,uint256,uint256)",  # OpenZeppelin from here
        "ERC20InsufficientAllowance(address,uint256,uint256)",
        "SafeERC20FailedOperation(address)",
        "ReentrancyGuardReentrantCall()",
    )
)


class Settled(NamedTuple):
    """An intent's own word: fraction 1e18; net cost and fee in settlement atoms."""

    digest: bytes
    owner: Address
    solver: Address
    fraction: int
    net_cost: int
    fee: int


class Cancelled(NamedTuple):
    """The owner spent a nonce."""

    owner: Address
    nonce: int


class EpochRaised(NamedTuple):
    """All nonces below the epoch are dead."""

    owner: Address
    epoch: int


class Presigned(NamedTuple):
    """The owner authorised a digest on chain."""

    owner: Address
    digest: bytes


class MandateRevoked(NamedTuple):
    """The owner took a mandate back."""

    owner: Address
    digest: bytes


class Traded(NamedTuple):
    """`a` received +quantity at price (both 1e18) and paid `cash` atoms to `b`."""

    a: bytes
    b: bytes
    instrument: int
    quantity: int
    price: int
    cash: int


class CashMoved(NamedTuple):
    """Cash of the account changed by `amount` atoms."""

    account: bytes
    amount: int


class BaseMoved(NamedTuple):
    """Base collateral of the account changed by `quantity` atoms."""

    account: bytes
    instrument: int
    quantity: int


class PortfolioEntered(NamedTuple):
    """The account passed an attested gate for the first time."""

    account: bytes


class ExpiryFixed(NamedTuple):
    """The settlement price of an expiry is fixed, 1e18."""

    market: int
    expiry: int
    price: int


class FixingRecorded(NamedTuple):
    """A market's Asian options of an expiry have `done` fixings, `total` is their sum, 1e18."""

    market: int
    expiry: int
    done: int
    total: int


class ExpirySettled(NamedTuple):
    """An option position ended; cash = atoms the account received (+)."""

    account: bytes
    instrument: int
    quantity: int
    price: int
    cash: int


class FundingMoved(NamedTuple):
    """The perp's funding index and hourly rate, 1e18."""

    market: int
    funding_index: int
    hourly_rate: int


class WithdrawalRequested(NamedTuple):
    """A withdrawal that passes by attestation waits until ready_at."""

    account: bytes
    token: Address
    amount: int
    ready_at: int


class WithdrawalCancelled(NamedTuple):
    """A waiting withdrawal ended without paying."""

    account: bytes
    token: Address


class Frozen(NamedTuple):
    """The liquidation auction holds (or lets go of) the account."""

    account: bytes
    frozen: bool


class Seized(NamedTuple):
    """The auction moved `quantity` of a position or of base from `source` to another account."""

    source: bytes
    to: bytes
    instrument: int
    quantity: int


class Warned(NamedTuple):
    """The first of two reports that an account in PORTFOLIO mode is in breach."""

    account: bytes
    positions_hash: bytes
    as_of: int


class AuctionStarted(NamedTuple):
    """The account is for sale; `market` and `side` say where winners would be found."""

    account: bytes
    starter: Address
    market: int
    side: int
    equity: int
    maintenance: int
    unsold: int


class Bid(NamedTuple):
    """A fraction (1e18) of the account went to the account `bidder`."""

    account: bytes
    bidder: bytes
    fraction: int
    price: int
    paid: int
    fee: int
    covered: int


class Bankrupted(NamedTuple):
    """From now on the fund pays."""

    account: bytes
    equity: int
    maintenance: int


class AuctionEnded(NamedTuple):
    """The account is free again."""

    account: bytes
    equity: int
    buffer: int


class Absorbed(NamedTuple):
    """The fund paid a debt; `deficit` atoms are left as deficit `id` (both 0: none)."""

    account: bytes
    paid: int
    id: int
    deficit: int


class Deleveraged(NamedTuple):
    """One page of haircuts is taken."""

    id: int
    root: bytes
    accounts: int
    raised: int
    deficit: int


AuctionEvent = AuctionStarted | Bid | Bankrupted | AuctionEnded | Absorbed  # of one account
ContractEvent = (
    Settled
    | Cancelled
    | EpochRaised
    | Presigned
    | MandateRevoked
    | Traded
    | CashMoved
    | BaseMoved
    | PortfolioEntered
    | ExpiryFixed
    | FixingRecorded
    | ExpirySettled
    | FundingMoved
    | WithdrawalRequested
    | WithdrawalCancelled
    | Frozen
    | Seized
    | Warned
    | AuctionStarted
    | Bid
    | Bankrupted
    | AuctionEnded
    | Absorbed
    | Deleveraged
)
EVENTS: dict[str, type[Any]] = {kind.__name__: kind for kind in ContractEvent.__args__}


def decode_log(log: Log) -> ContractEvent | None:
    """Returns what a log of one of our contracts says; None for one that is not listed."""
    event = _events().get(log.topics[0]) if log.topics else None
    if event is None or event.name not in EVENTS:
        return None
    values = event.decode(log.topics, log.data)
    typed: ContractEvent = EVENTS[event.name](*values.values())
    return typed


def decode_error(raw: bytes) -> tuple[str, dict[str, Any]]:
    """Returns (name, arguments) of revert data; ("", {}) when nobody says why.

    Unknown data is ("unknown", {"raw": bytes}), garbage behind a known selector (name, {"raw"}): a
    venue may revert with any bytes. A nested revert stays bytes: decode it again. The rule of a
    mandate that does not cover an intent is a word: it is told as text.
    """
    if not raw:
        return "", {}
    error = _errors().get(raw[:4])
    if error is None:
        return "unknown", {"raw": raw}
    try:
        arguments = error.decode_args(raw)
    except Broken:
        return error.name, {"raw": raw}
    if error.name == "ScopeExceeded":
        arguments["rule"] = arguments["rule"].rstrip(b"\0").decode("ascii", "replace")
    return error.name, arguments


def topics(*names: str) -> tuple[str, ...]:
    """Returns topic 0 of our events with these names, all of them when none is given."""
    return tuple(t for t, event in _events().items() if event.name in (names or EVENTS))


@functools.cache
def _events() -> dict[str, Event]:
    found: dict[str, Event] = {}
    for name in our_names():
        found |= artifact(name).interface.events
    return found


@functools.cache
def _errors() -> dict[bytes, Function]:
    found = {error.selector: error for error in FOREIGN_ERRORS}
    for name in our_names():
        found |= artifact(name).interface.errors
    return found
