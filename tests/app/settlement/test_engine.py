"""A settlement reaches the chain once, whatever the chain and the process do in between."""

import contextlib
import pathlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from app.settlement import crash
from app.settlement.crash import POINTS
from solver.domain.errors import Conflict, Unavailable
from tests.app.settlement.worlds import AMOUNT, CALLDATA, Killed, World, kill_at
from tests.app.worlds import ALICE, NOW

TICKS_MAX = 40


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    crash.arm(None)


@pytest.fixture
async def world(tmp_path: pathlib.Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.begin()
    yield made
    await made.stop()


def mined(world: World, tick: int) -> None:
    world.chain.mine()


def stuck(world: World, tick: int) -> None:
    """Nothing of ours is taken for a while: replacements."""
    world.chain.mine(empty=tick < 8)


def reorganised(world: World, tick: int) -> None:
    """The block with our transaction goes away once, and the transaction waits again."""
    if tick == 1:
        world.chain.reorg(1)
    else:
        world.chain.mine()


def dropped(world: World, tick: int) -> None:
    """The block goes away and every pool forgets the transaction."""
    if tick == 1:
        world.chain.reorg(1, keep=False)
        world.chain.drop()
    else:
        world.chain.mine()


def unanswered(world: World, tick: int) -> None:
    """Sends time out, before the node has the bytes and after it has taken them."""
    world.chain.lose_answers = int(tick in (-1, 2))
    world.chain.lose_sends = int(tick in (0, 3))
    world.chain.mine(empty=tick < 5)


def silent(world: World, tick: int) -> None:
    """The node is away for a while, with the transaction in its pool."""
    world.chain.is_down = 0 < tick < 6
    world.chain.mine(empty=tick < 4)


def reverting(world: World, tick: int) -> None:
    """The first inclusion reverts, the retry goes through."""
    world.chain.reverts = b"" if tick == 0 else None
    world.chain.mine()


def late(world: World, tick: int) -> None:
    """Not included before the first job's deadline; a second job is."""
    if tick == 6:
        world.deadline = NOW + 3600
    world.chain.mine(empty=tick < 5)


Weather = Callable[[World, int], None]
WEATHERS = (mined, stuck, reorganised, dropped, unanswered, silent, reverting, late)


async def live(world: World, weather: Weather) -> bool:
    """Ticks until all is done, starting again from disk after a death; returns if it died."""
    has_died = False
    weather(world, -1)
    for tick in range(TICKS_MAX):
        try:
            await tolerant_tick(world)
        except Killed:
            has_died = True
            crash.arm(None)
            await world.stop()
            await world.start()
            await tolerant_tick(world)
        weather(world, tick)
        if world.state() == "settled" and not world.engine.accounts_in_flight():
            crash.arm(None)
            return has_died
    raise AssertionError(f"still {world.state()} after {TICKS_MAX} ticks")


async def tolerant_tick(world: World) -> None:
    """A tick of loops that live through a silent node, as the task roots do."""
    with contextlib.suppress(Unavailable, Conflict):
        await world.tick()


async def assert_settled_once(world: World) -> None:
    seen = await world.seen()
    assert (seen.state, seen.cash, seen.reserved) == ("settled", AMOUNT, 0)
    assert seen.types.count("IntentSettled") == seen.types.count("CashMoved") == 1
    assert seen.types.count("ReservationReleased") == 1
    assert world.chain.runs(CALLDATA) == 1
    assert not world.chain.mempool, "every nonce ends consumed"
    assert not world.ledger.broken
    await world.ledger.verify(ALICE)


def deadline_of(weather: Weather) -> int:
    return NOW + 40 if weather is late else NOW + 3600


MISSED: dict[
    Weather, set[str]
] = {  # what cannot happen in a weather; everything else must be died at
    mined: {"replacing", "replaced", "reorged", "released"},
    stuck: {"reorged", "released"},
    reorganised: {"replacing", "replaced", "released"},
    dropped: {"replacing", "replaced", "released"},
    unanswered: {"replaced", "reorged", "released"},
    silent: {"replacing", "replaced", "reorged", "released"},
    reverting: {"replacing", "replaced", "reorged"},
    late: {"reorged"},
}


@pytest.mark.parametrize("weather", WEATHERS, ids=lambda weather: weather.__name__)
async def test_killed_at_any_point_it_settles_once(tmp_path: pathlib.Path, weather: Weather):
    missed: set[str] = set()
    for point in POINTS:
        folder = tmp_path / point
        folder.mkdir()
        world = World(folder, deadline_of(weather))
        await world.begin()
        kill_at(point)
        if not await live(world, weather):
            missed.add(point)
        await assert_settled_once(world)
        await world.stop()
    assert missed == MISSED[weather]
