"""Moves the running local chain forward in time and leaves what the time between would have left.

A jump alone would leave the feeds without the rounds that an expiry averages, so the last forty
minutes are lived through: a block a minute, each with a round of every source. The pools follow
the prices as arbitrage would make them, and with them the TWAP.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from adapters.chains.deployment import Deployment
from adapters.chains.devnet.arbitrage import level_pools
from adapters.chains.devnet.builder import Builder
from adapters.chains.devnet.feeds import FEEDS, prices_at, push_prices, sources_of
from adapters.chains.devnet.keys import dev_keys
from adapters.chains.devnet.tokens import PRICE_WAD
from adapters.chains.evm import EvmChain
from solver.domain.errors import Malformed

TRAVEL_MINUTES = 40  # an expiry averages thirty, the TWAP ten
LEVEL_MINUTES = 5  # between two rounds of arbitrage
PricePath = int | Callable[[int], int]  # 1e18, for ever or by unix seconds


async def travel(
    chain: EvmChain,
    deployment: Deployment,
    time: int,
    about: Mapping[str, int],
    paths: Mapping[str, PricePath],
) -> dict[str, int]:
    """Returns the prices (1e18 by symbol) that the chain's markets are about once it is at `time`.

    `about` is what they were about before. Transactions that wait in the pool are mined first, in
    the present. Nobody else may mine meanwhile. Raises Malformed for a time that is less than a
    minute ahead or a symbol without a feed.
    """
    begun = (await chain.head()).timestamp
    if time < begun + 60:
        raise Malformed(f"the chain is at {begun}: go a minute ahead or more", field="time")
    if unknown := paths.keys() - {plan.symbol for plan in FEEDS}:
        raise Malformed(f"no feed of {sorted(unknown)}", field="paths")
    builder = Builder(chain, dev_keys()["deployer"].address)
    async with _mining_stopped(chain):
        await builder.mine()
        begun = (await chain.head()).timestamp
        for minute in range(min(TRAVEL_MINUTES, (time - begun - 1) // 60), -1, -1):
            now = time - 60 * minute
            prices = prices_at(minute, about) | _on(paths, now)
            if paths and minute % LEVEL_MINUTES == 0:
                await level_pools(chain, deployment, token_prices(prices))
            await push_prices(chain, sources_of(deployment.markets), prices, now)
            await builder.mine(now)
    return {**about, **_on(paths, time)}


def token_prices(prices: Mapping[str, int]) -> dict[str, int]:
    """Returns 1e18 by token of prices by symbol; a token whose market is not named is at first."""
    return PRICE_WAD | {plan.base: prices[plan.symbol] for plan in FEEDS if plan.symbol in prices}


@asynccontextmanager
async def _mining_stopped(chain: EvmChain) -> AsyncIterator[None]:
    """Blocks come only when they are asked for; afterwards as they came before."""
    seconds = await chain.rpc.request("anvil_getIntervalMining")
    is_automatic = await chain.rpc.request("anvil_getAutomine")
    await chain.rpc.request("evm_setAutomine", False)
    await chain.rpc.request("evm_setIntervalMining", 0)
    try:
        yield
    finally:
        if is_automatic:
            await chain.rpc.request("evm_setAutomine", True)
        elif seconds:
            await chain.rpc.request("evm_setIntervalMining", seconds)


def _on(paths: Mapping[str, PricePath], time: int) -> dict[str, int]:
    return {symbol: path if isinstance(path, int) else path(time) for symbol, path in paths.items()}
