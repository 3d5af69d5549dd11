"""The local chain for tests: one anvil a session, put back to its first state before every test.

A folder's conftest.py takes it with:
    from tests.devnet_fixture import devnet, devnet_home
Then a test asks for `devnet` and has devnet.url, .chain, .deployment, .keys. Transactions are mined
at once; `devnet.chain.rpc.request("evm_setIntervalMining", 1)` makes blocks by the clock instead.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest

from adapters.chains.deployment import Deployment
from adapters.chains.devnet import Devnet, launch
from adapters.chains.devnet.node import Node
from adapters.chains.evm import EvmChain
from solver.domain.errors import Unavailable

AS_OF = 1_795_000_000  # 2026-11-18 11:06:40 UTC


class Home(NamedTuple):
    """What outlives a test: the process and the addresses; connections belong to one event loop."""

    node: Node
    deployment: Deployment


async def _home() -> Home:
    devnet = await launch(AS_OF, block_time=None)
    await devnet.chain.close()
    return Home(devnet.node, devnet.deployment)


@pytest.fixture(scope="session")
def devnet_home() -> Iterator[Home]:
    """One anvil with everything deployed; skipped where anvil, npm or the artifacts are missing."""
    try:
        home = asyncio.run(_home())
    except Unavailable as error:
        pytest.skip(error.detail)
    yield home
    home.node.stop()


@pytest.fixture
async def devnet(devnet_home: Home) -> AsyncIterator[Devnet]:
    """The chain as first built, whatever the tests before have done to it."""
    async with EvmChain(devnet_home.node.url) as chain:
        snapshot = await chain.rpc.request("evm_snapshot", is_read=False)
        yield Devnet(devnet_home.node, chain, devnet_home.deployment)
        await chain.rpc.request("evm_revert", snapshot, is_read=False)
        await chain.rpc.request("evm_setIntervalMining", 0)
        await chain.rpc.request("evm_setAutomine", True)
