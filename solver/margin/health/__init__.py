"""The state of an account as a pure function of what one snapshot says of it, and what it may do.

RISK.md 2.3 in integers: thresholds with hysteresis, two valid snapshots in a row before anybody is
liquidated (one below two thirds of maintenance), the user-favourable bound while the oracle is not
sure, nothing at all while it is silent, and one reversal in ten seconds unless prices moved.
"""

import enum
from typing import NamedTuple

from solver.domain.event import HealthChanged
from solver.domain.health import (
    BANKRUPT,
    BREACHES_MAX,
    CLOSED,
    ENDING,
    HEALTHY,
    LIQUIDATING,
    RANK,
    REDUCE_ONLY,
    WARNING,
    Health,
    Prices,
    folded,
    prices_of,
    wire_prices,
)
from solver.domain.numbers import BPS

OK, UNCERTAIN, DEGRADED, HALT = "OK", "UNCERTAIN", "DEGRADED", "HALT"
ORACLE_STATES = (OK, UNCERTAIN, DEGRADED, HALT)  # from good to bad
BREAKER_STATES = ("active", "reducing", "halted")
WARNING_PERCENT, HEALTHY_PERCENT = 110, 112  # of the initial requirement
RELEASE_PERCENT = 115  # of maintenance: where liquidation stops, here and on chain
LIKELY_PPM, UNLIKELY_PPM = 10_000, 5_000  # of a breach within the hour
REVERSAL_MS, MOVE_BPS = 10_000, 10
ROW_MS = 600_000  # two breaches further apart are not in a row: ten minutes, as on chain


class Facts(NamedTuple):
    """What a snapshot says of an account. Settlement atoms, equity down and requirements up.

    `best_equity` and `best_maintenance` are at the bound of the prices' confidence that favours the
    account, equal to the others where the oracle is OK. `is_open`: it holds what can still lose, or
    owes. `worth` is its equity at the marks where an engine that leaves longs out of it says that
    it is gone, else None. `breach_ppm` is the chance of equity below maintenance within the hour.
    `is_sold_out`: the price of its auction has come down to nothing.
    """

    snapshot: str  # hash, hex
    time_ms: int
    prices: Prices
    oracle: str  # the worst state of the markets held
    engine: str
    equity: int
    initial: int
    maintenance: int
    best_equity: int
    best_maintenance: int
    is_open: bool
    breach_ppm: int = 0
    is_sold_out: bool = False
    worth: int | None = None

    @property
    def is_breached(self) -> bool:
        """Whether maintenance is breached even at the bound that favours the account."""
        is_known = self.is_open and self.oracle != HALT
        return is_known and self.best_equity < self.best_maintenance

    @property
    def is_unsure(self) -> bool:
        """Whether maintenance is breached only if a price in doubt is right: that proves no breach,
        and does not take one back either."""
        is_below = self.is_open and self.equity < self.maintenance
        return is_below and self.oracle != OK and not self.is_breached

    @property
    def is_gone(self) -> bool:
        """Whether there is no equity left, by the engine and by the marks."""
        is_worthless = self.worth is None or self.worth <= 0
        return self.is_breached and self.best_equity <= 0 and is_worthless


class Action(enum.Enum):
    """What can be asked of an account, or be done to it."""

    CANCEL = "cancel"
    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    LEAVE = "leave"  # withdraw from an account without positions
    REDUCE = "reduce"  # what raises equity less requirement
    CURE = "cure"  # the same under a mandate that the owner signed before
    RISK = "risk"  # everything else
    LIQUIDATE = "liquidate"
    DELEVERAGE = "deleverage"


Actions = frozenset[Action]
_ALWAYS = frozenset({Action.CANCEL, Action.DEPOSIT})
_ENGINE = frozenset({Action.LIQUIDATE, Action.DELEVERAGE})
_ALL = frozenset(Action) - _ENGINE
_OF_HEALTH: dict[str, Actions] = {
    HEALTHY: _ALL,
    WARNING: _ALL,
    REDUCE_ONLY: _ALWAYS | {Action.REDUCE, Action.CURE},
    LIQUIDATING: _ALWAYS | {Action.CURE, Action.LIQUIDATE},
    BANKRUPT: _ALWAYS | {Action.CURE, *_ENGINE},
    CLOSED: _ALWAYS | {Action.LEAVE},
}
_UNSURE = _ALL - {Action.RISK} | _ENGINE  # the engine only where `may_liquidate`
_OF_ORACLE: dict[str, Actions] = {
    OK: _ALL | _ENGINE,
    UNCERTAIN: _UNSURE,
    DEGRADED: _UNSURE,
    HALT: _ALWAYS | {Action.LEAVE, Action.REDUCE},
}
_OF_BREAKER: dict[str, Actions] = {
    "active": _ALL | _ENGINE,
    "reducing": _ALL - {Action.RISK} | _ENGINE,
    "halted": _ALWAYS | {Action.WITHDRAW, Action.LEAVE},
}


def allowed(health: str, oracle: str = OK, breaker: str = "active") -> Actions:
    """Returns what health, oracle and breaker all permit; cancels and deposits always are.

    Raises KeyError for a state there is none of.
    """
    return _OF_HEALTH[health] & _OF_ORACLE[oracle] & _OF_BREAKER[breaker]


def may_liquidate(health: Health, facts: Facts) -> bool:
    """Returns whether the engine may act on the account now: it is at its end, prices are known,
    and where they are not sure maintenance is breached at the bound that favours the account."""
    if health.state not in ENDING or facts.oracle == HALT:
        return False
    return facts.oracle == OK or facts.is_breached


def reduces(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Returns whether going from one (equity, initial requirement) to another raises equity less
    requirement and does not raise the requirement itself."""
    is_better = after[0] - after[1] > before[0] - before[1]
    return is_better and after[1] <= before[1]


def step(health: Health, facts: Facts) -> Health:
    """Returns where the account stands after the snapshot. Total: every state has a next one."""
    event = judgement(health, facts)
    return health if event is None else folded(health, event)


def judgement(health: Health, facts: Facts) -> HealthChanged | None:
    """Returns the event that a snapshot is for an account; None where nothing changes."""
    breaches = _breaches(health, facts)
    state, cause = _wanted(health, facts, breaches)
    if state != health.state and _is_too_soon(health, facts, state):
        state, cause = health.state, "reversedJustNow"
    is_known = not (facts.is_breached or facts.is_unsure or _is_silent(facts))
    if state not in ENDING and is_known:
        breaches = 0
    is_anew = facts.is_breached and state not in ENDING and _is_old(health, facts)
    if (state, breaches) == (health.state, health.breaches) and not is_anew:
        return None
    if state == health.state and cause != "reversedJustNow":
        cause = "maintenanceBreached" if breaches else "breachEnded"
    is_ending = state in ENDING
    return HealthChanged(
        from_state=health.state,
        to_state=state,
        cause=cause,
        engine=facts.engine,
        equity=facts.best_equity if is_ending else facts.equity,
        initial=facts.initial,
        maintenance=facts.best_maintenance if is_ending else facts.maintenance,
        breaches=breaches,
        snapshot=facts.snapshot,
        time_ms=facts.time_ms,
        prices=wire_prices(facts.prices),
    )


def _is_silent(facts: Facts) -> bool:
    return facts.oracle == HALT and facts.is_open


def _breaches(health: Health, facts: Facts) -> int:
    """Returns the valid snapshots in a row that showed a breach; one instant counts once."""
    if _is_silent(facts) or facts.is_unsure or health.state in ENDING:
        return health.breaches
    if not facts.is_breached:
        return 0
    if _is_old(health, facts):
        return 1
    is_next = facts.time_ms > health.time_ms or health.breaches == 0
    return min(health.breaches + is_next, BREACHES_MAX)


def _is_old(health: Health, facts: Facts) -> bool:
    """Whether a breach is known from long ago, or from a time that a reorg took back: what was in
    between nobody saw."""
    return health.breaches > 0 and abs(facts.time_ms - health.time_ms) > ROW_MS


def _wanted(health: Health, facts: Facts, breaches: int) -> tuple[str, str]:
    """Returns the state that the figures ask for, and why."""
    if not facts.is_open:
        return _flat(health)
    if facts.oracle == HALT:
        return health.state, ""
    if health.state in ENDING:
        return _ending(health, facts)
    is_severe = 3 * facts.best_equity < 2 * facts.best_maintenance
    if facts.is_gone:
        return BANKRUPT, "equityGone"
    if facts.is_breached and (is_severe or breaches >= BREACHES_MAX):
        state = BANKRUPT if facts.is_sold_out else LIQUIDATING
        return state, "severelyBreached" if is_severe else "maintenanceBreached"
    return _living(health, facts)


def _flat(health: Health) -> tuple[str, str]:
    if health.state in ENDING:
        return CLOSED, "nothingLeft"
    if health.state == CLOSED and not health.is_funded:
        return CLOSED, ""
    return HEALTHY, "deposited" if health.is_funded else "flat"


def _ending(health: Health, facts: Facts) -> tuple[str, str]:
    """Whom the engine has begun with stays until there is room, 15 % above maintenance."""
    if 100 * facts.equity >= RELEASE_PERCENT * facts.maintenance:
        return _living(health, facts)
    if facts.is_sold_out:
        return BANKRUPT, "auctionExhausted"
    if facts.is_gone:
        return BANKRUPT, "equityGone"
    return health.state, ""


def _living(health: Health, facts: Facts) -> tuple[str, str]:
    equity, initial = facts.equity, facts.initial
    if equity < facts.maintenance:
        return REDUCE_ONLY, "maintenanceBreached"
    if equity < initial:
        return REDUCE_ONLY, "initialBreached"
    if 100 * equity < WARNING_PERCENT * initial:
        return WARNING, "thinMargin"
    if facts.breach_ppm > LIKELY_PPM:
        return WARNING, "breachLikely"
    is_well = 100 * equity >= HEALTHY_PERCENT * initial and facts.breach_ppm < UNLIKELY_PPM
    if RANK[health.state] >= RANK[WARNING] and not is_well:
        return WARNING, "recovering"
    return HEALTHY, "recovered"


def _is_too_soon(health: Health, facts: Facts, state: str) -> bool:
    """Whether the change would be a second reversal in ten seconds while prices stand still."""
    is_worse = RANK[state] > RANK[health.state]
    if not health.turned_ms or is_worse == health.is_worse:
        return False
    if abs(facts.time_ms - health.turned_ms) >= REVERSAL_MS:  # either way: chains are reorganised
        return False
    now = dict(facts.prices)
    return not any(
        market in now and abs(now[market] - price) * BPS > price * MOVE_BPS
        for market, price in prices_of(health.prices)
    )
