"""The local chain for tests: one anvil a session, put back to its first state before every test.

A folder's conftest.py takes it with:
    from tests.devnet_fixture import devnet, devnet_home
Then a test asks for `devnet` and has devnet.url, .chain, .deployment, .keys. Transactions are mined
at once; `devnet.chain.rpc.request("evm_setIntervalMining", 1)` makes blocks by the clock instead.
"""

import asyncio
import functools
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest

from adapters.chains.deployment import Deployment
from adapters.chains.devnet import Devnet, launch
from adapters.chains.devnet.node import Node, binary
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


def require_anvil() -> None:
    """Skips the test where the anvil binary itself cannot run, and for no other reason."""
    reason = _why_no_anvil()
    if reason is not None:
        pytest.skip(reason)


@functools.cache
def _why_no_anvil() -> str | None:
    try:
        subprocess.run([binary(), "--version"], capture_output=True, check=True)
    except Unavailable as error:
        return error.detail
    except (OSError, subprocess.CalledProcessError) as error:
        return f"anvil does not run on this machine: {error}"
    return None


@pytest.fixture(scope="session")
def devnet_home() -> Iterator[Home]:
    """One anvil with everything deployed; only anvil may be missing, what cannot deploy fails."""
    require_anvil()
    home = asyncio.run(_home())
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
