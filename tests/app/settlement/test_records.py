"""What a settlement moved is known as soon as its intent is settled, whoever told it first."""

import pathlib

from app.settlement.flight import Moved
from app.settlement.records import moved_by
from tests.app.settlement.worlds import DEPTH, World
from tests.app.worlds import CHAIN_ID

TOKEN = "0x" + "77" * 20
MOVED = (Moved(TOKEN, -5, "wallet"), Moved(TOKEN, 5, "collateral"))


async def test_what_moved_is_told_before_the_engine_has_seen_the_end(
    tmp_path: pathlib.Path,
) -> None:
    world = World(tmp_path)
    await world.begin()
    await world.engine.settle(world.job()._replace(moved=(MOVED,)))
    row = world.store.intent(world.uid)
    assert row is not None
    assert await moved_by(world.store, row, CHAIN_ID) == ()
    for _ in range(DEPTH + 1):
        world.chain.mine()
    while await world.ledger.step():  # and the engine has not looked since it sent
        pass
    row = world.store.intent(world.uid)
    assert row is not None
    assert row.state == "settled"
    assert await moved_by(world.store, row, CHAIN_ID) == MOVED
    await world.stop()
