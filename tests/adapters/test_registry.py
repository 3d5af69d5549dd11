"""A file is a venue; pools and prices are read from one block and follow what happens."""

import pathlib
import sys
from types import ModuleType

import pytest

import adapters.oracles
import adapters.venues
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.packages import package
from adapters.chains.devnet.tokens import transfer
from adapters.registry import (
    PoolReader,
    _files,
    discover,
    discover_oracles,
    encode_step,
    read_prices,
    venue,
)
from app.feeds.judge import weights_of
from solver.domain.errors import Broken, NotFound
from solver.domain.numbers import WAD
from solver.pricing.oracle import OracleParams, aggregate


def stems(package_):
    (folder,) = package_.__path__
    return {path.stem for path in pathlib.Path(folder).glob("*.py")} - {"__init__"}


def test_every_file_is_found():
    assert set(discover()) == stems(adapters.venues)
    assert set(discover_oracles()) == stems(adapters.oracles)


def test_a_file_whose_slug_is_not_its_name_is_refused(tmp_path, monkeypatch):
    (tmp_path / "oddity.py").write_text('slug = "other"\n')
    package_ = ModuleType("odd")
    package_.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "odd", package_)
    with pytest.raises(Broken):
        _files(package_)


def test_an_unknown_venue_is_not_found():
    with pytest.raises(NotFound):
        venue("atlantis")


def test_a_step_is_encoded_by_the_swaps_own_venue():
    for found in discover().values():
        assert encode_step(found.SAMPLE.swap, found.SAMPLE.recipient) == found.SAMPLE.step


async def test_all_pools_are_read_and_hold_two_listed_tokens(devnet):
    head = await devnet.chain.head()
    pools = await PoolReader(devnet.chain, devnet.deployment.pools).read(head.number)
    assert [(pool.venue, pool.address) for pool in pools] == list(devnet.deployment.pools)
    listed = {token.address for token in devnet.deployment.tokens}
    assert all(set(pool.tokens) <= listed for pool in pools)


async def test_reading_again_follows_liquidity_that_was_added_and_taken(devnet):
    reader = PoolReader(devnet.chain, devnet.deployment.pools)
    before = await reader.read((await devnet.chain.head()).number)
    builder = Builder(devnet.chain, devnet.keys["deployer"].address)
    positions = await _minter(devnet)
    decrease = package("PositionManager").interface.functions["decreaseLiquidity"]
    position = (1, 10**15, 0, 0, 2**255)  # a part of the first one minted
    await builder.prepare()
    await builder.send([Tx(positions, decrease.encode(position))])
    block = (await devnet.chain.head()).number
    after = await reader.read(block)
    assert after != before
    assert after == await PoolReader(devnet.chain, devnet.deployment.pools).read(block)


async def _minter(devnet):
    """Returns who minted into the first v3 pool, from that pool's own logs."""
    pool = next(pool for slug, pool in devnet.deployment.pools if slug == "uniswap_v3")
    (first, *_) = await devnet.chain.logs([pool], 0, None, [_mint_topic()])
    return "0x" + first.topics[1][-40:]


def _mint_topic():
    events = package("UniswapV3Pool").interface.events
    return next(topic for topic, event in events.items() if event.name == "Mint")


async def test_reading_again_follows_a_trade_and_an_earlier_block_starts_over(devnet):
    reader = PoolReader(devnet.chain, devnet.deployment.pools)
    first = (await devnet.chain.head()).number
    before = await reader.read(first)
    pool = next(pool for pool in before if pool.venue == "uniswap_v2")
    builder = Builder(devnet.chain, devnet.keys["alice"].address)
    sync = package("UniswapV2Pair").interface.functions["sync"].encode()
    weth = devnet.deployment.token("WETH")
    await builder.prepare()
    await builder.send([transfer(weth, pool.address, WAD), Tx(pool.address, sync)])
    after = await reader.read((await devnet.chain.head()).number)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    assert await reader.read(first) == before


async def test_three_sources_of_two_classes_agree_on_every_market(devnet):
    prices = await read_prices(devnet.chain, devnet.deployment.markets)
    head = await devnet.chain.head()
    for market in devnet.deployment.markets:
        samples = prices[market.symbol]
        assert {sample.source for sample in samples} == set(discover_oracles())
        assert len({sample.cls for sample in samples}) == 2
        found = aggregate(samples, head.timestamp, OracleParams(market.heartbeat))
        assert found.state == "OK"


async def test_the_pools_behind_the_means_are_dear_enough_to_vote(devnet):
    block = (await devnet.chain.head()).number
    pools = await PoolReader(devnet.chain, devnet.deployment.pools).read(block)
    for market in devnet.deployment.markets:
        assert weights_of(market, pools, 8_000 * WAD) == (("uniswap_twap", 1),)
        assert weights_of(market, pools, 800_000 * WAD) == (("uniswap_twap", 0),)


async def test_pushed_prices_arrive_in_both_pushed_sources(devnet):
    await devnet.chain.rpc.request("evm_increaseTime", 30)
    await devnet.push_prices({"ETH": 3_700 * WAD})
    await devnet.chain.rpc.request("evm_mine", is_read=False)
    prices = await read_prices(devnet.chain, devnet.deployment.markets)
    pushed = {s.source: s.price for s in prices["ETH"] if s.cls == "oracleNet"}
    assert pushed["chainlink"] == 3_700 * WAD
