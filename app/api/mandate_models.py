"""Mandates as they come in and go out over HTTP, as types. See `models` for the units."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from app.api.models import CancelledIntent
from app.api.plan_models import View
from solver.domain.mandate import Mandate
from solver.intents.wire import AddressText, Amount, Name, Uint32, Uint64, Uint256, Wire

OUTCOMES_MAX, ASSETS_MAX = 32, 32
Word = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,32}$")]
Outcomes = Annotated[list[Word], Field(min_length=1, max_length=OUTCOMES_MAX)]


class MandateTerms(Wire):
    """A grant in human terms. Money in whole settlement units, per UTC day; `assets` are symbols
    or addresses of tokens and underlyings. Without maxMarginUsed any rise is granted, without
    minHealth any health; without validFrom it begins at once.
    """

    owner: AddressText
    agent: AddressText
    subaccount: Uint64 = 0
    outcomes: Outcomes
    assets: Annotated[list[Name], Field(min_length=1, max_length=ASSETS_MAX)]
    notional_per_day: Amount
    loss_per_day: Amount
    slippage_bps: Uint32
    max_margin_used: Amount | None = None
    min_health: Amount | None = None
    valid_from: Uint32 | None = None
    valid_for_seconds: Uint32 = 7 * 86_400
    nonce: Uint256 | None = None


class MandateMessage(Wire):
    """The message of the typed data, exactly as it was signed."""

    owner: AddressText
    subaccount: Uint64
    agent: AddressText
    valid_from: Uint32
    valid_to: Uint32
    outcomes: Outcomes
    assets: Annotated[list[AddressText], Field(min_length=1, max_length=ASSETS_MAX)]
    notional_per_day: Uint256
    loss_per_day: Uint256
    max_slippage_bps: Uint32
    max_margin_used: Uint256
    min_health: Uint256
    nonce: Uint256

    def mandate(self) -> Mandate:
        """Returns the value it means."""
        fields = {name: getattr(self, name) for name in Mandate._fields}
        fields |= {name: tuple(fields[name]) for name in ("outcomes", "assets")}
        return Mandate(**fields)


class MandateDraft(View):
    """A grant to sign. Nothing was stored."""

    id: str
    mandate: dict[str, Any]
    typed_data: dict[str, Any]


class MandateDay(View):
    """The chain's meter of the UTC day, in whole settlement units."""

    notional_used: str
    notional_left: str
    loss_used: str
    loss_left: str
    resets_at: str


class MandateView(View):
    """A grant and where it stands: active, notYetValid, expired, revoked, epochStale, nonceSpent.
    `revokedTx` is the chain's proof; without one only this service is bound.
    """

    id: str
    owner: str
    subaccount: str
    agent: str
    state: str
    mandate: dict[str, Any]
    today: MandateDay
    valid_from: str
    valid_to: str
    created_at: str
    revoked_at: str | None
    revoked_tx: str | None


class MandatePage(View):
    """Newest first; `cursor` asks for the next page, null when there is none."""

    mandates: list[MandateView]
    cursor: str | None


class OnChain(View):
    """A call that the owner sends."""

    to: str
    data: str


class Revocation(View):
    """How to take it back: typed data for DELETE here, or the call that is the proof."""

    typed_data: dict[str, Any]
    on_chain: OnChain


class MandateDetail(MandateView):
    """One grant, with what its owner needs to take it back."""

    revocation: Revocation


class MandateRevocation(View):
    """It binds this service at once; `onChain` is the call that binds everyone. `intents` are what
    was open under it and where that ended.
    """

    id: str
    state: str
    intents: list[CancelledIntent]
    on_chain: OnChain
