"""Group commit: one connection in one thread writes whatever has queued up in one transaction.

SQLite in WAL mode with synchronous=FULL: what was told survives kill -9 and a loss of power.
Rows travel as one JSON array per statement, because each SQLite step hands the interpreter
lock to the event loop and waits to get it back.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from app.clock import Clock, rfc3339_ms
from app.store.intents import COLUMNS, MOVED
from solver.domain.errors import Broken, SolventError, Unavailable

GROUP_MAX = 512
PACE_SECONDS = 0.004  # busy: commits begin this far apart, so that a group is worth its fsync
Write = tuple[str, Sequence[Any]]  # SQL with ? marks, and its parameters


class Job(NamedTuple):
    """What must become durable together. Event rows lack `committed_at`, which the group shares."""

    generation: int
    events: tuple[tuple[Any, ...], ...]
    intents: tuple[tuple[Any, ...], ...]
    moves: tuple[tuple[Any, ...], ...]
    writes: tuple[Write, ...]
    done: Callable[[str], None]  # on the event loop, with committed_at
    failed: Callable[[SolventError], None]  # on the event loop; nothing of it was stored


def _from_array(columns: Sequence[str]) -> str:
    return ", ".join(f"value ->> {index} AS {name}" for index, name in enumerate(columns))


_EVENT = ("log", "seq", "prev", "hash", "type", "version", "at", "body")
_INSERT_EVENTS = (
    f"INSERT INTO event ({', '.join(_EVENT)}, committed_at) "
    f"SELECT {_from_array(_EVENT)}, ?2 FROM json_each(?1) ORDER BY key"
)
_INSERT_INTENTS = (
    f"INSERT INTO intent ({', '.join(COLUMNS)}) "
    f"SELECT {_from_array(COLUMNS)} FROM json_each(?1) ORDER BY key"
)
_MOVE_INTENTS = (
    f"UPDATE intent SET {', '.join(f'{name} = new.{name}' for name in MOVED)} "
    f"FROM (SELECT {_from_array(('uid', *MOVED))} FROM json_each(?1)) AS new "
    "WHERE intent.uid = new.uid"
)


def connect(path: str) -> sqlite3.Connection:
    """Returns a connection with the pragmas that make a commit durable."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class Writer:
    """The one writer of the database file."""

    def __init__(self, path: str, clock: Clock) -> None:
        self._connection = connect(path)
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._refused_to = -1  # jobs of this generation or older follow one that failed
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queues a job; `done` or `failed` is called later on the event loop."""
        self._jobs.put(job)

    async def close(self) -> None:
        """Writes what is queued, then ends the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _run(self) -> None:
        is_open, begun = True, 0.0
        while is_open:
            group: list[Job] = []
            job = self._jobs.get()
            if (early := begun + PACE_SECONDS - time.monotonic()) > 0:
                time.sleep(early)
            begun = time.monotonic()
            while job is not None:
                group.append(job)
                if len(group) >= GROUP_MAX or self._jobs.empty():
                    break
                job = self._jobs.get()
            is_open = job is not None
            if group:
                self._commit(group)

    def _commit(self, group: list[Job]) -> None:
        alive = [job for job in group if job.generation > self._refused_to]
        for job in group:
            if job.generation <= self._refused_to:
                self._fail(job, Unavailable("an earlier write failed: nothing was stored"))
        try:
            if alive:
                self._write(alive)
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):  # a disk that fails once may fail twice
                self._connection.rollback()
            if len(alive) > 1 and isinstance(error, sqlite3.IntegrityError):
                for job in alive:  # find the one that does not fit; what follows it is refused
                    self._commit([job])
                return
            for job in alive:
                if job.events:  # later jobs may stand on what this one would have changed
                    self._refused_to = max(self._refused_to, job.generation)
                self._fail(job, _translated(error))

    def _write(self, group: list[Job]) -> None:
        committed_at = rfc3339_ms(self._clock.time_ms())
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        if intents := [row for job in group for row in job.intents]:
            execute(_INSERT_INTENTS, (orjson.dumps(intents).decode(),))
        if events := [row for job in group for row in job.events]:
            execute(_INSERT_EVENTS, (orjson.dumps(events).decode(), committed_at))
        if moves := {row[0]: row for job in group for row in job.moves}:  # the last one wins
            execute(_MOVE_INTENTS, (orjson.dumps(list(moves.values())).decode(),))
        for sql, parameters in (write for job in group for write in job.writes):
            execute(sql, parameters)
        execute("COMMIT")
        self._loop.call_soon_threadsafe(_tell, group, committed_at)

    def _fail(self, job: Job, error: SolventError) -> None:
        self._loop.call_soon_threadsafe(job.failed, error)


def _tell(group: list[Job], committed_at: str) -> None:
    for job in group:
        job.done(committed_at)


def _translated(error: sqlite3.Error) -> SolventError:
    if isinstance(error, sqlite3.IntegrityError):
        return Broken(f"the database refuses a row: {error}")
    return Unavailable(f"the database cannot be written: {error}", code="storeUnavailable")
