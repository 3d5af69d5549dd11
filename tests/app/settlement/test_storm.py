"""Random weather, random deaths, one seed each: whatever happened, it settled once.

`make night PART=storm` runs many more seeds; a failing seed reproduces by its number alone.
"""

import contextlib
import pathlib
import random

import pytest

from app.settlement import crash
from solver.domain.errors import Conflict, Unavailable
from tests.app.settlement.test_engine import assert_settled_once
from tests.app.settlement.worlds import Killed, World, kill_at
from tests.app.worlds import NOW

STORM_TICKS = 25
CALM_TICKS = 30


async def storm(folder: pathlib.Path, seed: int) -> World:
    """Returns the world after a storm and the calm that follows it."""
    dice = random.Random(seed)
    world = World(folder, deadline=NOW + dice.randrange(60, 400))
    await world.begin()
    for _ in range(STORM_TICKS):
        blow(world, dice)
        if dice.random() < 0.3:
            kill_at(dice.choice(crash.POINTS), dice.randrange(1, 3))
        await survive(world)
    crash.arm(None)
    calm(world)
    for _ in range(CALM_TICKS):
        await survive(world)
        world.chain.mine()
    return world


async def survive(world: World) -> None:
    try:
        with contextlib.suppress(Unavailable, Conflict):
            await world.tick()
    except Killed:
        crash.arm(None)
        await world.stop()
        await world.start()


def blow(world: World, dice: random.Random) -> None:
    """Changes the weather for the next tick."""
    chain = world.chain
    chain.is_down = dice.random() < 0.15
    chain.lose_sends, chain.lose_answers = (int(dice.random() < 0.2) for _ in range(2))
    chain.reverts = b"" if dice.random() < 0.1 else None
    chain.base_fee = 10**9 * dice.choice((1, 1, 1, 5))
    if dice.random() < 0.1:
        chain.drop()
    if dice.random() < 0.15 and len(chain.blocks) > 3:
        chain.reorg(1, keep=dice.random() < 0.5)
    else:
        chain.mine(empty=dice.random() < 0.5)
    if dice.random() < 0.2:
        world.deadline = chain.blocks[-1].head.timestamp + dice.randrange(20, 200)


def calm(world: World) -> None:
    chain = world.chain
    chain.is_down, chain.reverts, chain.base_fee = False, None, 10**9
    chain.lose_sends = chain.lose_answers = 0
    world.deadline = NOW + 3500


async def weathered(folder: pathlib.Path, seeds: range) -> None:
    for seed in seeds:
        here = folder / str(seed)
        here.mkdir()
        world = await storm(here, seed)
        try:
            await assert_settled_once(world)
        except AssertionError as wrong:
            raise AssertionError(f"seed {seed}: {await world.seen()}") from wrong
        finally:
            await world.stop()


async def test_every_storm_ends_with_one_settlement(tmp_path: pathlib.Path):
    await weathered(tmp_path, range(12))


@pytest.mark.night
async def test_a_night_of_storms(tmp_path: pathlib.Path):
    await weathered(tmp_path, range(1000, 3000))
