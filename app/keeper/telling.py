"""What the keeper says about itself: log line and metric in one place, told when it changes."""

from collections.abc import Collection

import structlog
from prometheus_client import Counter, Gauge

from app.keeper.duty import Series
from app.observe import REGISTRY
from solver.domain.calendar import rfc3339

_log = structlog.get_logger()
_open = Gauge(
    "solvent_expiries_open",
    "Expiries that hold options and have no price yet: waiting for a round, or for k of n",
    ("state",),
    registry=REGISTRY,
)
_transactions = Counter(
    "solvent_keeper_transactions_total", "Keeper transactions by end", ("end",), registry=REGISTRY
)
_balance = Gauge(
    "solvent_keeper_balance_wei", "Native coin of the keeper's key when it last sent",
    registry=REGISTRY,
)  # fmt: skip
_is_ready = Gauge(
    "solvent_keeper_ready", "1 while this process keeps expiries, 0 when it cannot",
    registry=REGISTRY,
)  # fmt: skip


def started(address: str) -> None:
    """The keeper runs."""
    _log.info("keeperStarted", address=address)


def able(is_able: bool) -> None:
    """The last look went through, or the key could not pay for what was due."""
    _is_ready.set(is_able)


def absent(reason: str) -> None:
    """This process keeps no expiries; anyone else may."""
    _is_ready.set(0)
    _log.warning("keeperAbsent", reason=reason)


def waiting(series: Collection[Series], overdue: Collection[Series]) -> None:
    """These expiries have no closing round; the overdue ones for a day, so k of n must speak."""
    _open.labels("waiting").set(len(series) - len(overdue))
    _open.labels("fallback").set(len(overdue))


def waits(market: int, due: int, reason: str) -> None:
    """The price of an expiry or of a fixing, `due` in unix seconds, cannot be fixed yet."""
    _log.warning("expiryWaits", market=market, expiry=rfc3339(due), reason=reason)


def needs_fallback(market: int, due: int) -> None:
    """A day has passed: the feed will not fix it, k of n have to propose a price."""
    _log.error(
        "expiryNeedsFallback",
        market=market,
        expiry=rfc3339(due),
        detail="no closing round for 24 h: k of n must propose a price (proposeExpiry)",
    )


def sent(fixes: int, accounts: int) -> None:
    """A transaction is on its way."""
    _log.info("keeperSent", fixes=fixes, accounts=accounts)


def ended(tx_hash: str, is_good: bool | None, gas: int) -> None:
    """A nonce is spent: by ours, which did it or came too late (False), or by another (None)."""
    end = {True: "done", False: "late", None: "foreign"}[is_good]
    _transactions.labels(end).inc()
    _log.info("keeperEnded", txHash=tx_hash, end=end, gas=gas)


def balance(wei: int) -> None:
    """What the key holds."""
    _balance.set(wei)
