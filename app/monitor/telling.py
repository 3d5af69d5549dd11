"""What the monitor says about itself: log line and metric in one place, told when it changes."""

from collections.abc import Mapping

import structlog
from prometheus_client import Counter, Gauge, Histogram

from app.observe import REGISTRY
from solver.domain.event import HealthChanged
from solver.domain.health import STATES

_log = structlog.get_logger()
_seconds = Histogram(
    "solvent_monitor_seconds",
    "Time to re-margin what a snapshot changed",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
    registry=REGISTRY,
)
_judged = Counter("solvent_accounts_judged_total", "Accounts re-margined", registry=REGISTRY)
_changes = Counter(
    "solvent_health_changes_total", "Changes of health by state", ("state",), registry=REGISTRY
)
_accounts = Gauge(
    "solvent_accounts_by_health", "Accounts that hold anything, by health", ("state",),
    registry=REGISTRY,
)  # fmt: skip


def looked(accounts: int, seconds: float, by_state: Mapping[str, int]) -> None:
    """A snapshot was judged."""
    _seconds.observe(seconds)
    _judged.inc(accounts)
    for state in STATES:  # a state that nobody is in any more has none
        _accounts.labels(state).set(by_state.get(state, 0))


def changed(log: str, event: HealthChanged) -> None:
    """An account's health moved; the event log has the rest."""
    if event.to_state != event.from_state:
        _changes.labels(event.to_state).inc()
        _log.info("healthChanged", log=log, state=event.to_state, cause=event.cause)


def cancelled(uid: str, code: str) -> None:
    """An open intent ended because of its account's health."""
    _log.info("orderCancelled", uid=uid, code=code)
