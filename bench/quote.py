"""Claim: a certified quote over real pools and makers answers in a tenth of a second, median.

One whole stack on this machine: local chain, API process, maker process. Quotes are asked one after
the other over HTTP; p50 and p99 are of the client's wait. There is no peer in this run: nobody's
quote service for signed outcomes can be started beside it.

    python bench/quote.py [quotes of each kind]
"""

import asyncio
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from adapters.chains.devnet import dev_keys
from app.demo.client import Client
from app.demo.story import DEPOSIT_WETH, Wanted, covered, listed_call, neutral
from app.local import Stack, stack

WARM = 5


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


def told(name: str, times: list[float]) -> None:
    """Prints one line."""
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    middle = statistics.median(ordered)
    print(f"{name:<44} p50 {middle:7.1f} ms   p99 {p99:7.1f} ms   n {len(ordered)}", flush=True)


async def measure(running: Stack, count: int) -> None:
    """Prints every line of the bench."""
    swap: Wanted = (
        {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "sellAmount": "400000"},
        {"scheme": "permit2", "slippageBps": "200", "maxFee": "20"},
    )
    async with Client(running.api_url, dev_keys()["alice"]) as client:
        await client.follow(await client.quote(*DEPOSIT_WETH))
        kinds = [("swap of 400,000 USDC over 15 pools", swap)]
        call = await listed_call(client)
        kinds += [("covered call", covered(call)), ("covered call, delta-neutral", neutral(call))]
        for name, wanted in kinds:

            async def ask(wanted: Wanted = wanted) -> object:
                return await client.quote(*wanted)

            told(name, await timed(count, ask))


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with stack(pathlib.Path(folder), tell=print) as running:
            await measure(running, count)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
