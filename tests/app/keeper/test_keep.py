"""The keeper on a real chain: prices that are the mean, everybody paid, whatever goes wrong."""

import itertools

from adapters.chains.devnet.builder import Builder
from adapters.chains.events import ExpiryFixed, FixingRecorded
from adapters.chains.settlement import encode
from app import observe
from app.keeper import TradedHolders
from solver.domain.numbers import WAD
from tests.app.keeper.house import (
    ASIANS,
    AVERAGED,
    CALL,
    EXPIRY,
    PUT,
    QUANTITY,
    account_of,
    events_of,
    house_says,
    in_force,
    keeper_of,
    kept,
    mean_of,
    newest_round,
    options_of,
    pool_of,
    rising,
    round_of,
    trade,
    traded,
)
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]


async def test_an_expiry_is_fixed_at_the_mean_and_everybody_is_paid(devnet):
    await traded(devnet)
    roles = ("solver", "maker")
    before = {role: await house_says(devnet, "cashOf", account_of(devnet, role)) for role in roles}
    await devnet.travel_to(EXPIRY, {"ETH": rising})
    await kept(devnet, keeper_of(devnet))
    price = await mean_of(devnet, 1)
    assert await house_says(devnet, "expiryPrice", 1, EXPIRY) == price != rising(EXPIRY)
    assert await events_of(devnet, "ExpiryFixed") == [ExpiryFixed(1, EXPIRY, price)]
    worth = (price - 3_500 * WAD) * QUANTITY, (3_800 * WAD - price) * QUANTITY
    down, up = (sum(value * sign // 10**30 for value in worth) * sign for sign in (1, -1))
    after = {role: await house_says(devnet, "cashOf", account_of(devnet, role)) for role in roles}
    assert after["solver"] - before["solver"] == down
    assert after["maker"] - before["maker"] == -up
    assert up - down == 2  # two credits rounded down, two debits up: the dust stays in the house
    for role in roles:
        assert not {CALL, PUT} & await options_of(devnet, role)


async def test_an_asian_series_is_fixed_day_by_day_and_paid_at_its_mean(devnet):
    for instrument in ASIANS:
        await trade(devnet, instrument, 200 * WAD)
    roles = ("solver", "maker")
    before = {role: await house_says(devnet, "cashOf", account_of(devnet, role)) for role in roles}
    feed = devnet.deployment.markets[0].feed
    await devnet.travel_to(AVERAGED - 6 * 86_400 + 60)
    assert await kept(devnet, keeper_of(devnet)) > 0
    assert await kept(devnet, keeper_of(devnet)) == 0  # until the next fixing
    seen = [await in_force(devnet, feed, AVERAGED - 6 * 86_400)]
    seen += [(await round_of(devnet, feed))[1] * 10**10] * 5  # nothing is pushed for five fixings
    await devnet.travel_to(AVERAGED + 60, {"ETH": 3_650 * WAD})
    seen.append(await in_force(devnet, feed, AVERAGED))
    assert len(set(seen)) == 3
    await kept(devnet, keeper_of(devnet))
    events = await events_of(devnet, "FixingRecorded")
    totals = list(itertools.accumulate(seen))
    assert events == [FixingRecorded(1, AVERAGED, n + 1, totals[n]) for n in range(7)]
    mean = totals[-1] // 7
    worth = (mean - 3_500 * WAD) * QUANTITY, (3_800 * WAD - mean) * QUANTITY
    down, up = (sum(value * sign // 10**30 for value in worth) * sign for sign in (1, -1))
    after = {role: await house_says(devnet, "cashOf", account_of(devnet, role)) for role in roles}
    assert [after[role] - before[role] for role in roles] == [down, -up]
    for role in roles:
        assert not set(ASIANS) & await options_of(devnet, role)


async def test_a_lost_race_is_work_that_is_done(devnet):
    await traded(devnet)
    await devnet.travel_to(EXPIRY + 30)
    rpc, keeper = devnet.chain.rpc, keeper_of(devnet)
    await rpc.request("evm_setAutomine", False)
    await keeper.step(await devnet.chain.head())
    opening = (await newest_round(devnet, devnet.deployment.markets[0].feed)) - 31  # one a minute
    data = encode("Clearinghouse", "fixExpiry", 1, EXPIRY, opening)
    body = {"from": devnet.keys["bob"].address, "to": devnet.deployment.clearinghouse}
    fees = {"maxFeePerGas": hex(10**11), "maxPriorityFeePerGas": hex(10**11), "gas": hex(10**6)}
    await rpc.request("eth_sendTransaction", body | fees | {"data": "0x" + data.hex()})
    await rpc.request("evm_mine", is_read=False)  # both in one block, bob's first
    assert await kept(devnet, keeper) > 0
    assert len(await events_of(devnet, "ExpiryFixed")) == 1
    assert len(await events_of(devnet, "ExpirySettled")) == 4
    assert 'transactions_total{end="late"} 1.0' in observe.metrics().decode()


async def test_where_all_are_paid_a_keeper_sends_nothing(devnet):
    await traded(devnet)
    await devnet.travel_to(EXPIRY)
    await kept(devnet, keeper_of(devnet))
    spent = await devnet.chain.nonce(devnet.keys["keeper"].address)
    assert await kept(devnet, keeper_of(devnet)) == 0
    assert await devnet.chain.nonce(devnet.keys["keeper"].address) == spent


async def test_who_is_paid_for_good_is_not_named_again(devnet):
    await traded(devnet)
    await devnet.travel_to(EXPIRY)
    holders = TradedHolders(devnet.chain, devnet.deployment, 2)
    parties = {account_of(devnet, "solver"), account_of(devnet, "maker")}
    for _ in range(3):  # a block less than the confirmations could be undone
        head = await devnet.chain.head()
        assert await holders.at(head) == parties
        holders.learn(parties, (), head)
        await devnet.chain.rpc.request("evm_mine", is_read=False)
    assert await holders.at(await devnet.chain.head()) == frozenset()


async def test_without_a_closing_round_it_waits_and_says_so(devnet):
    await traded(devnet)
    await devnet.travel_to(EXPIRY - 60)
    keeper, spent = keeper_of(devnet), await devnet.chain.nonce(devnet.keys["keeper"].address)
    for later, state in ((30, "waiting"), (86_500, "fallback")):
        await devnet.chain.rpc.request("evm_setNextBlockTimestamp", EXPIRY + later)
        await devnet.chain.rpc.request("evm_mine", is_read=False)
        assert not await keeper.step(await devnet.chain.head())
        assert f'solvent_expiries_open{{state="{state}"}} 1.0' in observe.metrics().decode()
    assert await devnet.chain.nonce(devnet.keys["keeper"].address) == spent
    await devnet.push_prices()  # rounds that turn up late are as good
    await kept(devnet, keeper)
    assert await house_says(devnet, "expiryPrice", 1, EXPIRY) == await mean_of(devnet, 1)


async def test_a_stuck_transaction_is_replaced_with_more_fee(devnet):
    await traded(devnet)
    await devnet.travel_to(EXPIRY)
    rpc, keeper, tried = devnet.chain.rpc, keeper_of(devnet), 0
    await rpc.request("evm_setAutomine", False)
    await keeper.step(await devnet.chain.head())
    waiting = await devnet.chain.nonce(devnet.keys["keeper"].address, "pending")
    for _ in range(8):  # the base fee is beyond what the first attempt bids
        await rpc.request("anvil_setNextBlockBaseFeePerGas", hex(5 * 10**9))
        await rpc.request("evm_mine", is_read=False)
        if await house_says(devnet, "expiryPrice", 1, EXPIRY):
            break
        tried += 1
        await keeper.step(await devnet.chain.head())
    assert 1 <= tried < 8
    await kept(devnet, keeper)
    assert await devnet.chain.nonce(devnet.keys["keeper"].address) == waiting + 1


async def test_another_life_waits_for_what_the_last_one_sent_then_takes_its_nonce(devnet):
    await traded(devnet)
    await devnet.travel_to(EXPIRY)
    rpc, address = devnet.chain.rpc, devnet.keys["keeper"].address
    await rpc.request("evm_setAutomine", False)
    await keeper_of(devnet).step(await devnet.chain.head())
    spent, left = [await devnet.chain.nonce(address, at) for at in ("latest", "pending")]
    assert left == spent + 1
    (first,) = await pool_of(devnet)
    keeper = keeper_of(devnet)  # the first was killed, and no block takes what it sent
    await rpc.request("evm_setBlockGasLimit", hex(100_000))
    for _ in range(3):
        await keeper.step(await devnet.chain.head())
        assert await pool_of(devnet) == [first]
        await rpc.request("evm_mine", is_read=False)
    await rpc.request("evm_setBlockGasLimit", hex(36_000_000))
    await keeper.step(await devnet.chain.head())
    (second,) = await pool_of(devnet)
    assert first != second
    await rpc.request("evm_mine", is_read=False)
    assert await house_says(devnet, "expiryPrice", 1, EXPIRY)
    assert await devnet.chain.nonce(address) == left  # the same nonce, once
    await kept(devnet, keeper)


async def test_a_busy_feed_takes_several_calls(devnet):
    await traded(devnet)
    await devnet.travel_to(EXPIRY - 1_860)
    builder = Builder(devnet.chain, devnet.keys["deployer"].address)
    await devnet.chain.rpc.request("evm_setAutomine", False)
    for number in range(151):
        await devnet.push_prices({"ETH": (3_600 + number) * WAD})
        await builder.mine(EXPIRY - 1_800 + 12 * number)
    await kept(devnet, keeper_of(devnet))
    assert await house_says(devnet, "expiryPrice", 1, EXPIRY) == await mean_of(devnet, 1)
