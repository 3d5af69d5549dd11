"""What an owner grants an agent's key, and whether it covers an intent: twin of Mandates.sol.

The same rules in the same order as the contract, which is the last word; what is refused here says
why in words. Budgets count what was traded, never signed caps. `places` are the decimals of the
settlement token, for sentences only: the data of a refusal are the signed integers.
"""

from typing import NamedTuple

from solver.domain.calendar import DAY, rfc3339
from solver.domain.errors import Infeasible, Unauthorized
from solver.domain.ids import ZERO_ADDRESS, Address
from solver.domain.intent import NO_MARGIN_LIMIT, NO_SLIPPAGE_LIMIT, OutcomeIntent
from solver.domain.numbers import UINT256_MAX, format_decimal

REVOKED = UINT256_MAX  # the meter's word of a mandate that was taken back
BUDGET_RULES = frozenset({"notionalPerDay", "lossPerDay"})
_LANE_BITS = 112
_LANE_MAX = 2**_LANE_BITS - 1


class Mandate(NamedTuple):
    """An owner-signed grant. Budgets and margin are settlement atoms per UTC day, health is 1e18,
    times are unix seconds; `assets` are tokens and the bases of underlyings.
    """

    owner: Address
    subaccount: int
    agent: Address
    valid_from: int
    valid_to: int
    outcomes: tuple[str, ...]
    assets: tuple[Address, ...]
    notional_per_day: int
    loss_per_day: int
    max_slippage_bps: int
    max_margin_used: int
    min_health: int
    nonce: int


class Used(NamedTuple):
    """What was traded: notional at the mark, and slippage loss plus fee. Settlement atoms."""

    notional: int = 0
    loss: int = 0


class ScopeExceeded(Unauthorized):
    """The mandate does not cover the intent, whenever it is tried."""

    code = "scopeExceeded"


class BudgetExceeded(Infeasible):
    """Today's budget does not carry the plan; the next day's may."""

    code = "scopeExceeded"


def require_covered(mandate: Mandate, intent: OutcomeIntent, now: int, places: int = 0) -> None:
    """Raises ScopeExceeded with {rule, wanted, granted} unless the mandate covers the intent at
    the unix second `now`, as Mandates.verify judges it.
    """
    _require_who(mandate, intent)
    _require_time(mandate, now)
    if intent.receiver != ZERO_ADDRESS:
        detail = "under a mandate nothing leaves the account: leave the receiver out"
        raise _exceeded("receiver", intent.receiver, ZERO_ADDRESS, detail)
    _require_what(mandate, intent)
    _require_limits(mandate, intent, places)


def require_budget(mandate: Mandate, word: int, more: Used, now: int, places: int = 0) -> None:
    """Raises unless the mandate's day at `now` carries `more` beside what `word` has metered.

    ScopeExceeded when it was revoked, BudgetExceeded otherwise, as Mandates.meter judges it; its
    data also hold what is `left` and when the day `resetsAt`, unix seconds.
    """
    require_unrevoked(word)
    used = used_today(word, now)
    rows = (
        ("notionalPerDay", "notional", used.notional, more.notional, mandate.notional_per_day),
        ("lossPerDay", "loss", used.loss, more.loss, mandate.loss_per_day),
    )
    for rule, what, before, added, budget in rows:
        granted = min(budget, _LANE_MAX - 1)
        if before + added <= granted:
            continue
        left, resets_at = max(0, granted - before), next_day(now)
        detail = (
            f"it needs {format_decimal(added, places)} of today's {what}, of which "
            f"{format_decimal(left, places)} is left; new at {rfc3339(resets_at)}"
        )
        told = _told(rule, before + added, granted)
        told |= {"left": str(left), "resetsAt": str(resets_at)}
        raise BudgetExceeded(detail, field="mandate", data=told)


def require_unrevoked(word: int) -> None:
    """Raises ScopeExceeded when the chain's meter says that the mandate was revoked."""
    if word == REVOKED:
        raise _exceeded("revoked", 0, 0, "the owner has revoked this mandate")


def used_today(word: int, now: int) -> Used:
    """Returns what day(32) | notional(112) | loss(112) has counted on the UTC day of `now`."""
    if word == REVOKED or word >> 2 * _LANE_BITS != now // DAY:
        return Used()
    return Used(word >> _LANE_BITS & _LANE_MAX, word & _LANE_MAX)


def left_today(mandate: Mandate, word: int, now: int) -> Used:
    """Returns what the mandate's day still carries; nothing once it was revoked."""
    if word == REVOKED:
        return Used()
    used = used_today(word, now)
    return Used(
        max(0, min(mandate.notional_per_day, _LANE_MAX - 1) - used.notional),
        max(0, min(mandate.loss_per_day, _LANE_MAX - 1) - used.loss),
    )


def next_day(now: int) -> int:
    """Returns the unix second of the next UTC midnight, when every budget is new."""
    return (now // DAY + 1) * DAY


def _require_who(mandate: Mandate, intent: OutcomeIntent) -> None:
    if mandate.owner != intent.owner:
        detail = "the mandate is another owner's"
        raise _exceeded("owner", intent.owner, mandate.owner, detail)
    if mandate.subaccount != intent.subaccount:
        detail = f"the mandate is for subaccount {mandate.subaccount}, not {intent.subaccount}"
        raise _exceeded("subaccount", intent.subaccount, mandate.subaccount, detail)


def _require_time(mandate: Mandate, now: int) -> None:
    if mandate.valid_from > now:
        detail = f"the mandate begins at {rfc3339(mandate.valid_from)}"
        raise _exceeded("validFrom", mandate.valid_from, now, detail)
    if now > mandate.valid_to:
        detail = f"the mandate ended at {rfc3339(mandate.valid_to)}"
        raise _exceeded("validTo", now, mandate.valid_to, detail)


def _require_what(mandate: Mandate, intent: OutcomeIntent) -> None:
    if intent.outcome not in mandate.outcomes:
        granted = ", ".join(mandate.outcomes) or "none"
        detail = f"the mandate grants the outcomes {granted}, not {intent.outcome}"
        raise _exceeded("outcomes", intent.outcome, granted, detail)
    for index, leg in enumerate(intent.legs):
        if leg.side == "withdraw":
            detail = "under a mandate nothing is withdrawn"
            raise _exceeded("withdraw", index, 0, detail)
        if leg.asset not in mandate.assets:
            granted = ", ".join(mandate.assets) or "none"
            detail = f"leg {index} is in an asset that the mandate does not grant"
            raise _exceeded("assets", leg.asset, granted, detail)


def _require_limits(mandate: Mandate, intent: OutcomeIntent, places: int) -> None:
    limits = intent.limits
    for granted in (mandate.max_slippage_bps, NO_SLIPPAGE_LIMIT - 1):
        if limits.max_slippage_bps > granted:
            wanted = _bps(limits.max_slippage_bps)
            detail = f"the slippage may be {wanted}, the mandate grants {_bps(granted)}"
            raise _exceeded("maxSlippageBps", limits.max_slippage_bps, granted, detail)
    if limits.max_margin_used > mandate.max_margin_used:
        wanted = _margin(limits.max_margin_used, places)
        granted_text = _margin(mandate.max_margin_used, places)
        detail = f"margin may rise by {wanted}, the mandate grants {granted_text}"
        raise _exceeded("maxMarginUsed", limits.max_margin_used, mandate.max_margin_used, detail)
    if mandate.min_health > limits.min_health:
        wanted, least = format_decimal(limits.min_health), format_decimal(mandate.min_health)
        detail = f"health may fall to {wanted}, the mandate asks for at least {least}"
        raise _exceeded("minHealth", mandate.min_health, limits.min_health, detail)


def _bps(value: int) -> str:
    return "without limit" if value >= NO_SLIPPAGE_LIMIT - 1 else f"{value} bps"


def _margin(value: int, places: int) -> str:
    return "any amount" if value == NO_MARGIN_LIMIT else format_decimal(value, places)


def _exceeded(rule: str, wanted: int | str, granted: int | str, detail: str) -> ScopeExceeded:
    return ScopeExceeded(detail, field="mandate", data=_told(rule, wanted, granted))


def _told(rule: str, wanted: int | str, granted: int | str) -> dict[str, object]:
    return {"rule": rule, "wanted": str(wanted), "granted": str(granted)}
