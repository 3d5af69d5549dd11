"""The local chain: at the asked time, priced, funded, sealed; quick the second time."""

import time

import pytest
from eth_account import Account

from adapters.base import Call
from adapters.chains.abi import artifact, function
from adapters.chains.devnet import dev_keys, launch, start
from adapters.chains.devnet import node as nodes
from adapters.chains.devnet.clearing import INSURANCE_USD
from adapters.chains.devnet.feeds import HISTORY_MINUTES, price_at
from adapters.chains.devnet.packages import package
from adapters.chains.evm import EvmChain
from adapters.chains.settlement import decode, read_simple, view
from adapters.registry import PoolReader, read_prices
from solver.domain.errors import Malformed, Unavailable
from solver.domain.ids import AccountId
from solver.domain.numbers import WAD
from solver.domain.typed_data import keccak
from solver.routing import curves
from tests.devnet_fixture import AS_OF

BALANCE = function("balanceOf(address)", ["uint256"])
ALLOWANCE = function("allowance(address,address)", ["uint256"])


async def test_the_head_is_at_the_asked_time(devnet):
    assert (await devnet.chain.head()).timestamp == AS_OF


async def test_a_second_start_is_quick_and_may_be_at_another_time(devnet_home):
    begun = time.perf_counter()
    async with start(AS_OF + 86_400, block_time=None) as other:
        assert time.perf_counter() - begun < 10  # < 2 s alone; the machine may be busy
        assert (await other.chain.head()).timestamp == AS_OF + 86_400
        assert other.deployment == devnet_home.deployment
    assert not other.node.is_running


async def test_blocks_come_by_the_clock_when_asked(devnet):
    await devnet.chain.rpc.request("evm_setIntervalMining", 1)
    first = await devnet.chain.head()
    deadline = time.monotonic() + 5
    while (head := await devnet.chain.head()).number == first.number:
        assert time.monotonic() < deadline
    assert head.timestamp > first.timestamp


async def test_a_time_before_the_set_up_is_malformed():
    with pytest.raises(Malformed):
        await launch(1_000_000_000)


async def test_a_taken_port_is_said_in_one_line(devnet):
    with pytest.raises(Unavailable, match="is taken"):
        await launch(AS_OF, port=devnet.node.port)


async def test_a_missing_binary_says_how_to_get_it(monkeypatch):
    monkeypatch.setenv("ANVIL_BIN", "/nowhere/anvil")
    with pytest.raises(Unavailable, match="make setup"):
        await nodes.start_node(AS_OF)


async def test_old_states_go_where_they_are_removed_at_the_stop(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    node = await nodes.start_node(AS_OF)
    async with EvmChain(node.url) as chain:
        await chain.rpc.request("anvil_mine", hex(600), is_read=False)  # it remembers 500 of them
    assert list(node.states.rglob("*.json"))
    node.stop()
    assert not node.states.exists()
    assert not list(tmp_path.iterdir())


def test_a_missing_package_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr("adapters.chains.devnet.packages.MODULES", tmp_path)
    package.cache_clear()
    with pytest.raises(Unavailable, match="make setup"):
        package("WETH9")


def test_keys_are_those_of_the_published_mnemonic():
    keys = dev_keys()
    assert keys["deployer"].address == "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert len({key.address for key in keys.values()}) == len(keys)
    for key in keys.values():
        assert Account.from_key(key.secret).address.lower() == key.address


async def test_feeds_remember_a_round_a_minute(devnet):
    flux = package("FluxAggregator").interface.functions
    for market in devnet.deployment.markets:
        newest = flux["latestRound"].one(
            await devnet.chain.call(market.feed, flux["latestRound"].encode())
        )
        assert newest > HISTORY_MINUTES
        rounds = await devnet.chain.call_many(
            [
                Call(market.feed, flux["getRoundData"].encode(newest - back))
                for back in range(HISTORY_MINUTES)
            ]
        )
        times = [flux["getRoundData"].decode(raw)[3] for raw in rounds]
        assert times == [AS_OF - 60 * back for back in range(HISTORY_MINUTES)]


def test_prices_are_exact_at_the_as_of_and_near_it_before():
    for minute in range(200):
        assert abs(price_at("ETH", minute) - 3_600 * WAD) <= 3_600 * WAD * 5 // 10_000
    assert price_at("ETH", 0) == 3_600 * WAD


async def test_the_clearinghouse_reads_the_feeds(devnet):
    for market in devnet.deployment.markets:
        call = view("Clearinghouse", devnet.deployment.clearinghouse, "mark", market.market)
        price = decode("Clearinghouse", "mark", await devnet.chain.call(*call))
        assert price == price_at(market.symbol, 0)


async def test_maker_and_solver_hold_collateral_and_wallets_hold_tokens(devnet):
    deployment, chain = devnet.deployment, devnet.chain
    for role in ("maker", "solver"):
        key = AccountId(deployment.chain_id, devnet.keys[role].address, 0).key
        call = view("Clearinghouse", deployment.clearinghouse, "simple", key)
        margin = read_simple(await chain.call(*call))
        assert margin.initial > 0
        assert margin.maintenance >= margin.initial
    for role in ("alice", "bob", "maker", "solver"):
        owner = devnet.keys[role].address
        for token in deployment.tokens:
            held = BALANCE.one(await chain.call(token.address, BALANCE.encode(owner)))
            assert held > 0
            for spender in (deployment.permit2, deployment.clearinghouse):
                call_ = ALLOWANCE.encode(owner, spender)
                assert ALLOWANCE.one(await chain.call(token.address, call_)) > 2**200


async def test_the_insurance_fund_has_money(devnet):
    deployment, chain = devnet.deployment, devnet.chain
    fund = AccountId(deployment.chain_id, deployment.clearinghouse, 0).key
    call = view("Clearinghouse", deployment.clearinghouse, "cashOf", fund)
    assert decode("Clearinghouse", "cashOf", await chain.call(*call)) == INSURANCE_USD * 10**6


async def test_parameters_are_sealed_and_list_pools_but_no_router(devnet):
    deployment, chain = devnet.deployment, devnet.chain
    params = artifact("Params").interface.functions

    async def says(name, *args):
        raw = await chain.call(deployment.params, params[name].encode(*args))
        return params[name].one(raw)

    assert await says("isSealed")
    assert await says("isSolver", devnet.keys["solver"].address)
    assert await says("isSettlement", deployment.settlement)
    assert await says("hasRole", keccak(b"AUCTION"), deployment.auction)
    assert await says("threshold") == 2
    for role in ("risk1", "risk2", "risk3"):
        assert await says("isSigner", devnet.keys[role].address)
    swaps = {
        "uniswap_v2": function("swap(uint256,uint256,address,bytes)").selector,
        "uniswap_v3": function("swap(address,bool,int256,uint160,bytes)").selector,
    }
    for venue, pool in deployment.pools:
        assert await says("isAllowed", pool, swaps[venue])
    assert len(deployment.pools) == 15


async def test_feeds_and_pools_start_where_they_are_asked_to(devnet_home):
    asked = {"ETH": 2_127_570 * WAD // 1000, "BTC": 71_470 * WAD}
    async with start(AS_OF, block_time=None, prices=asked) as other:
        markets, head = other.deployment.markets, await other.chain.head()
        for market, samples in zip(
            markets, (await read_prices(other.chain, markets, head.number)).values(), strict=True
        ):
            assert len(samples) == 3
            for sample in samples:
                assert abs(sample.price - asked[market.symbol]) < asked[market.symbol] // 500
        pools = await PoolReader(other.chain, other.deployment.pools).read(head.number)
        usdc, weth = (other.deployment.token(symbol).address for symbol in ("USDC", "WETH"))
        deep = [
            p for p in pools if set(p.tokens) == {usdc, weth} and getattr(p, "fee_ppm", 0) == 500
        ]
        sold = curves.amount_out(deep[0], curves.pair_from(deep[0], weth), 20 * WAD)
        assert sold > 20 * 2_127_570_000 * 99 // 100  # 20 WETH move it by less than 1 %
        assert await other.level_pools() == 0
        await other.push_prices()
