"""Brings the local chain up: builds once, keeps the state as a cache, moves it to the asked time.

The cache holds third-party bytecode, so it is git-ignored and keyed by everything it was made of.
"""

import asyncio
import contextlib
import hashlib
import os
import pathlib
from collections.abc import AsyncIterator, Mapping
from typing import Self

from adapters.chains import abi
from adapters.chains.deployment import Deployment, MarketInfo, dumps, load
from adapters.chains.devnet import clearing as ours
from adapters.chains.devnet.arbitrage import level_pools
from adapters.chains.devnet.builder import BLOCK_GAS_SERVED, Builder
from adapters.chains.devnet.feeds import (
    FEEDS,
    HISTORY_MINUTES,
    PUSH_SECONDS,
    Sources,
    deploy_feeds,
    prices_at,
    push_prices,
    sources_of,
    write_history,
)
from adapters.chains.devnet.keys import DevKey, dev_keys
from adapters.chains.devnet.node import CHAIN_ID, ROOT, Node, start_node
from adapters.chains.devnet.packages import multicall_creation, permit2_code
from adapters.chains.devnet.tokens import Tokens, deploy_tokens
from adapters.chains.devnet.travel import PricePath, token_prices, travel
from adapters.chains.devnet.uniswap import Uniswap, deploy_uniswap, refill_pools
from adapters.chains.evm import EvmChain
from solver.domain.errors import Malformed, Unavailable

GENESIS = 1_704_067_200  # 2024-01-01: the set-up's own time, before any as-of
EARLIEST = GENESIS + 86_400
CACHE = ROOT / ".cache" / "devnet"
SOURCES = pathlib.Path(__file__).parent
BUILD_TIMEOUT_S = 60.0


class Devnet:
    """A running local chain. `keys` by role; `stop` ends the process and may be called twice."""

    def __init__(
        self,
        node: Node,
        chain: EvmChain,
        deployment: Deployment,
        about: Mapping[str, int] | None = None,
    ) -> None:
        self.node = node
        self.chain = chain
        self.deployment = deployment
        self.url = node.url
        self.keys: dict[str, DevKey] = dev_keys()
        self._about = dict(about or {})  # 1e18 by symbol, where a market has left its first price
        self._pushing = asyncio.Lock()  # rounds have numbers: one writer at a time

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Closes the connections and ends anvil."""
        await self.chain.close()
        self.node.stop()

    async def push_prices(self, prices: dict[str, int] | None = None) -> None:
        """Sends a round of every source: 1e18 by symbol, by default this minute's own prices."""
        async with self._pushing:
            minute = (await self.chain.head()).timestamp // 60
            present = prices_at(minute, self._about) | (prices or {})
            await push_prices(self.chain, self._sources, present)

    async def level_pools(self, prices: dict[str, int] | None = None) -> int:
        """Trades every pool back to present prices (or 1e18 by token symbol), as arbitrage would.

        Returns how many trades were sent. A quote that is open meanwhile may no longer hold.
        """
        present = token_prices(self._about) | (prices or {})
        return len(await level_pools(self.chain, self.deployment, present))

    async def keep_fresh(self) -> None:
        """Pushes prices for ever; whoever awaits this owns the task. Raises Unavailable."""
        while True:
            await self.push_prices()
            await asyncio.sleep(PUSH_SECONDS)

    async def travel_to(self, time: int, paths: Mapping[str, PricePath] | None = None) -> None:
        """Moves the chain forward to unix seconds `time`; real time goes on from there.

        The last forty minutes get a round a minute of every source. `paths` says where a market
        goes meanwhile, by symbol: a price in 1e18, or a function from unix seconds to one; it
        stays about where its path ends. Raises Malformed for less than a minute ahead.
        """
        async with self._pushing:
            self._about = await travel(self.chain, self.deployment, time, self._about, paths or {})

    @property
    def _sources(self) -> Sources:
        return sources_of(self.deployment.markets)


@contextlib.asynccontextmanager
async def start(
    as_of: int,
    *,
    port: int = 0,
    block_time: int | None = 1,
    cache: pathlib.Path | None = CACHE,
    prices: Mapping[str, int] | None = None,
) -> AsyncIterator[Devnet]:
    """Yields what `launch` returns and stops it afterwards."""
    launched = launch(as_of, port=port, block_time=block_time, cache=cache, prices=prices)
    async with await launched as devnet:
        yield devnet


async def launch(
    as_of: int,
    *,
    port: int = 0,
    block_time: int | None = 1,
    cache: pathlib.Path | None = CACHE,
    prices: Mapping[str, int] | None = None,
) -> Devnet:
    """Starts the chain with its head at unix time `as_of` and real time from there.

    `block_time` is seconds between blocks; None mines every transaction at once. `cache` None
    builds anew. `prices` (1e18 by symbol) are where feeds and pools have been for the whole
    history, instead of the first ones. Raises Malformed for a time before the set-up's own,
    Unavailable when anvil, the npm packages or our artifacts are missing.
    """
    if as_of < EARLIEST:
        raise Malformed(f"--as-of must be {EARLIEST} or later", field="asOf")
    async with contextlib.AsyncExitStack() as undo:
        node = await start_node(GENESIS, port)
        undo.callback(node.stop)
        chain = EvmChain(node.url, BUILD_TIMEOUT_S)
        undo.push_async_callback(chain.close)
        deployment = await _restore(chain, cache) or await _build(chain, cache)
        await _serve(chain, deployment, as_of, block_time, prices or {})
        undo.pop_all()
        return Devnet(node, chain, deployment, prices)


async def _restore(chain: EvmChain, cache: pathlib.Path | None) -> Deployment | None:
    """Returns the deployment after loading its state, None when there is no such cache."""
    if cache is None:
        return None
    state, described = _cached(cache)
    if not (state.is_file() and described.is_file()):
        return None
    await chain.rpc.request("anvil_loadState", state.read_text(), is_read=False)
    return load(described)


async def _build(chain: EvmChain, cache: pathlib.Path | None) -> Deployment:
    builder = Builder(chain, dev_keys()["deployer"].address)
    await builder.prepare()
    deployment = await deploy_all(builder)
    if cache is not None:
        _keep(cache, await chain.rpc.request("anvil_dumpState"), dumps(deployment))
    return deployment


def _keep(cache: pathlib.Path, state: str, described: str) -> None:
    """Writes both files whole or not at all: another process may be reading."""
    cache.mkdir(parents=True, exist_ok=True)
    for path, text in zip(_cached(cache), (state, described), strict=True):
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        partial.write_text(text)
        partial.rename(path)


async def deploy_all(builder: Builder) -> Deployment:
    """Deploys the protocols, the feeds and our contracts onto an empty chain."""
    await builder.chain.rpc.request("anvil_setCode", ours.PERMIT2, "0x" + permit2_code().hex())
    (multicall,) = await builder.create([multicall_creation()])
    code = await builder.chain.code(multicall)
    await builder.chain.rpc.request("anvil_setCode", ours.MULTICALL3, "0x" + code.hex())
    tokens = await deploy_tokens(builder)
    uniswap = await deploy_uniswap(builder, tokens)
    sources = await deploy_feeds(builder)
    markets = _markets(tokens, uniswap, sources)
    start_block = (await builder.chain.head()).number + 1
    clearing = await ours.deploy_clearing(builder, tokens)
    await ours.configure(builder, clearing, uniswap, markets, tokens)
    await push_prices(builder.chain, sources, prices_at(0))
    await builder.mine()
    await ours.fund(builder, clearing, tokens, (uniswap.v2_router, uniswap.v3_router))
    return Deployment(
        CHAIN_ID,
        *clearing[:-1],
        ours.PERMIT2,
        ours.MULTICALL3,
        tokens.weth.address,
        tokens.usdc.address,
        tuple(tokens),
        uniswap.v2_factory,
        uniswap.v3_factory,
        uniswap.all,
        markets,
        start_block,
        uniswap.v2_router,
        uniswap.v3_router,
        auction=clearing.auction,
    )


def _markets(tokens: Tokens, uniswap: Uniswap, sources: Sources) -> tuple[MarketInfo, ...]:
    return tuple(
        MarketInfo(
            plan.market,
            plan.symbol,
            tokens.of(plan.base),
            feed,
            sources.pyth,
            plan.pyth_id,
            uniswap.twap_pool(plan.base),
            tokens.usdc,
        )
        for plan, feed in zip(FEEDS, sources.aggregators, strict=True)
    )


async def _serve(
    chain: EvmChain,
    deployment: Deployment,
    as_of: int,
    block_time: int | None,
    prices: Mapping[str, int],
) -> None:
    builder = Builder(chain, dev_keys()["deployer"].address)
    await builder.prepare()
    head = await chain.head()
    if as_of - 60 * HISTORY_MINUTES <= head.timestamp:
        raise Unavailable("the local chain's cache is ahead of --as-of: remove .cache/devnet")
    if prices:
        await level_pools(chain, deployment, token_prices(prices))
        await builder.mine()
        await refill_pools(builder, deployment)
    await write_history(chain, builder, sources_of(deployment.markets), as_of, prices)
    await chain.rpc.request("evm_setBlockGasLimit", hex(BLOCK_GAS_SERVED))
    if block_time is None:
        await chain.rpc.request("evm_setAutomine", True)
    else:
        await chain.rpc.request("evm_setIntervalMining", block_time)


def _cached(cache: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Returns the paths of state and deployment for what would be built now."""
    made_of = [*SOURCES.glob("*.py"), *abi.ARTIFACTS.glob("*.json"), ROOT / "package-lock.json"]
    digest = hashlib.sha256()
    for path in sorted(made_of):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    name = digest.hexdigest()[:32]
    return cache / f"{name}.state", cache / f"{name}.json"
