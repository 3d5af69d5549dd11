"""What the liquidator says about itself: log line and metric in one place, told when it changes."""

import structlog
from prometheus_client import Counter, Gauge

from app.observe import REGISTRY

_log = structlog.get_logger()
_woken = Counter(
    "solvent_protections_woken_total", "Intents opened by their health trigger", registry=REGISTRY
)
_acts = Counter(
    "solvent_liquidator_acts_total", "Calls to the auction by what they do", ("act",),
    registry=REGISTRY,
)  # fmt: skip
_open = Gauge("solvent_liquidations_open", "Accounts that are liquidated now", registry=REGISTRY)
_is_ready = Gauge(
    "solvent_liquidator_ready", "1 while this process liquidates, 0 when it cannot",
    registry=REGISTRY,
)  # fmt: skip


def started(address: str) -> None:
    """The liquidator runs."""
    _log.info("liquidatorStarted", address=address)


def absent(reason: str) -> None:
    """This process liquidates nobody; anyone else may."""
    _is_ready.set(0)
    _log.warning("liquidatorAbsent", reason=reason)


def able(is_able: bool) -> None:
    """The last look went through, or the key could not pay for what was due."""
    _is_ready.set(is_able)


def woken(uid: str, state: str) -> None:
    """Protection that the owner signed beforehand is open now."""
    _woken.inc()
    _log.info("protectionWoken", uid=uid, state=state)


def cured(account: str, uid: str) -> None:
    """A cure is open under the owner's mandate."""
    _log.info("cureAsked", account=account, uid=uid)


def uncured(account: str, code: str) -> None:
    """A cure under a mandate was refused at the door."""
    _log.info("cureRefused", account=account, code=code)


def acted(act: str, account: str) -> None:
    """A call to the auction is on its way."""
    _acts.labels(act).inc()
    _log.info("auctionCalled", act=act, account=account)


def standing(count: int) -> None:
    """So many accounts are being liquidated."""
    _open.set(count)


def owed(id_: int, atoms: int, ready_at: int) -> None:
    """A deficit is in public: from `ready_at` (unix seconds) on those who gained pay it."""
    _log.warning("deficitOpen", id=id_, atoms=atoms, readyAt=ready_at)


def deleveraged(id_: int, accounts: int, atoms: int) -> None:
    """A page of a deficit is on its way."""
    _acts.labels("deleverage").inc()
    _log.warning("deleveraging", id=id_, accounts=accounts, atoms=atoms)


def unapproved(reason: str) -> None:
    """This process deleverages nobody: the approver's key is elsewhere."""
    _log.warning("approverAbsent", reason=reason)
