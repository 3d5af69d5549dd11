"""How an account stands towards its requirement: what the ledger folds and everybody reads.

The state moves by `HealthChanged` alone. It carries what the next judgement needs (breaches in a
row, when it last turned round, at which prices), so that a replay of the log and a fresh start
judge alike; the rules are in solver/margin/health.py.
"""

from typing import NamedTuple

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


Prices = tuple[tuple[int, int], ...]  # (market, 1e18)


def wire_prices(prices: Prices) -> str:
    """Returns "market:price,..." as an event carries it, in the order of markets."""
    return ",".join(f"{market}:{price}" for market, price in sorted(prices))


def prices_of(text: str) -> Prices:
    """Inverse of `wire_prices`."""
    rows = (row.split(":") for row in text.split(",") if row)
    return tuple((int(market), int(price)) for market, price in rows)
