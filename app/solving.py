"""Solving in a process of its own: no plan, however hard, and no crash of it, outlives its turn.

A job has the process to itself from when it begins. One that takes too long is ended with its
process, one whose process dies is tried once more in a new one. These, and whatever an optimiser
raises that is not ours, are Unavailable to the caller, never the end of the service. A solver
process ends with the service, even one that is killed.
"""

import asyncio
import gc
import multiprocessing
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

from app import observe
from solver.domain.errors import SolventError, Unavailable
from solver.domain.snapshot import Snapshot

SOLVE_SECONDS_MAX = 20
LOADING_SECONDS_MAX = 180  # a process that compiles first takes some twenty seconds, once
WAITING_MAX = 64  # jobs that may wait for their turn; more would wait longer than anyone stays
ATTEMPTS = 2
SNAPSHOTS_KEPT = 2  # an auction's, and the newest that quotes stand on
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

T = TypeVar("T")


class SolverPool:
    """One process that solves, one job at a time in the order of asking."""

    def __init__(
        self,
        seconds_max: float = SOLVE_SECONDS_MAX,
        waiting_max: int = WAITING_MAX,
        *,
        is_compiled: bool = False,
    ):
        self._seconds_max, self._waiting_max = seconds_max, waiting_max
        self._is_compiled = is_compiled
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0
        self._packed = deque[tuple[Snapshot, bytes]](maxlen=SNAPSHOTS_KEPT)
        self._process, self._loaded = _process(is_compiled)

    async def run(self, job: Callable[[], T]) -> T:
        """Returns what the job returns, or raises what it raises; it must be picklable.

        Raises Unavailable `solverBusy`, `solveTimeout`, `solverDied` or `solverFailed`.
        """
        if self._waiting >= self._waiting_max:
            raise Unavailable("too many plans are waiting to be solved", code="solverBusy")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._root(job)
        finally:
            self._waiting -= 1

    async def run_on(self, snapshot: Snapshot, job: Callable[[Snapshot], T]) -> T:
        """Returns what the job returns on the snapshot, which is packed and unpacked once however
        many jobs ask about it. Raises as `run`.
        """
        packed = next((packed for known, packed in self._packed if known is snapshot), None)
        if packed is None:
            packed = pickle.dumps(snapshot, pickle.HIGHEST_PROTOCOL)
            self._packed.append((snapshot, packed))
        return await self.run(partial(_on_unpacked, packed, job))

    async def _root(self, job: Callable[[], T]) -> T:
        """Task root of a job: records what no solver should raise, tells it in our words."""
        try:
            return await self._solved(job)
        except SolventError:
            raise
        except Exception as error:
            observe.part_failed("solver", error)
            raise Unavailable("the solver failed on this plan", code="solverFailed") from error

    async def _solved(self, job: Callable[[], T]) -> T:
        for _ in range(ATTEMPTS):
            try:
                loading = asyncio.shield(asyncio.wrap_future(self._loaded))
                await asyncio.wait_for(loading, LOADING_SECONDS_MAX)
                running = asyncio.get_running_loop().run_in_executor(self._process, job)
                return await asyncio.wait_for(running, self._seconds_max)
            except TimeoutError:
                self._start_over()
                detail = f"no plan was found in {self._seconds_max:g} s"
                raise Unavailable(detail, code="solveTimeout") from None
            except BrokenExecutor:
                self._start_over()
        raise Unavailable("the solver process died on this plan", code="solverDied")

    def _start_over(self) -> None:
        self.close()
        self._process, self._loaded = _process(self._is_compiled)

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        children = list((self._process._processes or {}).values())
        self._process.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.kill()


def _process(is_compiled: bool) -> tuple[ProcessPoolExecutor, Future[int]]:
    """Returns a process that is already loading its optimisers, and what is done once it has.

    Its linear algebra is on one thread: our matrices are small, more threads only wait for one
    another, and what is summed in another order is another last digit.
    """
    for name, count in ONE_THREAD.items():
        os.environ.setdefault(name, count)  # read when numpy is loaded: inherited, not set there
    begin = partial(_begin, is_compiled)
    made = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=begin)
    return made, made.submit(int)  # a pool starts its process with the first job


def _begin(is_compiled: bool) -> None:
    """Loads what a first plan would wait for. A process that compiles does so before its first
    plan, some twenty seconds once for each installation: all its plans are by the same engine."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import highspy  # noqa: F401
    from ortools.sat.python import cp_model  # noqa: F401

    import solver.auction
    import solver.solve  # noqa: F401
    from solver.routing import kernel

    if is_compiled:
        kernel.load()
    gc.collect()
    gc.freeze()  # what is loaded stays: looking through all of it takes longer than a plan


_unpacked = deque[tuple[bytes, Snapshot]](maxlen=SNAPSHOTS_KEPT)  # in the solver process


def _on_unpacked(packed: bytes, job: Callable[[Snapshot], T]) -> T:
    snapshot = next((snapshot for known, snapshot in _unpacked if known == packed), None)
    if snapshot is None:
        snapshot = pickle.loads(packed)
        _unpacked.append((packed, snapshot))
    return job(snapshot)


def _end_with_parent() -> None:
    """A killed parent cannot say goodbye: its child would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
