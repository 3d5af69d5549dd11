"""What a batch would change, computed before anything is written: a refused batch changes nothing.

`World` is the present as a fold of events. The store keeps two: `durable`, which readers see, and
`ahead`, which also holds what is still on its way to the disk and judges the next batch.
"""

from collections.abc import Callable
from typing import NamedTuple

from app.clock import rfc3339_ms
from app.store.chain import Head, canonical, link
from app.store.intents import StoredIntent, begun, moved
from app.store.mandates import StoredMandate
from app.store.writer import Write
from solver.domain.account import Account
from solver.domain.errors import Broken, Conflict
from solver.domain.event import VERSION, Envelope, Event, IntentStateChanged, body_of
from solver.domain.ids import AccountId, ChainId

Fold = Callable[[Account, Event], Account]
_ACCOUNT = "account:"


class Batch(NamedTuple):
    """Facts that become durable together, or not at all.

    `events` are (log, event, time in unix ms). A new intent comes in `intents` and with its first
    event, IntentStateChanged(None -> received). `from_state` of a later one is a compare-and-set.
    A new mandate comes in `mandates`.
    """

    events: tuple[tuple[str, Event, int], ...] = ()
    writes: tuple[Write, ...] = ()
    intents: tuple[StoredIntent, ...] = ()
    mandates: tuple[StoredMandate, ...] = ()


class World(NamedTuple):
    """The present: log heads, accounts, the intents that are not terminal, who holds a nonce."""

    heads: dict[str, Head]
    accounts: dict[str, Account]
    intents: dict[str, StoredIntent]

    def merge(self, change: "Change") -> None:
        """Takes a change over."""
        self.heads.update(change.heads)
        self.accounts.update(change.accounts)
        self.intents.update(change.intents)

    def copy(self) -> "World":
        """Returns an independent copy of the maps; the values in them are immutable."""
        return World(dict(self.heads), dict(self.accounts), dict(self.intents))


class Change(NamedTuple):
    """What one batch adds and replaces, with its envelopes (not yet stamped `committed_at`)."""

    heads: dict[str, Head]
    accounts: dict[str, Account]
    intents: dict[str, StoredIntent]
    envelopes: list[Envelope]
    rows: list[tuple[str | int, ...]]


def account_of_log(log: str, chain_id: ChainId) -> AccountId:
    """Inverse of AccountId.log. Raises Broken."""
    owner, slash, subaccount = log.removeprefix(_ACCOUNT).partition("/")
    if not log.startswith(_ACCOUNT) or not slash or not subaccount.isdecimal():
        raise Broken(f"{log} is not the log of an account")
    return AccountId(chain_id, owner, int(subaccount))


def change_of(batch: Batch, world: World, fold: Fold, chain_id: ChainId) -> Change:
    """Returns what `batch` does to `world`. Raises Conflict or Broken; `world` stays as it is."""
    change = Change({}, {}, {}, [], [])
    new = {row.uid: row for row in batch.intents}
    for log, event, at_ms in batch.events:
        append(change, world, log, event, at_ms)
        if isinstance(event, IntentStateChanged):
            _move(change, world, new, event, at_ms)
        if log.startswith(_ACCOUNT):
            account = change.accounts.get(log) or world.accounts.get(log)
            account = account or Account(account_of_log(log, chain_id))
            change.accounts[log] = fold(account, event)
    if missing := [uid for uid in new if uid not in change.intents]:
        raise Broken(f"{missing[0]} comes without its first event")
    return change


def append(change: Change, world: World, log: str, event: Event, at_ms: int) -> None:
    """Adds one event to the end of its log."""
    head = change.heads.get(log) or world.heads.get(log) or Head()
    type_, at, body = type(event).__name__, rfc3339_ms(at_ms), body_of(event)
    text = canonical(body)
    after = link(head, type_, VERSION, at, text)
    change.heads[log] = after
    row = (log, after.seq, head.seq, after.hash, type_, VERSION, at)
    change.rows.append((*row, text.decode()))
    change.envelopes.append(
        Envelope(log, after.seq, head.seq, after.hash, type_, VERSION, at, "", body)
    )


def _move(
    change: Change,
    world: World,
    new: dict[str, StoredIntent],
    event: IntentStateChanged,
    at_ms: int,
) -> None:
    uid = event.uid
    row = change.intents.get(uid) or world.intents.get(uid)
    if row is not None:
        change.intents[uid] = moved(row, event, at_ms)
    elif uid in new:
        change.intents[uid] = begun(new[uid], event, at_ms)
    else:
        raise Conflict(f"{uid} is not an open intent", code="stateMoved")
