"""What a quote answers, as types: a plan, its risk and its proof. See `models` for the units."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class View(BaseModel):
    """An answer: camelCase, nothing undeclared."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True
    )


class MarginView(View):
    """Margin by one engine. `health` = equity / requirement; null when nothing is required."""

    initial: str
    maintenance: str
    equity: str
    requirement: str
    health: str | None


class AverageView(View):
    """What is open of an Asian option: discount x weight x E max(+-(mean of the open fixings -
    strike), 0), each fixing lognormal of its forward and total variance. Floats that round-trip."""

    is_call: bool
    strike: str
    weight: str
    discount: str
    forwards: list[str]
    variances: list[str]
    years: list[str]


class SampledView(View):
    """How a price was sampled. Sampled again it is the same to 1e-8; `error` is one standard
    error, in settlement units as the price."""

    model: Literal["asianArithmetic"]
    parameters: AverageView
    seed: int
    points: int
    price: str
    error: str
    snapshot_hash: str


class FillView(View):
    """A derivative trade of a plan, quantity signed from the owner's side. `receipt` is that of the
    mark it was planned at where this is sampled (Asian options): it can be checked offline."""

    leg: int
    instrument: str
    instrument_id: str
    quantity: str
    price: str
    cash: str
    maker: str | None
    receipt: SampledView | None


class ContractView(View):
    """A contract that a leg may become: delta without its sign, days left, strike / price."""

    instrument: str
    delta: str
    days: str
    moneyness: str


class ChoiceView(View):
    """What an option leg was asked for as (a name, a selector; null: it follows from the other
    legs) and every listed contract that the signed ranges hold: one, unless a pair was asked for.
    """

    leg: int
    side: str
    asked: str | dict[str, Any] | None
    contracts: list[ContractView]


class SwapView(View):
    """A pool step. Amounts are whole tokens."""

    venue: str
    pool: str
    token_in: str
    token_out: str
    amount_in: str
    amount_out: str


class FlowView(View):
    """Tokens pulled or delivered for a leg, whole tokens."""

    leg: int
    token: str
    amount: str
    from_wallet: bool | None = None


class CaseView(View):
    """Plans without any pool `closed` and with every pool `open`, and the prices of their bound
    where they are not the certificate's own."""

    closed: list[str]
    open: list[str]
    token_prices: list[list[str]]


class CertificateView(View):
    """The proof of quality: `bound` holds by weak duality; gapPpm is how far `value` is off.

    Atoms of what is bought, or of net credit; net of what the gas of pool steps is worth there.
    `cases`, where there are any, are together every plan: the greatest of their bounds is `bound`.
    """

    value: str
    bound: str
    gap_ppm: str
    token_prices: list[list[str]]
    row_prices: list[list[str]]
    cases: list[CaseView]


class PayoffPoint(View):
    """Profit or loss when the underlying is at `price`."""

    price: str
    at_expiry: str
    today: str


class PayoffView(View):
    """What the outcome changes from here on. Null profit or loss: without bound.

    `closes` names positions that only become smaller: there the curve is the difference to keeping
    them, so its loss is a gain given up. `isExact` false: a leg outlives `expiry` and is modelled.
    """

    underlying: str
    expiry: str | None
    points: list[PayoffPoint]
    break_evens: list[str]
    profit_max: str | None
    loss_max: str | None
    is_exact: bool
    closes: list[str]


class GreeksView(View):
    """Sums over one market: delta in base, vega per 1.0 of volatility, theta per year."""

    underlying: str
    delta: str
    gamma: str
    vega: str
    theta: str
    value: str


class DeltaView(View):
    """Net delta in the base of one market."""

    underlying: str
    before: str
    after: str


class SnapshotView(View):
    """The state of the world a plan was made on."""

    hash: str
    block_number: str
    time: str


class ApproveView(View):
    """A transaction of the owner's that lets Permit2 move the token: send it as it is."""

    to: str
    data: str


class FundingView(View):
    """A token that the wallet cannot give yet; submitting is refused with the same, under `code`.

    insufficientAllowance: Permit2 (`spender`) may move `available`, `required` is needed. Send
    `approve`, or sign `permit` (EIP-2612, null where the token knows it not) and send that.
    insufficientBalance: the wallet holds `available`. Amounts are whole tokens.
    """

    code: str
    token: str
    symbol: str
    spender: str
    required: str
    available: str
    approve: ApproveView | None
    permit: dict[str, Any] | None


class QuoteView(View):
    """A plan with the typed data that signs it. Nothing was submitted. `leftOut` names positions
    that the request means and that are too small to trade. `marginEngine` lets it pass: simple by
    the price feed alone, portfolio by what risk signers state."""

    quote_id: str
    uid: str
    expires_at: str
    scheme: str
    intent: dict[str, Any]
    typed_data: dict[str, Any]
    choices: list[ChoiceView]
    left_out: list[str]
    fills: list[FillView]
    swaps: list[SwapView]
    pulls: list[FlowView]
    outs: list[FlowView]
    net_cost: str
    net_premium: str
    fee: str
    gas: str
    certificate: CertificateView
    margin_engine: Literal["simple", "portfolio"]
    margin_before: MarginView
    margin_after: MarginView
    margin_rise: str
    delta: DeltaView | None
    greeks_after: list[GreeksView]
    payoff: list[PayoffView]
    funding: list[FundingView]
    snapshot: SnapshotView
