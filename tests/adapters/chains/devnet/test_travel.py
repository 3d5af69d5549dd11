"""Time travel: the chain is later, and the feeds, the TWAP and the pools have lived through it."""

import itertools
import time

import pytest

from adapters.base import Call
from adapters.chains.devnet.feeds import price_at
from adapters.chains.devnet.packages import package
from adapters.chains.devnet.travel import TRAVEL_MINUTES
from adapters.chains.settlement import decode, view
from adapters.registry import read_prices
from solver.domain.errors import Malformed
from solver.domain.numbers import WAD
from tests.devnet_fixture import AS_OF

DAYS = 86_400
LATER = AS_OF + 3 * DAYS


async def _rounds(devnet, feed):
    """Returns (unix seconds, answer) of the rounds of a journey, oldest first."""
    flux = package("FluxAggregator").interface.functions
    newest = flux["latestRound"].one(await devnet.chain.call(feed, flux["latestRound"].encode()))
    numbers = range(newest - TRAVEL_MINUTES, newest + 1)
    raw = await devnet.chain.call_many(
        [Call(feed, flux["getRoundData"].encode(number)) for number in numbers]
    )
    return [(found[3], found[1]) for found in map(flux["getRoundData"].decode, raw)]


async def test_a_journey_leaves_a_round_a_minute_of_every_feed(devnet):
    await devnet.travel_to(LATER)
    assert (await devnet.chain.head()).timestamp == LATER
    for market in devnet.deployment.markets:
        expected = [
            (LATER - 60 * minute, price_at(market.symbol, minute) // 10**10)
            for minute in range(TRAVEL_MINUTES, -1, -1)
        ]
        assert await _rounds(devnet, market.feed) == expected


async def test_prices_follow_their_path_and_stay_where_it_ends(devnet):
    async def mark(market):
        call = view("Clearinghouse", devnet.deployment.clearinghouse, "mark", market)
        return decode("Clearinghouse", "mark", await devnet.chain.call(*call))

    def rising(now):  # 2 % in the last half hour, level before
        return 3_600 * WAD + max(now - LATER + 1800, 0) * 72 * WAD // 1800

    begun = time.perf_counter()
    await devnet.travel_to(LATER, {"ETH": rising})
    assert time.perf_counter() - begun < 20  # about 2 s alone
    eth, btc = devnet.deployment.markets
    for at, answer in await _rounds(devnet, eth.feed):
        assert answer == rising(at) // 10**10
    assert await mark(eth.market) == 3_672 * WAD
    assert await mark(btc.market) == price_at("BTC", 0)
    await devnet.push_prices()
    await devnet.chain.rpc.request("evm_mine", is_read=False)
    assert abs(await mark(eth.market) - 3_672 * WAD) <= 3_672 * WAD * 5 // 10_000


async def test_every_source_agrees_once_the_path_is_level(devnet):
    await devnet.travel_to(LATER, {"ETH": 3_700 * WAD})
    head = await devnet.chain.head()
    samples = (await read_prices(devnet.chain, devnet.deployment.markets, head.number))["ETH"]
    assert {sample.source for sample in samples} == {"chainlink", "pyth", "uniswap_twap"}
    for sample in samples:
        assert abs(sample.price - 3_700 * WAD) < 3_700 * WAD * 3 // 1_000
        assert sample.time == LATER


async def test_blocks_come_afterwards_as_they_came_before(devnet):
    await devnet.chain.rpc.request("evm_setIntervalMining", 1)
    await devnet.travel_to(LATER)
    assert await devnet.chain.rpc.request("anvil_getIntervalMining") == 1
    first = await devnet.chain.head()
    deadline = time.monotonic() + 5
    while (head := await devnet.chain.head()).number == first.number:
        assert time.monotonic() < deadline
    assert LATER < head.timestamp < LATER + 60


async def test_two_journeys_of_minutes_only_join(devnet):
    await devnet.travel_to(AS_OF + 600)
    await devnet.travel_to(AS_OF + 1_139)
    await devnet.travel_to(AS_OF + 1_200)  # the least there is
    (market, _) = devnet.deployment.markets
    times = [at for at, _ in await _rounds(devnet, market.feed)]
    assert times[-1] == AS_OF + 1_200
    assert max(b - a for a, b in itertools.pairwise(times)) <= 60


async def test_the_past_and_unknown_symbols_are_malformed(devnet):
    with pytest.raises(Malformed):
        await devnet.travel_to(AS_OF)
    with pytest.raises(Malformed):
        await devnet.travel_to(LATER, {"DOGE": WAD})
