"""Flights in the database: each step with its bytes is durable before its effect can happen.

A step, the signed transaction it stores and the intents it moves are one commit, so a restart finds
either all of it or none.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from app.clock import Clock
from app.settlement.flight import (
    CANCELLED,
    ENDED,
    LOST,
    REFUSED,
    REVERTED,
    Flight,
    Included,
    Moved,
    Proven,
    SettlementJob,
)
from app.settlement.moves import Reasons, walk
from app.settlement.sender import Attempt, Fees
from app.store import Batch, Store, StoredIntent, Write
from solver.domain.errors import Broken, Conflict
from solver.domain.event import Event, IntentStateChanged, ReservationReleased
from solver.domain.ids import AccountId, Address, ChainId

Dated = tuple[str, Event, int]


class Records:
    """The settlement tables of one sender on one chain."""

    def __init__(self, store: Store, clock: Clock, chain_id: ChainId, sender: Address) -> None:
        self.store, self._clock = store, clock
        self._chain_id, self._sender = chain_id, sender

    def intent(self, uid: str) -> StoredIntent:
        """Returns a stored intent. Raises Conflict when there is none."""
        row = self.store.intent(uid)
        if row is None:
            raise Conflict(f"{uid} is not stored", code="stateMoved")
        return row

    def moves(
        self, uid: str, to_state: str, reasons: Reasons | None = None, avoid: Sequence[str] = ()
    ) -> tuple[Dated, ...]:
        """Returns the events that bring an intent to a state, on its account's log, dated now."""
        row = self.intent(uid)
        account = self.store.account_id(row)
        held = {reservation.uid for reservation in self.store.account(account).reservations}
        events = walk(uid, row.state, to_state, reasons, avoid)
        if uid not in held:
            events = tuple(e for e in events if not isinstance(e, ReservationReleased))
        return self.dated(account, *events)

    def counted(self, uid: str, reasons: Reasons) -> tuple[Dated, ...]:
        """Returns the event that tells new confirmations n/K of a settling intent."""
        row = self.intent(uid)
        if row.state != "settling":
            return ()
        told = IntentStateChanged(uid, "settling", "settling", **reasons)
        return self.dated(self.store.account_id(row), told)

    async def move(self, uid: str, to_state: str, reasons: Reasons) -> None:
        """Records a move of its own. Raises Conflict when the intent has moved on."""
        await self.store.record(Batch(self.moves(uid, to_state, reasons)))

    def dated(self, account: AccountId, *events: Event) -> tuple[Dated, ...]:
        """Returns events on an account's log at the service's time."""
        at_ms = self._clock.time_ms()
        return tuple((account.log, event, at_ms) for event in events)

    async def create(self, flight: Flight, events: Sequence[Dated]) -> Flight:
        """Stores a new flight with the moves of its intents. Raises Conflict."""
        now = self._clock.time_ms()
        sql = "INSERT INTO settlement (id, state, job, lease_until_ms, fence, created_ms, "
        sql += "updated_ms) VALUES (?, ?, ?, 0, 0, ?, ?)"
        insert: Write = (sql, (flight.id, flight.state, _encode(flight.job), now, now))
        step = self._step(flight, {})
        await self.store.record(Batch(tuple(events), (insert, step)))
        return flight._replace(steps=1)

    async def save(
        self, flight: Flight, events: Sequence[Dated] = (), attempt: Attempt | None = None
    ) -> Flight:
        """Stores the flight's new state as its next step; `attempt` is a newly signed one."""
        now = self._clock.time_ms()
        update = "UPDATE settlement SET state = ?, updated_ms = ? WHERE id = ?"
        writes: list[Write] = [(update, (flight.state, now, flight.id))]
        payload: dict[str, Any] = {}
        if attempt is not None:
            writes.append(self._transaction(flight, attempt))
            payload["attempt"] = {
                "hash": attempt.hash,
                "gas": attempt.gas,
                "isCancel": attempt.is_cancel,
                "block": attempt.block,
            }
        if flight.included is not None:
            payload["included"] = flight.included._asdict()
        if flight.state in ENDED:
            writes.append(self._closed(flight))
        writes.append(self._step(flight, payload))
        await self.store.record(Batch(tuple(events), tuple(writes)))
        return flight._replace(steps=flight.steps + 1)

    async def unfinished(self) -> tuple[Flight, ...]:
        """Returns every flight that has not ended, in the order of their nonces."""
        ended = sorted(ENDED)
        marks = ", ".join("?" * len(ended))
        sql = f"SELECT id, state, job FROM settlement WHERE state NOT IN ({marks})"
        rows = await self.store.rows(sql, ended)
        flights = [await self._flight(row) for row in rows]
        return tuple(sorted(flights, key=lambda f: (f.nonce is None, f.nonce or 0, f.id)))

    async def flight(self, id_: str) -> Flight | None:
        """Returns a flight, ended or not."""
        sql = "SELECT id, state, job FROM settlement WHERE id = ?"
        rows = await self.store.rows(sql, (id_,))
        return await self._flight(rows[0]) if rows else None

    async def highest_nonce(self) -> int | None:
        """Returns the highest nonce ever stored for this sender."""
        sql = "SELECT max(nonce) AS top FROM tx WHERE chain_id = ? AND sender = ?"
        (row,) = await self.store.rows(sql, (self._chain_id, self._sender))
        return None if row["top"] is None else int(row["top"])

    async def _flight(self, row: dict[str, Any]) -> Flight:
        sql = "SELECT name, payload FROM step WHERE settlement_id = ? ORDER BY no"
        steps = [orjson.loads(r["payload"]) for r in await self.store.rows(sql, (row["id"],))]
        told = {s["attempt"]["hash"]: s["attempt"] for s in steps if "attempt" in s}
        sql = "SELECT * FROM tx WHERE settlement_id = ? ORDER BY attempt"
        rows = await self.store.rows(sql, (row["id"],))
        last = steps[-1].get("included") if steps else None
        return Flight(
            id=row["id"],
            job=_decode(row["job"], self._chain_id),
            state=row["state"],
            steps=len(steps),
            attempts=tuple(_attempt(tx, told[tx["hash"]]) for tx in rows),
            included=Included(**last) if last else None,
        )

    def _step(self, flight: Flight, payload: dict[str, Any]) -> Write:
        sql = "INSERT INTO step (settlement_id, no, name, state, payload, at_ms) "
        sql += "VALUES (?, ?, ?, ?, ?, ?)"
        body, now = orjson.dumps(payload).decode(), self._clock.time_ms()
        return sql, (flight.id, flight.steps, flight.state, "done", body, now)

    def _transaction(self, flight: Flight, attempt: Attempt) -> Write:
        sql = "INSERT INTO tx (hash, settlement_id, chain_id, sender, nonce, attempt, raw, "
        sql += "max_fee, priority_fee, state, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        if attempt not in flight.attempts:
            raise Broken("an attempt is stored with the flight that holds it")
        values = (
            attempt.hash,
            flight.id,
            self._chain_id,
            self._sender,
            attempt.nonce,
            flight.attempts.index(attempt),
            attempt.raw.hex(),
            str(attempt.fees.max_fee),
            str(attempt.fees.tip),
            "signed",
            self._clock.time_ms(),
        )
        return sql, values

    def _closed(self, flight: Flight) -> Write:
        """One attempt was mined, every other of the same nonce can never be."""
        mined = flight.included.tx_hash if flight.included else ""
        sql = "UPDATE tx SET state = CASE hash WHEN ? THEN 'final' ELSE 'replaced' END "
        return sql + "WHERE settlement_id = ?", (mined, flight.id)


def is_settling(row: StoredIntent | None) -> bool:
    """Returns True while the chain has the last word on an intent."""
    return row is not None and row.state in ("settling", "unknown")


async def settled_by(
    store: Store, row: StoredIntent, chain_id: ChainId
) -> tuple[tuple[Moved, ...], Proven | None]:
    """Returns the tokens that settling an intent moved, and the settlement's proof; nothing before
    it is final.

    The ledger may have told the end before the engine has looked: how far its flight is known to be
    does not matter, only that it did not end otherwise.
    """
    if row.state != "settled" or row.auction_id is None:
        return (), None
    sql = "SELECT job FROM settlement WHERE id > ? AND id < ? AND state NOT IN (?, ?, ?, ?)"
    bounds = (f"{row.auction_id}-", f"{row.auction_id}-~")
    for found in await store.rows(sql, (*bounds, REVERTED, CANCELLED, LOST, REFUSED)):
        job = _decode(found["job"], chain_id)
        if row.uid in job.uids and job.moved:
            return job.moved[job.uids.index(row.uid)], job.proven
    return (), None


def _encode(job: SettlementJob) -> str:
    return orjson.dumps(
        {
            "auctionId": job.auction_id,
            "uids": job.uids,
            "accounts": [[a.owner, str(a.subaccount)] for a in job.accounts],
            "calldata": job.calldata.hex(),
            "deadline": job.deadline,
            "moved": [[[m.token, str(m.amount), m.place] for m in item] for item in job.moved],
            "proven": [str(number) for number in job.proven or ()],
        }
    ).decode()


def _decode(text: str, chain_id: ChainId) -> SettlementJob:
    job = orjson.loads(text)
    return SettlementJob(
        job["auctionId"],
        tuple(job["uids"]),
        tuple(AccountId(chain_id, owner, int(sub)) for owner, sub in job["accounts"]),
        bytes.fromhex(job["calldata"]),
        job["deadline"],
        tuple(tuple(Moved(m[0], int(m[1]), m[2]) for m in item) for item in job["moved"]),
        Proven(*map(int, job["proven"])) if job.get("proven") else None,
    )


def _attempt(tx: dict[str, Any], told: dict[str, Any]) -> Attempt:
    fees = Fees(int(tx["max_fee"]), int(tx["priority_fee"]))
    raw = bytes.fromhex(tx["raw"])
    gas, is_cancel, block = told["gas"], told["isCancel"], told["block"]
    return Attempt(tx["nonce"], raw, tx["hash"], fees, gas, is_cancel, block)
