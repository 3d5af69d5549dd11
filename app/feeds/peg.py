"""What the settlement token itself is worth, where a feed of it exists: a peg is no law."""

from collections.abc import Sequence
from typing import Protocol

from adapters.base import Call, Reverted
from adapters.chains.deployment import Deployment
from adapters.oracles import chainlink
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.numbers import WAD

PEG_SECONDS_MAX = 90_000  # feeds of stable tokens report once a day while nothing happens


class ReadChain(Protocol):
    """What reading one feed needs of a chain. Raises Unavailable."""

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]: ...


async def settlement_price(
    chain: ReadChain, deployment: Deployment, block: int, time: int
) -> int | None:
    """Returns dollars per settlement token, 1e18: 1 where the deployment names no feed, None while
    the feed it names says nothing that is positive and at most 25 hours old."""
    if deployment.settlement_feed == ZERO_ADDRESS or not deployment.markets:
        return WAD
    market = deployment.markets[0]._replace(feed=deployment.settlement_feed)
    calls = chainlink.calls(market)
    answers = await chain.call_many(calls, block)
    read = {
        call: b"" if isinstance(answer, Reverted) else answer
        for call, answer in zip(calls, answers, strict=True)
    }
    sample = chainlink.parse(market, read)
    if sample is None or not 0 <= time - sample.time <= PEG_SECONDS_MAX:
        return None
    return sample.price
