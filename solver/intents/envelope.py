"""What a signed intent of any kind must satisfy before it is solved.

Everything the contracts refuse from the intent alone is refused here first, by the same name in
lower camel case (`unbounded`, `partialDelta`, `legSide`, ..), with the field that is wrong. In one
point stricter than the chain: a derivative leg of any side needs a price, cost or slippage bound.
"""

from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.errors import Expired, Malformed, Refused
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.instrument import KIND_OF_RIGHT, QUANTITY_MAX, STRIKE_MAX
from solver.domain.intent import (
    LEGS_MAX,
    NO_COST_LIMIT,
    NO_DELTA_LIMIT,
    NO_SLIPPAGE_LIMIT,
    SCHEMES,
    Leg,
    OutcomeIntent,
)
from solver.domain.snapshot import Snapshot

EXPIRY_MAX = 2**40 - 1
DERIVATIVES = ("perp", "option")
SIDES = {
    "token": ("buy", "sell"),
    "perp": ("buy", "sell", "auto"),
    "option": ("buy", "sell", "auto"),
    "collateral": ("deposit", "withdraw", "auto"),
}


class Signed(NamedTuple):
    """An intent beside what decides whether it can stand."""

    intent: OutcomeIntent
    account: Account
    snapshot: Snapshot
    scheme: str


def check(signed: Signed) -> None:
    """Raises Malformed, Expired or Refused with the contract's name of the rule and the field."""
    _check_authority(signed)
    _check_time(signed)
    legs = signed.intent.legs
    if not 0 < len(legs) <= LEGS_MAX:
        raise Malformed(f"an intent has 1 to {LEGS_MAX} legs", field="legs")
    for index, leg in enumerate(legs):
        field = f"legs.{index}"
        _check_words(leg, field, signed.snapshot)
        _check_asset(leg, field, signed.snapshot)
        _check_ranges(leg, field)
        _check_bounded(leg, field, signed.intent)
        _check_funding(leg, field, signed)
    _check_limits(signed)


def refuse(rule: str, detail: str, field: str) -> Malformed:
    """Returns the error of a contract rule: `rule` is the contract's error name."""
    return Malformed(detail, code=rule[0].lower() + rule[1:], field=field)


def _check_authority(signed: Signed) -> None:
    intent, scheme = signed.intent, signed.scheme
    if scheme not in SCHEMES:
        raise refuse("UnknownScheme", f"schemes are {', '.join(SCHEMES)}", "scheme")
    if (intent.owner, intent.subaccount) != signed.account.id[1:]:
        raise Malformed("the intent names another account", field="owner")
    if intent.nonce >> 192 < signed.account.epoch:
        detail = f"nonces below epoch {signed.account.epoch} are cancelled"
        raise Refused(detail, code="epochStale", field="nonce")
    if not intent.is_partially_fillable:
        return
    if scheme == "permit2":
        raise refuse("NotPartial", "Permit2 spends its nonce at once", "partiallyFillable")
    if intent.limits.delta_tolerance != NO_DELTA_LIMIT:
        detail = "an absolute delta target cannot hold at a part of the way"
        raise refuse("PartialDelta", detail, "limits.deltaTolerance")


def _check_time(signed: Signed) -> None:
    intent, now = signed.intent, signed.snapshot.time
    if intent.valid_to < now:
        detail = f"validTo {intent.valid_to} is before {now}"
        raise Expired(detail, code="tooLate", field="validTo")
    if intent.valid_from > intent.valid_to:
        raise Malformed("validFrom is after validTo", field="validFrom")


def _check_words(leg: Leg, field: str, snapshot: Snapshot) -> None:
    if leg.kind == "bridge" or leg.chain_id not in (0, snapshot.chain_id):
        raise refuse("WrongChain", f"legs settle on chain {snapshot.chain_id}", f"{field}.chainId")
    if leg.kind not in SIDES:
        raise refuse("LegKind", f"kinds are {', '.join(SIDES)}", f"{field}.kind")
    if leg.side not in SIDES[leg.kind]:
        detail = f"a {leg.kind} leg takes {', '.join(SIDES[leg.kind])}"
        raise refuse("LegSide", detail, f"{field}.side")
    if leg.kind == "option":
        if leg.right not in KIND_OF_RIGHT:
            detail = f"rights are {', '.join(KIND_OF_RIGHT)}"
            raise refuse("LegRange", detail, f"{field}.right")
    elif leg.right:
        raise refuse("LegRange", f"a {leg.kind} leg has no right", f"{field}.right")


def _check_asset(leg: Leg, field: str, snapshot: Snapshot) -> None:
    is_market = snapshot.underlying_of(leg.asset) is not None
    is_settlement = leg.asset == snapshot.settlement_token.address
    if leg.kind in DERIVATIVES and not is_market:
        raise refuse("LegRange", "the asset is not an underlying here", f"{field}.asset")
    is_listed = is_settlement or snapshot.token(leg.asset) is not None
    if leg.kind == "token" and not (is_market or is_listed):
        raise refuse("TokenNotListed", "the token is not listed here", f"{field}.asset")
    if leg.kind == "collateral" and not (is_market or is_settlement):
        raise refuse("TokenNotListed", "the token is not collateral here", f"{field}.asset")


def _check_ranges(leg: Leg, field: str) -> None:
    if leg.kind == "option":
        if not 0 < leg.strike_min <= leg.strike_max <= STRIKE_MAX:
            raise refuse("LegRange", "strikes are 0 < min <= max < 2^96", f"{field}.strikeMin")
        if not 0 < leg.expiry_min <= leg.expiry_max <= EXPIRY_MAX:
            raise refuse("LegRange", "expiries are 0 < min <= max < 2^40", f"{field}.expiryMin")
    elif any((leg.strike_min, leg.strike_max, leg.expiry_min, leg.expiry_max)):
        raise refuse("LegRange", f"a {leg.kind} leg has no strike or expiry", f"{field}.strikeMin")
    if leg.quantity_min > leg.quantity_max:
        raise refuse("LegQuantity", "quantityMin is above quantityMax", f"{field}.quantityMin")
    is_derivative = leg.kind in DERIVATIVES
    if is_derivative and not 0 < leg.quantity_max <= QUANTITY_MAX:
        raise refuse("LegQuantity", "quantities are 0 < q < 2^95", f"{field}.quantityMax")


def _check_bounded(leg: Leg, field: str, intent: OutcomeIntent) -> None:
    is_auto_or_plain = leg.kind not in DERIVATIVES or leg.side == "auto"
    if leg.limit_price and is_auto_or_plain:
        detail = "only bought or sold perps and options have a limit price"
        raise refuse("LegPrice", detail, f"{field}.limitPrice")
    limits = intent.limits
    is_free = (limits.max_slippage_bps, limits.max_net_cost) == (NO_SLIPPAGE_LIMIT, NO_COST_LIMIT)
    if leg.kind in DERIVATIVES and not leg.limit_price and is_free:
        detail = "the leg needs a limit price, a slippage bound or a net-cost bound"
        raise refuse("Unbounded", detail, field)


def _check_funding(leg: Leg, field: str, signed: Signed) -> None:
    if leg.side == "deposit" and signed.scheme != "permit2":
        detail = "a deposit comes from the wallet, by scheme permit2"
        raise refuse("WalletPullNeedsPermit2", detail, field)
    if leg.side == "withdraw" and signed.intent.receiver == ZERO_ADDRESS:
        raise refuse("ReceiverMissing", "a withdrawal names its receiver", "receiver")


def _check_limits(signed: Signed) -> None:
    intent, snapshot = signed.intent, signed.snapshot
    limits = intent.limits
    field = "limits.settlementToken"
    is_quote = limits.settlement_token == snapshot.settlement_token.address
    if not is_quote and any(leg.kind in DERIVATIVES for leg in intent.legs):
        detail = f"derivatives settle in {snapshot.settlement_token.symbol}"
        raise refuse("NotQuoteToken", detail, field)
    if not is_quote and snapshot.token(limits.settlement_token) is None:
        raise refuse("TokenNotListed", "the settlement token is not listed here", field)
    if limits.delta_tolerance != NO_DELTA_LIMIT:
        if snapshot.underlying_of(intent.legs[0].asset) is None:
            detail = "net delta is measured in the first leg's asset, which is no underlying"
            raise refuse("DeltaUnattested", detail, "legs.0.asset")
