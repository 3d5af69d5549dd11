"""Claim: a certified quote over 100 pools and 600 options answers in 20 ms, with selectors in 150.

One whole stack on this machine: local chain with more than 100 pools of Uniswap v2 and v3, API
process, maker process quoting every listed option. One client asks over HTTP, one quote after the
other; p50 and p99 are of its wait. The first rows are a recorded chain's where SOLVENT_SHARED names
the folder that holds one, else the built-in listing's. There is no peer in this run: nobody's quote
service for signed outcomes can be started beside it.

    python bench/quote.py [quotes of each kind]
"""

import asyncio
import importlib.util
import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from adapters.chains.deployment import Deployment
from adapters.chains.devnet import Devnet, dev_keys
from adapters.chains.devnet.builder import Builder
from adapters.chains.devnet.tokens import Tokens
from adapters.chains.devnet.uniswap import deploy_uniswap
from app.demo.client import Client
from app.demo.story import (
    DEPOSIT_WETH,
    RECORDED,
    RECORDED_AT,
    Wanted,
    covered,
    listed_call,
    neutral,
)
from app.local import RecordedChain, Stack, stack

WARM = 5
UNISWAPS = 6  # more deployments of both protocols, 15 pools each
NAMED_MS, SELECTED_MS = (20.0, 80.0), (150.0, 400.0)  # p50, p99
SELECTOR = {"delta": "0.25", "tenorDays": [20, 40]}
WINGS = {"putLong": "0.1", "putShort": "0.25", "callShort": "0.25", "callLong": "0.1"}


async def crowd(chain: Devnet) -> Deployment:
    """Deploys both Uniswaps again and again, beside the pools that are there."""
    deployment, builder = chain.deployment, Builder(chain.chain, dev_keys()["deployer"].address)
    await builder.prepare()
    pools = list(deployment.pools)
    for _ in range(UNISWAPS):
        pools += (await deploy_uniswap(builder, Tokens(*deployment.tokens))).all
    return deployment._replace(pools=tuple(pools))


async def timed(count: int, ask: Callable[[], Awaitable[object]]) -> list[float]:
    """Returns how many milliseconds each of `count` calls took, after a few to warm up."""
    for _ in range(WARM):
        await ask()
    out = []
    for _ in range(count):
        began = time.perf_counter()
        await ask()
        out.append((time.perf_counter() - began) * 1000)
    return out


def told(name: str, times: list[float], limits: tuple[float, float]) -> None:
    """Prints one line."""
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    middle = statistics.median(ordered)
    verdict = "met" if middle <= limits[0] and p99 <= limits[1] else "missed"
    wanted = f"(p50 <= {limits[0]:.0f}, p99 <= {limits[1]:.0f}: {verdict})"
    print(f"{name:<40} p50 {middle:6.1f} ms   p99 {p99:6.1f} ms   n {len(ordered)}  {wanted}")


async def measure(running: Stack, count: int) -> None:
    """Prints every line of the bench."""
    swap: Wanted = (
        {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "sellAmount": "400000"},
        {"scheme": "permit2", "slippageBps": "200", "maxFee": "20"},
    )
    wide = {"slippageBps": "500", "maxFee": "20", "maxMarginUsed": "20000"}
    condor: Wanted = (
        {"outcome": "ironCondor", "underlying": "ETH", "size": "2", "tenorDays": [20, 40]}
        | {wing: {"delta": delta} for wing, delta in WINGS.items()},
        wide,
    )
    straddle: Wanted = (
        {"outcome": "straddle", "underlying": "ETH", "side": "buy", "size": "1"}
        | {"tenorDays": [20, 40]},
        wide,
    )
    async with Client(running.api_url, dev_keys()["alice"]) as client:
        await client.follow(await client.quote(*DEPOSIT_WETH))
        rows = (await client.get("/v1/instruments"))["instruments"]
        options = [row for row in rows if row["bid"] or row["ask"]]
        print(f"{len(running.deployment.pools)} pools, {len(options)} instruments with a price")
        call = await listed_call(client)
        selected = covered(SELECTOR)[0] | {"minNetPremium": "0"}
        kinds = [
            ("swap of 400,000 USDC", swap, NAMED_MS),
            (f"covered call {call}", (covered(call)[0] | {"minNetPremium": "0"}, wide), NAMED_MS),
            (
                "the same, delta-neutral",
                (neutral(call)[0] | {"minNetPremium": "0"}, wide),
                NAMED_MS,
            ),
            ("covered call by delta and tenor", (selected, wide), SELECTED_MS),
            ("straddle by tenor", straddle, SELECTED_MS),
            ("iron condor by deltas and tenor", condor, SELECTED_MS),
        ]
        for name, wanted, limits in kinds:

            async def ask(wanted: Wanted = wanted) -> object:
                return await client.quote(*wanted)

            told(name, await timed(count, ask), limits)


async def main(count: int) -> None:
    path = pathlib.Path(os.environ.get("SOLVENT_SHARED", "../shared")) / RECORDED
    chain = RecordedChain(path, int(RECORDED_AT.timestamp())) if path.is_file() else None
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        is_compiled = importlib.util.find_spec("numba") is not None
        engine = "numba (SOLVENT_COMPILED=true)" if is_compiled else "numpy"
        print(f"routing kernel by {engine}")
        env = {"SOLVENT_COMPILED": str(is_compiled).lower()}
        async with stack(place, env=env, tell=print, option_chain=chain, furnish=crowd) as running:
            await measure(running, count)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
