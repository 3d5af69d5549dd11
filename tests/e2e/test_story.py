"""The demo's story, scene by scene, on the real chain, and every figure of its receipt re-read."""

import contextlib
import json
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.demo import receipt, story
from app.demo.story import Cast, cast_on, held_to_expiry, receipt_of, recorded, tell, verify
from app.local import RecordedChain
from tests.app.recorded_world import TIME, text
from tests.devnet_fixture import require_anvil
from tests.e2e.conftest import AS_OF, mining

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cast]:
    """A stack of the story's own, because it travels through time."""
    require_anvil()
    folder = tmp_path_factory.mktemp("story")
    async with cast_on(folder, AS_OF) as found, mining(found.running):
        yield found


async def test_every_scene_settles_and_the_receipt_is_true(
    cast: Cast, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "receipt.json"
    await tell(cast)
    await held_to_expiry(cast)
    receipt.write(path, [receipt_of(cast, "local chain")])
    assert await verify(path) == 0
    assert len(cast.rows) >= 11
    assert len(cast.expiries) == 1

    told = json.loads(path.read_text())
    sold, paid = told["runs"][0]["settlements"][2], told["runs"][0]["expiries"][0]
    for lied, key in ((sold, "premium"), (paid, "price"), (paid, "accountCash")):
        true, lied[key] = lied[key], str(int(lied[key]) + 1)
        path.write_text(json.dumps(told))
        assert await verify(path) == 1, "one atom more must not pass"
        lied[key] = true


async def test_the_recorded_market_is_told_and_true(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a chain that the test writes itself: the recorded one is `test_recorded.py`'s."""
    require_anvil()
    path, file = tmp_path / "receipt.json", tmp_path / "chain.csv"
    _, *others = text("BTC").splitlines(keepends=True)
    file.write_text(text("ETH") + "".join(others))

    @contextlib.asynccontextmanager
    async def quickly(*args: Any, **options: Any) -> AsyncIterator[Cast]:
        async with cast_on(*args, **options) as found, mining(found.running):
            yield found

    monkeypatch.setattr(story, "cast_on", quickly)
    async with recorded(tmp_path / "stack", RecordedChain(file, TIME)) as found:
        receipt.write(path, [receipt_of(found, "recorded options")])
        assert await verify(path) == 0
