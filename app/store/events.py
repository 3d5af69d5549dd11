"""The one door through which state changes: append -> apply -> publish, durable before it is told.

`record` judges a batch against everything accepted so far, queues it for the group commit, and
resumes its caller once it is on disk. Readers see the durable world only, so nothing that anyone
was told can be lost by a crash, and state is always the fold of the events.
"""

import asyncio
import pathlib
from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from app.bus import Bus
from app.clock import Clock
from app.config import Settings
from app.store.chain import Head, verify
from app.store.fold import Batch, Change, Fold, World, account_of_log, change_of
from app.store.intents import StoredIntent, cells_of, moved_cells_of, row_of
from app.store.mandates import StoredMandate, writes_of
from app.store.migration import migrate
from app.store.quotes import QuoteShelf
from app.store.reader import MandatePage, Page, Reader, Row, envelope_of
from app.store.seen import Seen
from app.store.writer import Job, Write, Writer
from solver.domain.account import Account
from solver.domain.errors import Conflict, SolventError
from solver.domain.event import (
    STATES,
    TERMINAL,
    Envelope,
    Event,
    IntentStateChanged,
    ReservationReleased,
    event_of,
)
from solver.domain.ids import AccountId, Address, ChainId
from solver.ledger import apply

_WAITING = frozenset({"open", "partiallyFilled"})


class Reason(NamedTuple):
    """Why an intent could not be met yet. In memory: the next round says it again."""

    code: str
    detail: str
    data: dict[str, object]
    at_ms: int


class Store:
    """Durable truth of one service. Made by `open`; lives on one event loop."""

    def __init__(
        self, path: str, chain_id: ChainId, *, bus: Bus, clock: Clock, fold: Fold = apply
    ) -> None:
        self.bus = bus
        self.quotes = QuoteShelf(clock)
        self._chain_id = chain_id
        self._clock = clock
        self._fold = fold
        self._writer = Writer(path, clock)
        self._reader = Reader(path)
        self._durable = World({}, {}, {})
        self._ahead = World({}, {}, {})
        self._nonces: dict[str, str] = {}  # nonce_key -> uid, of what is ahead and not terminal
        self._client_orders: dict[tuple[Address, str], str] = {}
        self._pending: dict[str, asyncio.Future[list[Envelope]]] = {}  # uid or id -> its commit
        self._reasons: dict[str, Reason] = {}
        self._seen = Seen()
        self._generation = 0
        self.is_writable = True

    @classmethod
    async def open(
        cls, settings: Settings, bus: Bus, clock: Clock, *, fold: Fold = apply
    ) -> "Store":
        """Returns a store at the newest schema, replayed and its hash chains verified.

        Raises Broken when a stored event is not what was hashed.
        """
        path = settings.database_file
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(migrate, settings.database_url)
        store = cls(path, settings.chain_id, bus=bus, clock=clock, fold=fold)
        await store._replay()
        return store

    async def close(self) -> None:
        """Writes what is queued and closes the file."""
        await self._writer.close()
        self._reader.close()

    # ---- change

    async def record(self, batch: Batch) -> list[Envelope]:
        """Returns the batch's envelopes once they are durable.

        Raises Conflict when the world moved on or an identity is taken, Broken for an illegal move,
        Unavailable when the disk refuses; nothing of the batch is stored then.
        """
        change = change_of(batch, self._ahead, self._fold, self._chain_id)
        for row in batch.intents:
            self._check_is_free(row, change)
        for granted in batch.mandates:
            if granted.id in self._pending or self.mandate(granted.id):
                raise Conflict(f"{granted.id} is stored already", code="alreadyStored")
        future: asyncio.Future[list[Envelope]] = asyncio.get_running_loop().create_future()
        generation = self._generation

        def done(committed_at: str) -> None:
            envelopes = self._committed(change, committed_at)
            if not future.done():
                future.set_result(envelopes)

        def failed(error: SolventError) -> None:
            if change.rows and generation == self._generation:
                self._start_over()
            if not future.done():
                future.set_exception(error)

        new = {row.uid for row in batch.intents}
        waited = new | {granted.id for granted in batch.mandates}
        self._take(change)
        self._pending.update(dict.fromkeys(waited, future))
        self._writer.submit(
            Job(
                generation,
                events=tuple(change.rows),
                intents=tuple(cells_of(change.intents[uid]) for uid in new),
                moves=tuple(
                    moved_cells_of(row) for uid, row in change.intents.items() if uid not in new
                ),
                writes=(*batch.writes, *writes_of(batch.mandates, batch.events)),
                done=done,
                failed=failed,
            )
        )
        try:
            return await asyncio.shield(future)
        finally:
            for name in waited:
                self._pending.pop(name, None)

    async def write(self, *writes: Write) -> None:
        """Makes rows durable that are no events: steps, transactions, cursors."""
        await self.record(Batch(writes=writes))

    async def move(
        self, uid: str, to_state: str, *, only_from: Container[str] = STATES, **facts: str | None
    ) -> list[Envelope]:
        """Records that an intent moved on from where it is; a terminal one frees its reservation.

        `facts`: code, detail, auction_id, tx_hash, confirmations. Raises Conflict when the intent
        is terminal, unknown or not in `only_from`, Broken when the move is not legal. Where it is
        counts what is on its way to the disk: readers may not have seen it yet.
        """
        row = self._ahead.intents.get(uid)
        if row is None or row.is_terminal or row.state not in only_from:
            raise Conflict(f"{uid} has moved on", code="stateMoved", data={"uid": uid})
        at_ms = self._clock.time_ms()
        log = self.account_id(row).log
        events: list[tuple[str, Event, int]] = [
            (log, IntentStateChanged(uid, row.state, to_state, **facts), at_ms)
        ]
        account = self._ahead.accounts.get(log)
        if to_state in TERMINAL and account and any(r.uid == uid for r in account.reservations):
            events.append((log, ReservationReleased(uid), at_ms))
        return await self.record(Batch(tuple(events)))

    def explain(self, uid: str, error: SolventError) -> None:
        """Keeps why a live intent could not be met, until the next reason or its end."""
        if uid not in self._durable.intents:
            return
        at_ms = self._clock.time_ms()
        self._reasons[uid] = Reason(error.code, error.detail, error.data, at_ms)

    # ---- read (durable unless it says ahead)

    def account(self, account_id: AccountId) -> Account:
        """Returns the account; one that never had an event is empty."""
        return self._durable.accounts.get(account_id.log) or Account(account_id)

    def account_ahead(self, account_id: AccountId) -> Account:
        """Returns the account with what is about to be durable: what admission judges."""
        return self._ahead.accounts.get(account_id.log) or Account(account_id)

    def accounts(self) -> list[Account]:
        """Returns every account that ever had an event."""
        return list(self._durable.accounts.values())

    def account_id(self, row: StoredIntent) -> AccountId:
        """Returns the account that a stored intent acts for."""
        return AccountId(self._chain_id, row.signed.intent.owner, row.signed.intent.subaccount)

    def intent(self, uid: str) -> StoredIntent | None:
        """Returns a stored intent in its present durable state."""
        live = self._durable.intents.get(uid)
        return live if live or uid not in self._seen else self._reader.intent(uid)

    async def known(self, uid: str) -> StoredIntent | None:
        """As `intent`, but waits for one whose commit is under way."""
        if uid in self._pending:
            await asyncio.wait([self._pending[uid]])
        return self.intent(uid)

    def open_intents(self) -> list[StoredIntent]:
        """Returns the intents that wait for an auction, oldest first."""
        return [row for row in self._durable.intents.values() if row.state in _WAITING]

    def live_intents(self) -> list[StoredIntent]:
        """Returns every intent that is not terminal, oldest first."""
        return list(self._durable.intents.values())

    def is_live(self, uid: str) -> bool:
        """True from before an intent is durable until its end is."""
        return uid in self._ahead.intents

    def by_nonce(self, owner: Address, nonce: int) -> str | None:
        """Returns the uid that holds a nonce: live, settled, or about to be durable."""
        key = f"{owner}:{nonce}"
        holder = self._nonces.get(key)
        return holder if holder or key not in self._seen else self._reader.holder(key)

    def reason(self, uid: str) -> Reason | None:
        """Returns the newest reason why an intent could not be met."""
        return self._reasons.get(uid)

    def head(self, log: str) -> Head:
        """Returns the newest durable event's seq and hash."""
        return self._durable.heads.get(log) or Head()

    async def intents(
        self, owner: Address, states: tuple[str, ...], cursor: str | None, limit: int
    ) -> Page:
        """Returns a page of the owner's intents, newest first."""
        return await self._reader.intents(owner, states, cursor, limit)

    def mandate(self, mandate_id: str) -> StoredMandate | None:
        """Returns a stored mandate by its id, the digest as 0x and hex."""
        return self._reader.mandate(mandate_id)

    def mandates_live(self, owner: Address, now: int) -> int:
        """Returns how many mandates of the owner are neither revoked nor past `now`."""
        return self._reader.mandates_live(owner, now)

    async def mandates(self, owner: Address, cursor: str | None, limit: int) -> MandatePage:
        """Returns a page of the owner's mandates, newest first."""
        return await self._reader.mandates(owner, cursor, limit)

    async def events(self, log: str, after: int, limit: int) -> list[Envelope]:
        """Returns a log's events with seq > after, oldest first, at most 1,000."""
        return await self._reader.events(log, after, limit)

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Returns the rows of any query, read in the reader's thread."""
        return await self._reader.rows(sql, parameters)

    # ---- inside

    def _check_is_free(self, row: StoredIntent, change: Change) -> None:
        """Raises Conflict when uid, nonce or clientOrderId belong to another intent."""
        intent = row.signed.intent
        if row.uid in self._pending or self.intent(row.uid):
            raise Conflict(f"{row.uid} is stored already", code="alreadyStored")
        holder = self.by_nonce(intent.owner, intent.nonce)
        releasing = change.intents.get(holder) if holder else None
        if holder and (releasing is None or releasing.nonce_key is not None):
            raise Conflict(
                "another intent holds this nonce; name it in appData.replaces to replace it",
                code="nonceUsed",
                field="intent.nonce",
                data={"uid": holder},
            )
        if row.client_order_id is not None:
            key = (intent.owner, row.client_order_id)
            other = self._client_orders.get(key) or self._reader.ordered(*key)
            if other:
                raise Conflict(
                    "another intent of this owner has this clientOrderId",
                    code="clientOrderIdUsed",
                    field="clientOrderId",
                    data={"uid": other},
                )

    def _take(self, change: Change) -> None:
        """Moves `ahead` on."""
        self._ahead.merge(change)
        for uid, row in change.intents.items():
            intent = row.signed.intent
            if row.nonce_key:
                self._nonces[row.nonce_key] = uid
            elif self._nonces.get(f"{intent.owner}:{intent.nonce}") == uid:
                del self._nonces[f"{intent.owner}:{intent.nonce}"]
            if row.client_order_id is not None:
                self._client_orders[intent.owner, row.client_order_id] = uid

    def _committed(self, change: Change, committed_at: str) -> list[Envelope]:
        """Moves `durable` on and tells the listeners."""
        self.is_writable = True
        self._durable.merge(change)
        for uid, row in change.intents.items():
            self._seen.add(uid)
            if row.nonce_key:
                self._seen.add(row.nonce_key)
            if row.is_terminal:
                self._forget(uid, row)
        envelopes = [e._replace(committed_at=committed_at) for e in change.envelopes]
        self.bus.publish(envelopes)
        return envelopes

    def _forget(self, uid: str, row: StoredIntent) -> None:
        """Leaves a terminal intent to the disk."""
        self._durable.intents.pop(uid, None)
        self._ahead.intents.pop(uid, None)
        self._reasons.pop(uid, None)
        if row.nonce_key and self._nonces.get(row.nonce_key) == uid:
            del self._nonces[row.nonce_key]
        if row.client_order_id is not None:
            self._client_orders.pop((row.signed.intent.owner, row.client_order_id), None)

    def _start_over(self) -> None:
        """After a failed write: the next batch stands on what is durable."""
        self._generation += 1
        self.is_writable = False
        self._ahead = self._durable.copy()
        self._nonces.clear()
        self._client_orders.clear()
        self._take(Change({}, {}, dict(self._durable.intents), [], []))

    async def _replay(self) -> None:
        """Folds every stored event, verifying the hash chain of each log on the way."""
        heads, accounts = self._durable.heads, self._durable.accounts
        for row in await self._reader.rows("SELECT * FROM event ORDER BY position"):
            e = envelope_of(row)
            heads[e.log] = verify([e], heads.get(e.log))
            if e.log.startswith("account:"):
                before = accounts.get(e.log) or Account(account_of_log(e.log, self._chain_id))
                accounts[e.log] = self._fold(before, event_of(e.type, e.body))
        for row in await self._reader.rows("SELECT uid, nonce_key FROM intent"):
            self._seen.add(row["uid"])
            self._seen.add(row["nonce_key"] or "")
        marks = ", ".join("?" * len(TERMINAL))
        sql = f"SELECT * FROM intent WHERE state NOT IN ({marks}) ORDER BY position"
        for row in await self._reader.rows(sql, sorted(TERMINAL)):
            self._durable.intents[row["uid"]] = row_of(row)
        self._start_over()
        self.is_writable = True
