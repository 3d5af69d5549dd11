"""A plan that hangs or kills its process costs itself, never the service or the next plan."""

import asyncio
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest

from app.solving import SolverPool
from solver.domain.errors import Infeasible, Unavailable
from solver.domain.snapshot import Snapshot
from tests.solver.routing import world

SECONDS_MAX = 30.0
CHILD = """
import asyncio, os
from app.solving import SolverPool

async def main():
    pool = SolverPool()
    print(await pool.run(os.getpid), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
async def pool() -> AsyncIterator[SolverPool]:
    made = SolverPool(SECONDS_MAX)
    yield made
    made.close()


def refuse() -> None:
    raise Infeasible("no plan", code="thinBook")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_an_error_of_the_solver_arrives_as_it_was_raised(pool: SolverPool):
    with pytest.raises(Infeasible) as caught:
        await pool.run(refuse)
    assert (caught.value.code, caught.value.detail) == ("thinBook", "no plan")


async def test_sums_are_taken_on_one_thread(pool: SolverPool):
    assert await pool.run(partial(os.getenv, "OPENBLAS_NUM_THREADS")) == "1"


async def test_what_an_optimiser_raises_is_told_in_our_words(pool: SolverPool):
    with pytest.raises(Unavailable) as caught:
        await pool.run(partial(int, "inf"))
    assert caught.value.code == "solverFailed"


async def test_a_job_that_kills_its_process_is_told_and_the_next_one_runs(pool: SolverPool):
    with pytest.raises(Unavailable) as caught:
        await pool.run(die)
    assert caught.value.code == "solverDied"
    assert await pool.run(int) == 0


async def test_a_process_that_dies_between_jobs_is_replaced_unseen(pool: SolverPool):
    first = await pool.run(os.getpid)
    os.kill(first, signal.SIGKILL)
    assert await pool.run(os.getpid) != first


async def test_a_job_that_never_ends_is_ended_with_its_process(pool: SolverPool):
    first = await pool.run(os.getpid)
    pool._seconds_max = 0.2
    with pytest.raises(Unavailable) as caught:
        await pool.run(partial(time.sleep, 600))
    assert caught.value.code == "solveTimeout"
    pool._seconds_max = SECONDS_MAX
    assert await pool.run(os.getpid) != first
    assert is_gone(first)


async def test_waiting_for_a_turn_is_not_taken_off_a_jobs_time(pool: SolverPool):
    await pool.run(int)
    pool._seconds_max = 1.5
    await asyncio.gather(*(pool.run(partial(time.sleep, 0.6)) for _ in range(4)))


async def test_more_than_may_wait_is_refused_at_once(pool: SolverPool):
    pool._waiting_max = 2
    asked = [asyncio.ensure_future(pool.run(int)) for _ in range(3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [a for a in answers if a != 0] == [answers[2]]
    assert isinstance(answers[2], Unavailable)
    assert answers[2].code == "solverBusy"


def test_a_killed_service_leaves_no_solver_behind():
    root = pathlib.Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, cwd=root, text=True
    ) as service:
        assert service.stdout is not None
        solver = int(service.stdout.readline())
        service.kill()
    assert is_gone(solver)


def is_gone(pid: int) -> bool:
    """Waits a little: a process ends when its parent's end has reached it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


async def test_every_job_sees_the_snapshot_that_it_was_given(pool: SolverPool):
    first, second = world.snapshot(), world.snapshot(gas_price=0)
    for snapshot in (first, second, first):
        assert await pool.run_on(snapshot, content_of) == snapshot.hash


async def test_an_auctions_snapshot_and_the_newest_are_both_kept(pool: SolverPool):
    older, newest, seen = world.snapshot(), world.snapshot(gas_price=0), []
    for snapshot in (older, newest, older, newest):
        seen.append(await pool.run_on(snapshot, id))
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]


def content_of(snapshot: Snapshot) -> bytes:
    return snapshot.hash
