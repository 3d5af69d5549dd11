"""The demo's story, scene by scene, on the real chain, and every figure of its receipt re-read."""

import json
import pathlib

import pytest

from adapters.chains.devnet import dev_keys
from adapters.chains.evm import EvmChain
from app.demo import receipt
from app.demo.client import Client
from app.demo.story import Cast, receipt_of, tell, verify
from app.local import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_scene_settles_and_the_receipt_is_true(
    running: Stack, chain: EvmChain, tmp_path: pathlib.Path
) -> None:
    keys, path = dev_keys(), tmp_path / "receipt.json"
    async with (
        Client(running.api_url, keys["alice"]) as alice,
        Client(running.api_url, keys["bob"]) as bob,
    ):
        cast = Cast(running, chain, alice, bob, [], [])
        await tell(cast)
    receipt.write(path, [receipt_of(cast, "local chain")])
    assert await verify(path) == 0
    assert len(cast.rows) >= 9

    told = json.loads(path.read_text())
    sold = told["runs"][0]["settlements"][2]
    sold["premium"] = str(int(sold["premium"]) + 1)
    path.write_text(json.dumps(told))
    assert await verify(path) == 1, "one atom more must not pass"
