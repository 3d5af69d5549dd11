"""Reads of what is durable: point look-ups on the spot, pages in a thread of their own."""

import asyncio
import base64
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import orjson

from app.store.intents import StoredIntent, row_of
from app.store.mandates import StoredMandate, mandate_of
from app.store.writer import connect
from solver.domain.errors import Malformed, Unavailable
from solver.domain.event import STATES, Envelope
from solver.domain.ids import Address

LIMIT_MAX = 1000
Row = dict[str, Any]


class Page(NamedTuple):
    """Some intents, newest first, and where the next page begins (None: there is none)."""

    intents: tuple[StoredIntent, ...]
    cursor: str | None


class MandatePage(NamedTuple):
    """Some mandates, newest first, and where the next page begins (None: there is none)."""

    mandates: tuple[StoredMandate, ...]
    cursor: str | None


class Reader:
    """Two read connections: WAL lets them read while the writer writes."""

    def __init__(self, path: str) -> None:
        self._near = connect(path)
        self._far = connect(path)
        for connection in (self._near, self._far):
            connection.execute("PRAGMA query_only=ON")
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")

    def close(self) -> None:
        """Ends the thread and both connections."""
        self._pool.shutdown()
        self._near.close()
        self._far.close()

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """Returns the first row of an indexed look-up (tens of microseconds, on this thread)."""
        found = _fetch(self._near, sql, parameters)
        return found[0] if found else None

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Returns all rows of a query, read in the reader's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, _fetch, self._far, sql, parameters)

    def intent(self, uid: str) -> StoredIntent | None:
        """Returns a durable intent."""
        row = self.one("SELECT * FROM intent WHERE uid = ?", (uid,))
        return row_of(row) if row else None

    def holder(self, nonce_key: str) -> str | None:
        """Returns the uid of the durable intent that holds a nonce."""
        row = self.one(
            "SELECT uid FROM intent WHERE nonce_key = ? ORDER BY position DESC", (nonce_key,)
        )
        return str(row["uid"]) if row else None

    def ordered(self, owner: Address, client_order_id: str) -> str | None:
        """Returns the uid of the owner's durable intent with that clientOrderId."""
        sql = "SELECT uid FROM intent WHERE owner = ? AND client_order_id = ?"
        row = self.one(sql, (owner, client_order_id))
        return str(row["uid"]) if row else None

    async def intents(
        self, owner: Address, states: Sequence[str], cursor: str | None, limit: int
    ) -> Page:
        """Returns the owner's intents in any of `states` (none named: all), newest first."""
        wanted = tuple(states) or STATES
        marks = ", ".join("?" * len(wanted))
        sql = (
            "SELECT * FROM intent WHERE owner = ? AND position < ? "
            f"AND state IN ({marks}) ORDER BY position DESC LIMIT ?"
        )
        bounded = min(limit, LIMIT_MAX)
        before = _position(cursor) if cursor else 2**63 - 1
        rows = await self.rows(sql, (owner, before, *wanted, bounded + 1))
        more = _cursor(rows[bounded - 1]["position"]) if len(rows) > bounded else None
        return Page(tuple(row_of(row) for row in rows[:bounded]), more)

    def mandate(self, mandate_id: str) -> StoredMandate | None:
        """Returns a durable mandate."""
        row = self.one("SELECT * FROM mandate WHERE id = ?", (mandate_id,))
        return mandate_of(row) if row else None

    def mandates_live(self, owner: Address, now: int) -> int:
        """Returns how many mandates of the owner are neither revoked nor past `now`."""
        sql = "SELECT count(*) AS n FROM mandate WHERE owner = ? AND revoked_ms IS NULL "
        row = self.one(sql + "AND valid_to >= ?", (owner, now))
        return int(row["n"]) if row else 0

    async def mandates(self, owner: Address, cursor: str | None, limit: int) -> MandatePage:
        """Returns the owner's mandates, newest first."""
        sql = (
            "SELECT * FROM mandate WHERE owner = ? AND position < ? ORDER BY position DESC LIMIT ?"
        )
        bounded = min(limit, LIMIT_MAX)
        before = _position(cursor) if cursor else 2**63 - 1
        rows = await self.rows(sql, (owner, before, bounded + 1))
        more = _cursor(rows[bounded - 1]["position"]) if len(rows) > bounded else None
        return MandatePage(tuple(mandate_of(row) for row in rows[:bounded]), more)

    async def events(self, log: str, after: int, limit: int) -> list[Envelope]:
        """Returns a log's durable events with seq > after, oldest first."""
        sql = "SELECT * FROM event WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?"
        rows = await self.rows(sql, (log, min(after, 2**63 - 1), min(limit, LIMIT_MAX)))
        return [envelope_of(row) for row in rows]


def envelope_of(row: Row) -> Envelope:
    """Returns the envelope a database row holds."""
    return Envelope(
        row["log"],
        row["seq"],
        row["prev"],
        row["hash"],
        row["type"],
        row["version"],
        row["at"],
        row["committed_at"],
        orjson.loads(row["body"]),
    )


def _fetch(connection: sqlite3.Connection, sql: str, parameters: Sequence[Any]) -> list[Row]:
    try:
        return [dict(row) for row in connection.execute(sql, tuple(parameters))]
    except sqlite3.Error as error:
        raise Unavailable(f"the database cannot be read: {error}") from error


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def _position(cursor: str) -> int:
    try:
        return min(int(base64.urlsafe_b64decode(cursor.encode())), 2**63 - 1)
    except ValueError as error:
        raise Malformed("cursor is not one that we gave", field="cursor") from error
