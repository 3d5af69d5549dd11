"""What the API answers, as types: the source of the OpenAPI document, held true by tests.

Numbers are decimal strings in human units (settlement units, whole tokens, contracts) unless the
field is part of what is signed; times are RFC 3339 UTC.
"""

from typing import Any, Literal

from app.api.plan_models import GreeksView, SampledView, SnapshotView, View


class Problem(View):
    """RFC 9457, with what a program needs to decide what to do next.

    `code` is stable; all of them are listed by HTTP status in this schema's `x-codes`. `outcome` is
    none, unknown or done; `data` holds the numbers of the refusal, and what cures it.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None
    retryable: bool
    outcome: str
    request_id: str
    data: dict[str, Any]


class Accepted(View):
    """The intent is durable. A repeated submission answers the same with status 200."""

    uid: str
    state: str


class Reason(View):
    """Why an open intent has not been met yet."""

    code: str
    at: str


class MovedView(View):
    """Tokens a settled intent moved: atoms, positive = in, at wallet, collateral or receiver."""

    token: str
    atoms: str
    place: str


class ProvenView(View):
    """How good a settlement was when it was sent: what it earned, net of its pools' gas, what no
    plan could, and the gap. Of the whole batch where intents were netted."""

    value: str
    bound: str
    gap_ppm: str


class IntentView(View):
    """An intent and where it stands. `intent` is shown once the state is terminal, `moved` and
    `certificate` when one intent is read after it settled."""

    uid: str
    owner: str
    subaccount: str
    outcome: str
    scheme: str
    state: str
    code: str | None
    detail: str | None
    reason: Reason | None
    auction_id: str | None
    tx_hash: str | None
    confirmations: str | None
    client_order_id: str | None
    quote_id: str | None
    valid_to: str
    created_at: str
    updated_at: str
    intent: dict[str, Any] | None
    moved: list[MovedView]
    certificate: ProvenView | None


class IntentPage(View):
    """Newest first; `cursor` asks for the next page, null when there is none."""

    intents: list[IntentView]
    cursor: str | None


class CancelledIntent(View):
    """Where a cancelled intent ended."""

    uid: str
    state: str


class Cancelled(View):
    """The answer to a signed cancel."""

    intents: list[CancelledIntent]


class Digest(View):
    """Every hash on the way to the signature, to compare with one's own."""

    type_hash: str
    struct_hash: str
    domain_separator: str
    digest: str
    permit2_digest: str
    uid: str
    recovered: str | None


class PositionView(View):
    """One position or base collateral, marked now.

    An option past its expiry is `expired` and stays until it is paid out, at `expiryPrice` once
    that is fixed on chain; until then it is marked at the feed.
    """

    instrument: str
    instrument_id: str
    quantity: str
    mark: str | None
    expired: bool
    expiry_price: str | None


class ReservationView(View):
    """An open intent that holds a part of the account; how much is its signed limit."""

    uid: str


class HeadView(View):
    """The newest event of a log."""

    seq: int
    hash: str


class HealthStateView(View):
    """How the account stands towards its requirement, as last judged: it moves by HealthChanged.

    HEALTHY and WARNING take everything; REDUCE_ONLY what raises equity less requirement;
    LIQUIDATING and BANKRUPT deposits and cancels; CLOSED reopens with a deposit. `breaches` valid
    snapshots in a row showed equity below maintenance: two liquidate. `since` is null while nothing
    has moved it.
    """

    state: Literal["HEALTHY", "WARNING", "REDUCE_ONLY", "LIQUIDATING", "BANKRUPT", "CLOSED"]
    since: str | None
    breaches: int


class AccountView(View):
    """The fold of the account's events."""

    owner: str
    subaccount: str
    log: str
    cash: str
    positions: list[PositionView]
    reservations: list[ReservationView]
    epoch: str
    health: HealthStateView
    head: HeadView


class PositionsView(View):
    positions: list[PositionView]
    head: HeadView


class AccountGreeks(View):
    greeks: list[GreeksView]
    snapshot: SnapshotView
    head: HeadView


class EventView(View):
    """The envelope: `prev` is the seq before it in this log."""

    log: str
    seq: int
    prev: int
    hash: str
    type: str
    version: int
    at: str
    committed_at: str
    body: dict[str, Any]


class EventPage(View):
    """Oldest first; ask again with after = the last seq until it equals `head`."""

    events: list[EventView]
    head: int


class TokenView(View):
    address: str
    symbol: str
    decimals: int


class ExpiryPriceView(View):
    """The price that an expiry was fixed at on chain: every option of it pays by it."""

    expiry: str
    price: str


class SeriesView(View):
    """One expiry and the strikes that are listed for it."""

    expiry: str
    strikes: list[str]


class FixingView(View):
    """What the Asian options of an expiry have averaged: `fixed` of seven daily prices, and their
    sum."""

    expiry: str
    fixed: int
    total: str


class MarketRiskView(View):
    """What prediction moves of PORTFOLIO margin; `version` names the signed parameters. Fractions:
    the price is shocked by up to `spotInitial` for what a new position must hold and by
    `spotMaintenance` for what an old one must, volatilities of 30 days rise by `volatilityUp` and
    fall by `volatilityDown` of themselves, `daily` is one day's deviation. `depth`: the liquidity,
    in base, that a large position is charged by; null while unknown (nothing is charged)."""

    version: str
    spot_initial: str
    spot_maintenance: str
    volatility_up: str
    volatility_down: str
    daily: str
    depth: str | None


class MarketView(View):
    """One underlying. Rates are fractions of notional; volatility is annual."""

    market: int
    symbol: str
    log: str
    base: TokenView
    price: str
    confidence: str
    oracle_state: str
    volatility: str
    volatility_cap: str
    funding_index: str
    perp_initial: str
    perp_maintenance: str
    base_initial: str
    base_maintenance: str
    risk: MarketRiskView
    expiries: list[str]
    strikes: list[str]
    series: list[SeriesView]
    asian_series: list[SeriesView]
    fixings: list[FixingView]
    expiry_prices: list[ExpiryPriceView]


class MarketsView(View):
    """`settlementPrice` is dollars per settlement token, null where no feed tells: it then
    counts as one dollar. Below 0.99 initial margin of PORTFOLIO rises."""

    markets: list[MarketView]
    settlement_token: TokenView
    settlement_price: str | None
    tokens: list[TokenView]
    snapshot: SnapshotView


class InstrumentView(View):
    """Something that can be traded, with the best indicative prices of all makers. `mark_error` is
    the standard error of a mark that is sampled (Asian options), 0 of every other."""

    instrument: str
    instrument_id: str
    underlying: str
    kind: str
    expiry: str | None
    strike: str | None
    mark: str
    mark_error: str
    bid: str | None
    bid_quantity: str | None
    ask: str | None
    ask_quantity: str | None


class ReceiptView(View):
    """The mark of an instrument and the receipt behind it; `receiptHash` is the sha256 of the
    receipt as JSON with sorted keys and no spaces."""

    instrument: str
    mark: str
    mark_error: str
    receipt: SampledView
    receipt_hash: str
    snapshot: SnapshotView


class InstrumentsView(View):
    instruments: list[InstrumentView]
    snapshot: SnapshotView


class PriceView(View):
    underlying: str
    price: str
    confidence: str
    state: str


class PricesView(View):
    prices: list[PriceView]
    snapshot: SnapshotView


class HealthView(View):
    """`checks` says which part is well."""

    status: str
    checks: dict[str, str]


class TimeView(View):
    """The service's time is the chain head's."""

    time: str
    unix: str
    block_number: str | None


class ContractsView(View):
    chain_id: str
    contracts: dict[str, str]
    start_block: str


class TypedDataView(View):
    domain: dict[str, Any]
    types: dict[str, Any]
    schemes: list[str]
