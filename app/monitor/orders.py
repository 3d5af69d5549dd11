"""Ends open intents that their account's health takes no more: they hold what it needs to survive.

By state, not by change: what a death left open is ended at the next look, and twice is once.
"""

import asyncio
from collections.abc import Mapping

from app.monitor import telling
from app.store import Store, StoredIntent
from app.verify.standing import is_standing
from solver.domain.account import Account
from solver.domain.errors import Conflict
from solver.domain.health import ENDING
from solver.domain.ids import AccountId
from solver.domain.snapshot import Snapshot
from solver.margin.health import Action, allowed

CANCELLABLE = frozenset({"received", "open", "paused", "partiallyFilled"})
Orders = Mapping[AccountId, list[StoredIntent]]
Stood = dict[str, tuple[Account, Snapshot]]  # uid -> where it was last found to stand


def orders_of(store: Store) -> Orders:
    """Returns the intents that could be cancelled, by account."""
    found: dict[AccountId, list[StoredIntent]] = {}
    for row in store.live_intents():
        if row.state in CANCELLABLE:
            found.setdefault(store.account_id(row), []).append(row)
    return found


async def enforce(
    store: Store,
    orders: Orders,
    account: Account,
    snapshot: Snapshot,
    stood: Stood | None = None,
) -> int:
    """Cancels what the account may not have open any more; returns how many. What is settling goes
    on. `stood` remembers what may stay, so that a look at nothing new costs nothing; others have
    their turn between two intents. Raises Unavailable."""
    if Action.RISK in allowed(account.health.state):
        return 0
    code = "liquidating" if account.health.state in ENDING else "reduceOnly"
    ended = 0
    for row in orders.get(account.id, ()):
        known = stood.get(row.uid) if stood is not None else None
        if known is not None and known[0] is account and known[1] is snapshot:
            continue
        await asyncio.sleep(0)
        if is_standing(row.signed, account, snapshot):
            if stood is not None:
                stood[row.uid] = (account, snapshot)
            continue
        try:
            await store.move(row.uid, "cancelled", only_from=CANCELLABLE, code=code)
        except Conflict:  # it moved on meanwhile: the next look sees where to
            continue
        telling.cancelled(row.uid, code)
        ended += 1
    return ended
