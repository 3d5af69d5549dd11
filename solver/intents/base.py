"""The frame of every intent kind: human request -> signed ranges -> Program.

A kind states its legs, what limits matter to it and the shape it answers to; everything else is
here, once. `draft` never answers an intent that `compile` would refuse.
"""

from abc import ABC, abstractmethod
from collections import Counter
from typing import Any, ClassVar, NamedTuple

from solver.domain.account import Account
from solver.domain.errors import Infeasible, Malformed
from solver.domain.ids import ZERO_ADDRESS, Address
from solver.domain.instrument import KIND_OF_RIGHT, Instrument, Kind
from solver.domain.intent import (
    NO_COST_LIMIT,
    NO_DELTA_LIMIT,
    NO_MARGIN_LIMIT,
    NO_SLIPPAGE_LIMIT,
    Leg,
    Limits,
    OutcomeIntent,
)
from solver.domain.numbers import parse_decimal
from solver.domain.program import CollateralFlow, DeltaBox, Exposure, Program, TokenFlow
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.typed_data import keccak
from solver.intents.envelope import Signed, check, refuse
from solver.intents.wire import VALID_SECONDS_MAX, Terms, Wire
from solver.routing.charge import authority_gas

Role = tuple[str, str]  # (kind, side) of a leg
Shape = dict[Role, tuple[int, int]]  # how many legs of a role, least and most
Asked = str | dict[str, Any] | None  # a name, a selector, or nothing: it follows from the others


class Context(NamedTuple):
    """What a draft may look at."""

    account: Account
    snapshot: Snapshot
    terms: Terms


class OutcomeKind(Wire, ABC):
    """One kind of outcome. Subclasses name their `outcome` word, `shape` and `legs`."""

    shape: ClassVar[Shape]
    example: ClassVar[dict[str, Any]]  # {"request": .., "terms": ..} as a client would send them

    @abstractmethod
    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the concrete ranges that the request grants."""

    def limits(self, context: Context) -> Limits:
        """Returns the bounds on the whole outcome; kinds tighten what matters to them."""
        return limits_of(context)

    def asked(self) -> dict[int, Asked]:
        """Returns how the contract of an option leg was asked for, by the leg's index."""
        return {}

    def left_out(self, account: Account, snapshot: Snapshot) -> tuple[str, ...]:
        """Returns the names of positions that the request means and no leg can trade."""
        return ()

    def paid_to(self, context: Context) -> Address:
        """Returns where bought tokens go; zero keeps them as collateral."""
        return context.terms.receiver or ZERO_ADDRESS

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Raises what only this kind refuses, once envelope and shape stand."""

    def draft(self, account: Account, snapshot: Snapshot, terms: Terms) -> OutcomeIntent:
        """Returns the intent to sign. Raises Malformed with the field that is wrong."""
        context = Context(account, snapshot, terms)
        if (terms.owner, terms.subaccount) != account.id[1:]:
            raise Malformed("the terms name another account", field="terms.owner")
        if not 0 < terms.valid_for_seconds <= VALID_SECONDS_MAX:
            detail = f"an intent is valid for 1 to {VALID_SECONDS_MAX} seconds"
            raise Malformed(detail, field="terms.validForSeconds")
        intent = OutcomeIntent(
            owner=terms.owner,
            subaccount=terms.subaccount,
            receiver=self.paid_to(context),
            outcome=self.outcome_word(),
            legs=self.legs(context),
            limits=self.limits(context),
            is_partially_fillable=terms.partially_fillable,
            valid_from=0,
            valid_to=snapshot.time + terms.valid_for_seconds,
            nonce=_nonce(self, context) if terms.nonce is None else terms.nonce,
            app_data=bytes.fromhex(terms.app_data[2:]),
        )
        self.compile(intent, account, snapshot, terms.scheme)
        return intent

    @classmethod
    def compile(
        cls, intent: OutcomeIntent, account: Account, snapshot: Snapshot, scheme: str
    ) -> Program:
        """Returns what the signed ranges ask. Raises Malformed, Refused or Infeasible."""
        signed = Signed(intent, account, snapshot, scheme)
        check(signed)
        _check_shape(intent, cls.shape)
        cls.check(signed)
        return _program(signed)

    @classmethod
    def outcome_word(cls) -> str:
        """Returns the word in the signed `outcome` field."""
        return str(cls.model_fields["outcome"].default)


def limits_of(
    context: Context, min_premium: str | None = None, max_cost: str | None = None
) -> Limits:
    """Returns the terms as signed limits; the kind's own bounds are in settlement units."""
    terms, token = context.terms, context.snapshot.settlement_token
    places = token.decimals
    margin = terms.max_margin_used
    return Limits(
        settlement_token=token.address,
        max_net_cost=_net_cost(terms, min_premium, max_cost, places),
        max_fee=decimal(terms.max_fee, places, "terms.maxFee"),
        max_slippage_bps=NO_SLIPPAGE_LIMIT if terms.slippage_bps is None else terms.slippage_bps,
        max_margin_used=(
            NO_MARGIN_LIMIT if margin is None else decimal(margin, places, "terms.maxMarginUsed")
        ),
        min_health=decimal(terms.min_health or "0", 18, "terms.minHealth"),
    )


def decimal(text: str, places: int, field: str) -> int:
    """Returns `text` in units of 10**-places. Raises Malformed with the field."""
    try:
        return parse_decimal(text, places)
    except Malformed as error:
        raise Malformed(error.detail, field=field) from None


def positive(text: str, places: int, field: str) -> int:
    """Returns `text` in units of 10**-places; zero is refused too."""
    value = decimal(text, places, field)
    if value <= 0:
        raise Malformed("must be above zero", field=field)
    return value


def exact_option(base: Address, side: str, instrument: Instrument, quantity: int) -> Leg:
    """Returns a leg that names one contract and one quantity, 1e18."""
    right = next(right for right, kind in KIND_OF_RIGHT.items() if kind is instrument.kind)
    strike, expiry = instrument.strike, instrument.expiry
    return Leg("option", base, side, right, strike, strike, expiry, expiry, quantity, quantity)


def only_contract(leg: Leg, index: int, snapshot: Snapshot) -> Instrument:
    """Returns the one contract that a perp or option leg names. Raises Malformed for a range."""
    if (leg.strike_min, leg.expiry_min) != (leg.strike_max, leg.expiry_max):
        is_strike = leg.strike_min != leg.strike_max
        field = f"legs.{index}.{'strikeMax' if is_strike else 'expiryMax'}"
        raise Malformed("the leg must name one contract", code="legShape", field=field)
    underlying = snapshot.underlying_of(leg.asset)
    if underlying is None:
        raise refuse("LegRange", "the asset is not an underlying here", f"legs.{index}.asset")
    kind = Kind.PERP if leg.kind == "perp" else KIND_OF_RIGHT[leg.right]
    return Instrument(underlying.market, kind, leg.expiry_min, leg.strike_min)


def _net_cost(terms: Terms, min_premium: str | None, max_cost: str | None, places: int) -> int:
    given = [
        ("terms.maxNetCost", terms.max_net_cost, 1),
        ("terms.minNetPremium", terms.min_net_premium, -1),
        ("request.minNetPremium", min_premium, -1),
        ("request.maxNetCost", max_cost, 1),
    ]
    said = [(field, text, sign) for field, text, sign in given if text is not None]
    if len(said) > 1:
        raise Malformed("the net cost is bounded once", field=said[1][0])
    return next((sign * decimal(text, places, field) for field, text, sign in said), NO_COST_LIMIT)


def _nonce(request: OutcomeKind, context: Context) -> int:
    """Returns epoch | lane | 0 with the lane from content: a pure function cannot draw one."""
    content = request.model_dump_json() + context.terms.model_dump_json()
    seed = content.encode() + context.account.id.key + context.snapshot.hash
    lane = int.from_bytes(keccak(seed)[:23], "big")
    return context.account.epoch << 192 | lane << 8


def _check_shape(intent: OutcomeIntent, shape: Shape) -> None:
    seen: Counter[Role] = Counter()
    for index, leg in enumerate(intent.legs):
        role = (leg.kind, leg.side)
        seen[role] += 1
        if seen[role] > shape.get(role, (0, 0))[1]:
            detail = f"{intent.outcome[:32]} has no place for this {leg.kind} {leg.side} leg"
            raise Malformed(detail, code="legShape", field=f"legs.{index}")
    for (kind, side), (least, _) in shape.items():
        if seen[kind, side] < least:
            detail = f"{intent.outcome[:32]} needs a {kind} {side} leg"
            raise Malformed(detail, code="legShape", field="legs")


def _program(signed: Signed) -> Program:
    intent, snapshot = signed.intent, signed.snapshot
    legs = tuple(enumerate(intent.legs))
    return Program(
        account=signed.account.id,
        receiver=intent.receiver,
        sells=_flows(legs, "sell"),
        buys=_flows(legs, "buy"),
        collateral=tuple(
            CollateralFlow(i, leg.asset, leg.side, leg.quantity_min, leg.quantity_max)
            for i, leg in legs
            if leg.kind == "collateral"
        ),
        exposures=tuple(_exposure(i, leg, snapshot) for i, leg in legs if _is_derivative(leg)),
        delta=_delta_box(intent, snapshot),
        limits=intent.limits,
        is_from_wallet=signed.scheme == "permit2",
        authority_gas=authority_gas(signed.scheme),
    )


def _is_derivative(leg: Leg) -> bool:
    return leg.kind in ("perp", "option")


def _flows(legs: tuple[tuple[int, Leg], ...], side: str) -> tuple[TokenFlow, ...]:
    return tuple(
        TokenFlow(i, leg.asset, leg.quantity_min, leg.quantity_max)
        for i, leg in legs
        if (leg.kind, leg.side) == ("token", side)
    )


def _exposure(index: int, leg: Leg, snapshot: Snapshot) -> Exposure:
    underlying = snapshot.underlying_of(leg.asset)
    if underlying is None:
        raise refuse("LegRange", "the asset is not an underlying here", f"legs.{index}.asset")
    candidates = _candidates(leg, underlying, snapshot.time)
    if not candidates:
        detail = f"no contract that still trades lies within leg {index}"
        raise Infeasible(detail, code="noContract", field=f"legs.{index}")
    return Exposure(
        index, leg.side, candidates, leg.quantity_min, leg.quantity_max, leg.limit_price
    )


def _candidates(leg: Leg, underlying: Underlying, time: int) -> tuple[int, ...]:
    """Returns packed ids: the contract an exact leg names, or all listed within its ranges."""
    market = underlying.market
    if leg.kind == "perp":
        return (Instrument(market, Kind.PERP).id,)
    kind = KIND_OF_RIGHT[leg.right]
    is_exact = (leg.strike_min, leg.expiry_min) == (leg.strike_max, leg.expiry_max)
    expiries = (leg.expiry_min,) if is_exact else underlying.expiries
    return tuple(
        Instrument(market, kind, expiry, strike).id
        for expiry in sorted(expiries)
        if leg.expiry_min <= expiry <= leg.expiry_max and expiry > time
        for strike in _strikes(leg, kind, expiry, underlying)
        if leg.strike_min <= strike <= leg.strike_max
    )


def _strikes(leg: Leg, kind: Kind, expiry: int, underlying: Underlying) -> list[int]:
    is_exact = (leg.strike_min, leg.expiry_min) == (leg.strike_max, leg.expiry_max)
    return [leg.strike_min] if is_exact else sorted(underlying.strikes_of(kind, expiry))


def _delta_box(intent: OutcomeIntent, snapshot: Snapshot) -> DeltaBox | None:
    limits = intent.limits
    underlying = snapshot.underlying_of(intent.legs[0].asset)
    if limits.delta_tolerance == NO_DELTA_LIMIT or underlying is None:
        return None
    return DeltaBox(underlying.market, limits.target_delta, limits.delta_tolerance)
