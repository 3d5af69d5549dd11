"""Wakes what the owner signed beforehand, as soon as the account's health is what it waits for.

By state, not by change: what a death left asleep is woken at the next look, and twice is once.
"""

from collections.abc import Iterable

import orjson

from app.liquidator import telling
from app.store import Store, StoredIntent
from solver.domain.account import Account
from solver.domain.errors import Conflict
from solver.policies.protection import AWAITING, Trigger, is_due, trigger_of

PAUSED = frozenset({"paused"})


def sleeping(store: Store) -> dict[str, list[tuple[str, Trigger]]]:
    """Returns the uids that wait for a trigger, with it, by their account's log."""
    found: dict[str, list[tuple[str, Trigger]]] = {}
    for row in store.live_intents():
        trigger = _trigger(row)
        if trigger is not None:
            found.setdefault(store.account_id(row).log, []).append((row.uid, trigger))
    return found


async def wake(store: Store, accounts: Iterable[Account]) -> int:
    """Opens what waits for the present health of these accounts; returns how many. Raises
    Unavailable."""
    waiting = sleeping(store)
    woken = 0
    for account in accounts:
        for uid, trigger in waiting.get(account.id.log, ()):
            if not is_due(trigger, account.health):
                continue
            try:
                await store.move(uid, "open", only_from=PAUSED, code="triggered")
            except Conflict:  # it was cancelled or has expired meanwhile
                continue
            telling.woken(uid, account.health.state)
            woken += 1
    return woken


def _trigger(row: StoredIntent) -> Trigger | None:
    if (row.state, row.code) != ("paused", AWAITING):
        return None
    return trigger_of(orjson.loads(row.app_data))
