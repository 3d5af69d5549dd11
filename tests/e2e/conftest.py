"""A whole stack for the end-to-end tests: chain, API process, maker process; blocks come fast."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.chains.evm import EvmChain
from app.local import Stack, stack
from tests.devnet_fixture import require_anvil

AS_OF = 1_795_168_800  # 2026-11-20T10:00:00Z
BLOCK_SECONDS = 0.25  # of real time; the chain's own clock runs ahead, which is its business


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("stack")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(folder: pathlib.Path) -> AsyncIterator[Stack]:
    """One stack for all tests of this folder."""
    require_anvil()
    async with stack(folder, as_of=AS_OF) as found, mining(found):
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chain(running: Stack) -> AsyncIterator[EvmChain]:
    """The test's own look at the chain."""
    async with EvmChain(running.rpc_url) as found:
        yield found


@contextlib.asynccontextmanager
async def mining(running: Stack) -> AsyncIterator[None]:
    """Blocks of a stack come fast while it lasts."""
    async with EvmChain(running.rpc_url) as chain:
        task = asyncio.create_task(mine(chain))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def mine(chain: EvmChain) -> None:
    """Makes blocks for ever, faster than the clock."""
    while True:
        await chain.rpc.request("evm_mine", is_read=False)
        await asyncio.sleep(BLOCK_SECONDS)
