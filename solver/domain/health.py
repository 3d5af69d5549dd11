"""How an account stands towards its requirement: what the ledger folds and everybody reads.

The state moves by `HealthChanged` alone. It carries what the next judgement needs (breaches in a
row, when it last turned round, at which prices), so that a replay of the log and a fresh start
judge alike; the rules are in solver/margin/health.py.
"""

from typing import NamedTuple

from solver.domain.errors import Broken
from solver.domain.event import HealthChanged

HEALTHY, WARNING, REDUCE_ONLY = "HEALTHY", "WARNING", "REDUCE_ONLY"
LIQUIDATING, BANKRUPT, CLOSED = "LIQUIDATING", "BANKRUPT", "CLOSED"
RANK = {HEALTHY: 0, CLOSED: 0, WARNING: 1, REDUCE_ONLY: 2, LIQUIDATING: 3, BANKRUPT: 4}
STATES = tuple(RANK)
ENDING = frozenset({LIQUIDATING, BANKRUPT})  # the engine acts; the owner may deposit and cancel
BREACHES_MAX = 2  # this many valid snapshots in a row liquidate


class Health(NamedTuple):
    """Where an account stands. Times are unix milliseconds of the snapshots that were judged.

    `breaches` valid snapshots in a row, the newest at `time_ms`, showed equity below maintenance.
    `prices` are those at the last change of state (`wire_prices`); `turned_ms` is when it last went
    the other way than before, better or worse. `is_funded`: a closed account got a deposit.
    """

    state: str = HEALTHY
    since_ms: int = 0
    breaches: int = 0
    snapshot: str = ""  # hash of the one that last changed anything here, hex
    time_ms: int = 0
    prices: str = ""
    is_worse: bool = False  # the last change was for the worse
    turned_ms: int = 0
    is_funded: bool = False


def folded(before: Health, event: HealthChanged) -> Health:
    """Returns where an account stands after a judgement; one that is told twice counts once.

    Raises Broken where it cannot have been judged so: from another state, or to its end without a
    breach of maintenance in the event itself.
    """
    state = event.to_state
    known = (before.snapshot, before.state, before.breaches)
    if (event.snapshot, state, event.breaches) == known:
        return before
    if event.from_state != before.state or state not in RANK:
        raise Broken(f"is {before.state}, not {event.from_state}, before {state[:20]}")
    if state in ENDING and before.state not in ENDING and event.equity >= event.maintenance:
        raise Broken("would be liquidated without a breach of maintenance")
    after = before._replace(
        breaches=event.breaches, snapshot=event.snapshot, time_ms=event.time_ms, is_funded=False
    )
    if state == before.state:
        return after
    is_worse = RANK[state] > RANK[before.state]
    has_turned = before.since_ms > 0 and is_worse != before.is_worse
    return after._replace(
        state=state,
        since_ms=event.time_ms,
        prices=event.prices,
        is_worse=is_worse,
        turned_ms=event.time_ms if has_turned else before.turned_ms,
    )


Prices = tuple[tuple[int, int], ...]  # (market, 1e18)


def wire_prices(prices: Prices) -> str:
    """Returns "market:price,..." as an event carries it, in the order of markets."""
    return ",".join(f"{market}:{price}" for market, price in sorted(prices))


def prices_of(text: str) -> Prices:
    """Inverse of `wire_prices`."""
    rows = (row.split(":") for row in text.split(",") if row)
    return tuple((int(market), int(price)) for market, price in rows)
