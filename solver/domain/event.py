"""Every fact that can change state, and nothing else. Past tense; integers travel as strings.

An event belongs to one log (an account's or a market's). The envelope adds seq, prev, hash and
times when it is appended; `hash` = sha256(previous hash | RFC 8785 bytes of
{seq, type, version, at, body}).
"""

from typing import Any, NamedTuple, get_args

Body = dict[str, Any]

STATES = (
    "received", "open", "auctioning", "solved", "settling", "settled", "paused",
    "partiallyFilled", "cancelling", "unknown", "cancelled", "expired", "rejected", "failed",
)  # fmt: skip
TERMINAL = frozenset({"settled", "cancelled", "expired", "rejected", "failed"})
NEXT: dict[str, frozenset[str]] = {
    "received": frozenset({"open", "rejected", "cancelled"}),
    "open": frozenset({"auctioning", "paused", "cancelling", "cancelled", "expired", "unknown"}),
    "auctioning": frozenset({"open", "solved", "paused", "cancelling", "unknown", "expired"}),
    "solved": frozenset({"settling", "open", "cancelling", "unknown", "expired"}),
    "settling": frozenset(
        {
            "settled",
            "partiallyFilled",
            "open",
            "unknown",
            "failed",
            "cancelled",
            "expired",
        }
    ),
    "partiallyFilled": frozenset({"auctioning", "cancelling", "cancelled", "expired", "settled"}),
    "paused": frozenset({"open", "cancelling", "cancelled", "expired", "unknown"}),
    "cancelling": frozenset({"cancelled", "settled", "expired", "settling", "unknown"}),
    "unknown": frozenset(
        {
            "open",
            "auctioning",
            "solved",
            "settling",
            "settled",
            "cancelled",
            "expired",
            "failed",
        }
    ),
} | {state: frozenset() for state in TERMINAL}


class IntentStateChanged(NamedTuple):
    """The intent moved along the one state machine."""

    uid: str
    from_state: str | None
    to_state: str
    code: str | None = None
    detail: str | None = None
    auction_id: str | None = None
    tx_hash: str | None = None
    confirmations: str | None = None  # "n/K" while settling


class SettlementIncluded(NamedTuple):
    """A receipt exists; provisional until K confirmations."""

    uid: str
    tx_hash: str
    block_number: int
    block_hash: str


class SettlementReorged(NamedTuple):
    """The block that held the settlement is no longer canonical."""

    uid: str
    tx_hash: str
    block_hash: str


class ReservationPlaced(NamedTuple):
    """The signed caps of an open intent are held against the account. Settlement atoms."""

    uid: str
    debit: int
    fee: int
    margin: int


class ReservationReleased(NamedTuple):
    """The caps are free again: the intent is terminal."""

    uid: str


class LegFilled(NamedTuple):
    """A trade is final. quantity signed from this account's side; cash = atoms received (+)."""

    uid: str | None
    instrument: int
    quantity: int
    price: int
    cash: int
    counterparty: str
    tx_hash: str
    log_index: int


class CashMoved(NamedTuple):
    """Cash of the account changed by `amount` atoms (deposit, withdrawal, fee, swap)."""

    amount: int
    tx_hash: str
    log_index: int


class BaseMoved(NamedTuple):
    """Base collateral changed by `quantity` atoms."""

    instrument: int
    quantity: int
    tx_hash: str
    log_index: int


class OptionExpired(NamedTuple):
    """A position ended at the fixed price; cash = atoms received (+)."""

    instrument: int
    quantity: int
    price: int
    cash: int
    tx_hash: str
    log_index: int


class EpochRaised(NamedTuple):
    """All nonces below the epoch are dead."""

    epoch: int
    tx_hash: str
    log_index: int


class PortfolioEntered(NamedTuple):
    """The account passed a gate by the signers' word: PORTFOLIO is its margin from now on."""

    tx_hash: str
    log_index: int


class MandateGranted(NamedTuple):
    """The owner's signed grant to an agent's key is stored; `mandate` is its digest, hex."""

    mandate: str
    agent: str
    valid_to: int


class MandateRevoked(NamedTuple):
    """The owner took a mandate back: on chain in `tx_hash`, or by signature to the service alone.

    The chain knows no subaccount here, so it is told on every account of the owner.
    """

    mandate: str
    tx_hash: str | None = None


class IntentSettled(NamedTuple):
    """The contract's own Settled event, final. fraction 1e18; net cost and fee in atoms."""

    uid: str
    solver: str
    fraction: int
    net_cost: int
    fee: int
    tx_hash: str
    log_index: int


class PositionSeized(NamedTuple):
    """The auction moved a part of a position here (+) or away (-), base collateral too; what it
    cost is a CashMoved of its own."""

    instrument: int
    quantity: int
    counterparty: str
    tx_hash: str
    log_index: int


class AuctionStarted(NamedTuple):
    """The account is for sale. Settlement atoms; `unsold` is the cash it had then."""

    starter: str
    equity: int
    maintenance: int
    unsold: int
    tx_hash: str
    log_index: int


class SliceSold(NamedTuple):
    """A fraction (1e18) went to `bidder` at `price` (1e18 of its worth) for `paid` atoms, negative
    when the bidder was paid; the fund got `fee` and gave `covered`."""

    bidder: str
    fraction: int
    price: int
    paid: int
    fee: int
    covered: int
    tx_hash: str
    log_index: int


class AuctionBankrupted(NamedTuple):
    """From now on the fund pays whoever takes the account. Settlement atoms."""

    equity: int
    maintenance: int
    tx_hash: str
    log_index: int


class AuctionEnded(NamedTuple):
    """The account is its owner's again. Settlement atoms."""

    equity: int
    buffer: int
    tx_hash: str
    log_index: int


class DebtAbsorbed(NamedTuple):
    """The fund paid `paid` atoms of the account's debt; `deficit` atoms are left as `deficit_id`
    (both 0: none)."""

    paid: int
    deficit_id: int
    deficit: int
    tx_hash: str
    log_index: int


class Deleveraged(NamedTuple):
    """Deficit log: so many accounts paid a page of it. `root` commits to their haircuts; `raised`
    and `deficit` are of the whole, settlement atoms."""

    deficit_id: int
    root: str
    accounts: int
    raised: int
    deficit: int
    tx_hash: str
    log_index: int


class ExpiryFixed(NamedTuple):
    """Market log: the settlement price of an expiry is fixed, 1e18."""

    market: int
    expiry: int
    price: int
    tx_hash: str
    log_index: int


class FixingRecorded(NamedTuple):
    """A market's Asian options of an expiry have `fixed` fixings, `total` is their sum, 1e18."""

    market: int
    expiry: int
    fixed: int
    total: int
    tx_hash: str
    log_index: int


class FundingMoved(NamedTuple):
    """Market log: the perp's funding index and hourly rate, 1e18."""

    market: int
    funding_index: int
    hourly_rate: int
    tx_hash: str
    log_index: int


class HealthChanged(NamedTuple):
    """The account's health moved, or a first breach was seen (from = to): a margin call.

    Figures in settlement atoms as judged at the snapshot: equity down, requirements up. `breaches`
    valid snapshots in a row showed equity below maintenance. `prices` as `health.wire_prices`.
    """

    from_state: str
    to_state: str
    cause: str
    engine: str
    equity: int
    initial: int
    maintenance: int
    breaches: int
    snapshot: str
    time_ms: int
    prices: str


Event = (
    IntentStateChanged
    | SettlementIncluded
    | SettlementReorged
    | ReservationPlaced
    | ReservationReleased
    | LegFilled
    | CashMoved
    | BaseMoved
    | OptionExpired
    | EpochRaised
    | PortfolioEntered
    | MandateGranted
    | MandateRevoked
    | IntentSettled
    | PositionSeized
    | AuctionStarted
    | SliceSold
    | AuctionBankrupted
    | AuctionEnded
    | DebtAbsorbed
    | Deleveraged
    | ExpiryFixed
    | FixingRecorded
    | FundingMoved
    | HealthChanged
)
EVENT_OF_TYPE: dict[str, type[Any]] = {cls.__name__: cls for cls in get_args(Event)}
VERSION = 1
_WIRE = {"from_state": "from", "to_state": "to"}
_INT_FIELDS = {
    name: {field for field, kind in cls.__annotations__.items() if kind is int}
    for name, cls in EVENT_OF_TYPE.items()
}


def _camel(name: str) -> str:
    if name in _WIRE:
        return _WIRE[name]
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def body_of(event: Event) -> Body:
    """Returns the wire body: camelCase keys, integers as decimal strings, None kept."""
    return {
        _camel(name): str(value) if isinstance(value, int) else value
        for name, value in zip(event._fields, event, strict=True)
    }


def event_of(type_: str, body: Body) -> Event:
    """Inverse of `body_of`."""
    cls, ints = EVENT_OF_TYPE[type_], _INT_FIELDS[type_]
    values = {
        name: int(body[_camel(name)]) if name in ints else body[_camel(name)]
        for name in cls._fields
    }
    event: Event = cls(**values)
    return event


class Envelope(NamedTuple):
    """An appended event. `at` = domain time, `committed_at` = when it became durable; RFC 3339."""

    log: str
    seq: int
    prev: int
    hash: str
    type: str
    version: int
    at: str
    committed_at: str
    body: Body
