"""What a settlement moved and proved is known as soon as its intent is settled, whoever told it."""

import pathlib

from app.settlement.flight import Moved, Proven
from app.settlement.records import settled_by
from tests.app.settlement.worlds import DEPTH, World
from tests.app.worlds import CHAIN_ID

TOKEN = "0x" + "77" * 20
MOVED = (Moved(TOKEN, -5, "wallet"), Moved(TOKEN, 5, "collateral"))
PROVEN = Proven(10**30, 10**30 + 7, 1)


async def test_what_moved_is_told_before_the_engine_has_seen_the_end(
    tmp_path: pathlib.Path,
) -> None:
    world = World(tmp_path)
    await world.begin()
    await world.engine.settle(world.job()._replace(moved=(MOVED,), proven=PROVEN))
    row = world.store.intent(world.uid)
    assert row is not None
    assert await settled_by(world.store, row, CHAIN_ID) == ((), None)
    for _ in range(DEPTH + 1):
        world.chain.mine()
    while await world.ledger.step():  # and the engine has not looked since it sent
        pass
    row = world.store.intent(world.uid)
    assert row is not None
    assert row.state == "settled"
    assert await settled_by(world.store, row, CHAIN_ID) == (MOVED, PROVEN)
    await world.stop()
