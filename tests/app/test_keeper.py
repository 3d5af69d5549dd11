"""The keeper: what is due, which round a mean begins with, and a real chain that it settles."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Call
from adapters.chains.deployment import dump
from adapters.chains.devnet.packages import package
from adapters.chains.events import ExpiryFixed, ExpirySettled, decode_log, topics
from adapters.chains.settlement import decode, encode, read_positions, view
from app import observe
from app.config import Settings
from app.keeper import Keeper, TradedHolders, alone, attestable
from app.keeper.duty import Seen, Series, duties, expired_series, needs_fallback
from app.keeper.errand import Errand
from app.keeper.rounds import Round, first_round
from app.settlement.sender import Sender
from solver.domain.account import Account, Position
from solver.domain.errors import Refused
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.report import NO_REPORT
from tests.devnet_fixture import AS_OF, devnet, devnet_home
from tests.solver.pricing.world import snapshot

__all__ = ["devnet", "devnet_home"]

PHASE = 1 << 64
EXPIRY = AS_OF - AS_OF % 86_400 + 3 * 86_400 + 8 * 3_600
ETH = Series(1, EXPIRY)
BTC = Series(2, EXPIRY)
CALL = Instrument(1, Kind.CALL, EXPIRY, 3_500 * WAD).id
PUT = Instrument(1, Kind.PUT, EXPIRY, 3_800 * WAD).id
QUANTITY = 1_234_567_890_123_456_789  # no payoff of it is whole atoms
A, B, C = (bytes([i]) * 32 for i in (3, 1, 2))


# ---- which round a mean begins with


async def _found(feed: dict[int, Round], newest: int, start: int) -> int | None:
    async def read(number: int) -> Round | None:
        return feed.get(number)

    return await first_round(read, newest, start)


def _next(feed: dict[int, Round], number: int) -> int:
    """The contract's own rule, word for word."""
    return number + 1 if number + 1 in feed else ((number >> 64) + 1) << 64 | 1


def _accepted(feed: dict[int, Round], start: int) -> set[int]:
    """Every id that `fixExpiry` would begin with."""
    return {
        number
        for number, round_ in feed.items()
        if round_.time <= start and (after := feed.get(_next(feed, number))) and after.time > start
    }


@st.composite
def _feeds(draw: st.DrawFn) -> tuple[dict[int, Round], int]:
    """A feed of several phases, each in order of time, and its newest id."""
    feed: dict[int, Round] = {}
    now, newest = 100, 0
    for phase in range(draw(st.integers(0, 1)), draw(st.integers(1, 5)) + 1):
        now -= draw(st.sampled_from([0, 0, 0, 25]))  # a new aggregator may have begun earlier
        for number in range(1, draw(st.integers(0, 24)) + 1):
            now += draw(st.integers(0, 12))
            newest = phase << 64 | number
            feed[newest] = Round(1, now)
    return feed, newest


@given(_feeds(), st.integers(90, 700))
async def test_the_round_found_is_one_the_contract_takes(made, start):
    feed, newest = made
    found, accepted = await _found(feed, newest, start), _accepted(feed, start)
    assert found in accepted if accepted else found is None


@given(_feeds(), st.integers(90, 700), st.data())
async def test_rounds_that_price_nothing_never_mislead(made, start, data):
    feed, newest = made
    gone = data.draw(st.sets(st.sampled_from(sorted(feed)), max_size=5)) if feed else set()
    left = {number: round_ for number, round_ in feed.items() if number not in gone}
    found = await _found(left, newest, start)
    assert found is None or found in _accepted(left, start)


async def test_a_long_feed_takes_few_reads():
    asked = []

    async def read(number: int) -> Round | None:
        asked.append(number)
        return Round(1, number % PHASE * 10) if 0 < number % PHASE <= 1_000_000 else None

    assert await first_round(read, 3 * PHASE + 1_000_000, 4_321_005) == 3 * PHASE + 432_100
    assert len(asked) < 30


# ---- what is due


def test_prices_come_before_pay_and_urgent_accounts_before_others():
    seen = Seen(EXPIRY + 9, {A: frozenset({ETH}), B: frozenset({ETH, BTC})}, {}, {1: EXPIRY})
    due = duties(seen)
    assert (due.fix, due.settle, due.waiting) == ((ETH,), (), (BTC,))
    held = {A: frozenset({ETH}), B: frozenset({ETH}), C: frozenset({BTC})}
    due = duties(Seen(EXPIRY + 9, held, {ETH: 1}, {2: EXPIRY - 1}), {A})
    assert (due.fix, due.settle, due.waiting) == ((), (A, B), (BTC,))


@given(
    st.dictionaries(
        st.binary(min_size=1, max_size=2), st.frozensets(st.sampled_from([ETH, BTC]), min_size=1)
    ),
    st.dictionaries(st.sampled_from([ETH, BTC]), st.just(1)),
    st.dictionaries(st.sampled_from([1, 2]), st.integers(EXPIRY - 1, EXPIRY + 1)),
)
def test_every_holder_is_paid_or_waits_for_a_series_that_is_named(held, prices, newest):
    due = duties(Seen(EXPIRY + 9, held, prices, newest))
    named = {*due.fix, *due.waiting}
    assert not named & prices.keys()
    for account, series in held.items():
        assert (account in due.settle) == bool(series & prices.keys())
        assert series - prices.keys() <= named


def test_k_of_n_are_called_after_a_day():
    assert not needs_fallback(ETH, EXPIRY + 86_399)
    assert needs_fallback(ETH, EXPIRY + 86_400)


def test_only_options_past_their_expiry_are_due():
    kinds = (Kind.PERP, Kind.BASE)
    others = [Position(Instrument(1, kind).id, 1) for kind in kinds]
    held = [Position(CALL, -1), Position(Instrument(2, Kind.PUT, EXPIRY + 1, WAD).id, 1), *others]
    assert expired_series(held, EXPIRY - 1) == frozenset()
    assert expired_series(held, EXPIRY) == {ETH}


def test_signers_do_not_speak_of_options_that_are_being_paid_out():
    world = snapshot()
    first = world.underlyings[0]
    option = Instrument(first.market, Kind.CALL, world.time - 60, WAD)
    account = Account(AccountId(1, "0x" + "11" * 20, 0), 0, (Position(option.id, WAD),))
    assert attestable(account, world) is account
    fixed = first._replace(expiry_prices=((option.expiry, 2 * WAD),))
    world = world._replace(underlyings=(fixed, *world.underlyings[1:]))
    with pytest.raises(Refused, match="paid out") as refused:
        attestable(account, world)
    assert refused.value.code == "expiryUnsettled"


# ---- a real chain


def _keeper(devnet, role: str = "keeper") -> Keeper:
    sender = Sender(devnet.chain, devnet.deployment.chain_id, devnet.keys[role].secret.hex())
    holders = TradedHolders(devnet.chain, devnet.deployment, 2)
    return Keeper(devnet.chain, devnet.deployment, Errand(devnet.chain, sender), holders)


def _account(devnet, role: str) -> bytes:
    return AccountId(devnet.deployment.chain_id, devnet.keys[role].address, 0).key


async def _trade(devnet, instrument: int, price: int) -> None:
    """The maker sells an option to the solver, as a settlement would."""
    deployment, rpc = devnet.deployment, devnet.chain.rpc
    parties = (_account(devnet, "solver"), _account(devnet, "maker"))
    trade = (*parties, instrument, QUANTITY, price, 255, 255)
    data = encode("Clearinghouse", "clear", [trade], [], [], NO_REPORT, [])
    body = {"from": deployment.settlement, "to": deployment.clearinghouse, "gas": hex(3_000_000)}
    await rpc.request("anvil_setBalance", deployment.settlement, hex(10**19), is_read=False)
    await rpc.request("anvil_impersonateAccount", deployment.settlement, is_read=False)
    sent = await rpc.request("eth_sendTransaction", body | {"data": "0x" + data.hex()})
    await rpc.request("evm_mine", is_read=False)
    receipt = await devnet.chain.receipt(sent)
    assert receipt is not None
    assert receipt.status


async def _traded(devnet) -> None:
    await _trade(devnet, CALL, 150 * WAD)
    await _trade(devnet, PUT, 210 * WAD)


async def _read(devnet, function: str, *args):
    call = view("Clearinghouse", devnet.deployment.clearinghouse, function, *args)
    return decode("Clearinghouse", function, await devnet.chain.call(*call))


async def _held(devnet, role: str) -> set[int]:
    call = view(
        "Clearinghouse", devnet.deployment.clearinghouse, "positions", _account(devnet, role)
    )
    return {p.instrument for p in read_positions(await devnet.chain.call(*call))}


async def _kept(devnet, keeper: Keeper, steps: int = 12) -> int:
    """Returns how many steps it took until nothing was left."""
    for step in range(steps):
        if await keeper.step(await devnet.chain.head()):
            return step
        await devnet.chain.rpc.request("evm_mine", is_read=False)
    raise AssertionError("the keeper never ended")


async def _events(devnet, *names: str) -> list:
    logs = await devnet.chain.logs(
        [devnet.deployment.clearinghouse],
        devnet.deployment.start_block,
        topics=[topics(*names)],
    )
    return [decode_log(log) for log in logs]


async def _newest(devnet, feed: str) -> int:
    latest = package("FluxAggregator").interface.functions["latestRound"]
    return int(latest.one(await devnet.chain.call(feed, latest.encode())))


async def _mean(devnet, market: int) -> int:
    """The mean of the feed over the window, from every round the feed ever had."""
    feed = devnet.deployment.markets[market - 1].feed
    read = package("FluxAggregator").interface.functions["getRoundData"]
    asked = [Call(feed, read.encode(i)) for i in range(1, await _newest(devnet, feed) + 1)]
    rounds = [read.decode(raw) for raw in await devnet.chain.call_many(asked)]
    ends = [(r[3], r[1]) for r in rounds] + [(EXPIRY, 0)]
    total = sum(
        answer * max(min(end, EXPIRY) - max(begin, EXPIRY - 1800), 0)
        for (begin, answer), (end, _) in itertools.pairwise(ends)
        if begin < EXPIRY
    )
    return int(total * 10**10 // 1800)


def _rising(time: int) -> int:
    return 3_600 * WAD + max(time - EXPIRY + 1800, 0) * 108 * WAD // 1800


async def test_an_expiry_is_fixed_at_the_mean_and_everybody_is_paid(devnet):
    await _traded(devnet)
    roles = ("solver", "maker")
    before = {role: await _read(devnet, "cashOf", _account(devnet, role)) for role in roles}
    await devnet.travel_to(EXPIRY, {"ETH": _rising})
    await _kept(devnet, _keeper(devnet))
    price = await _mean(devnet, 1)
    assert await _read(devnet, "expiryPrice", 1, EXPIRY) == price != _rising(EXPIRY)
    assert await _events(devnet, "ExpiryFixed") == [ExpiryFixed(1, EXPIRY, price)]
    worth = (price - 3_500 * WAD) * QUANTITY, (3_800 * WAD - price) * QUANTITY
    down, up = (sum(value * sign // 10**30 for value in worth) * sign for sign in (1, -1))
    after = {role: await _read(devnet, "cashOf", _account(devnet, role)) for role in roles}
    assert after["solver"] - before["solver"] == down
    assert after["maker"] - before["maker"] == -up
    assert up - down == 2  # two credits rounded down, two debits up: the dust stays in the house
    for role in roles:
        assert not {CALL, PUT} & await _held(devnet, role)


async def test_a_lost_race_is_work_that_is_done(devnet):
    await _traded(devnet)
    await devnet.travel_to(EXPIRY + 30)
    rpc, keeper = devnet.chain.rpc, _keeper(devnet)
    await rpc.request("evm_setAutomine", False)
    await keeper.step(await devnet.chain.head())
    opening = (await _newest(devnet, devnet.deployment.markets[0].feed)) - 31  # one a minute
    data = encode("Clearinghouse", "fixExpiry", 1, EXPIRY, opening)
    body = {"from": devnet.keys["bob"].address, "to": devnet.deployment.clearinghouse}
    fees = {"maxFeePerGas": hex(10**11), "maxPriorityFeePerGas": hex(10**11), "gas": hex(10**6)}
    await rpc.request("eth_sendTransaction", body | fees | {"data": "0x" + data.hex()})
    await rpc.request("evm_mine", is_read=False)  # both in one block, bob's first
    assert await _kept(devnet, keeper) > 0
    assert len(await _events(devnet, "ExpiryFixed")) == 1
    assert len(await _events(devnet, "ExpirySettled")) == 4
    assert 'transactions_total{end="late"} 1.0' in observe.metrics().decode()


async def test_where_all_are_paid_a_keeper_sends_nothing(devnet):
    await _traded(devnet)
    await devnet.travel_to(EXPIRY)
    await _kept(devnet, _keeper(devnet))
    spent = await devnet.chain.nonce(devnet.keys["keeper"].address)
    assert await _kept(devnet, _keeper(devnet)) == 0
    assert await devnet.chain.nonce(devnet.keys["keeper"].address) == spent


async def test_without_a_closing_round_it_waits_and_says_so(devnet):
    await _traded(devnet)
    await devnet.travel_to(EXPIRY - 60)
    keeper, spent = _keeper(devnet), await devnet.chain.nonce(devnet.keys["keeper"].address)
    for later, state in ((30, "waiting"), (86_500, "fallback")):
        await devnet.chain.rpc.request("evm_setNextBlockTimestamp", EXPIRY + later)
        await devnet.chain.rpc.request("evm_mine", is_read=False)
        assert not await keeper.step(await devnet.chain.head())
        assert f'solvent_expiries_open{{state="{state}"}} 1.0' in observe.metrics().decode()
    assert await devnet.chain.nonce(devnet.keys["keeper"].address) == spent
    await devnet.push_prices()  # rounds that turn up late are as good
    await _kept(devnet, keeper)
    assert await _read(devnet, "expiryPrice", 1, EXPIRY) == await _mean(devnet, 1)


async def test_a_stuck_transaction_is_replaced_with_more_fee(devnet):
    await _traded(devnet)
    await devnet.travel_to(EXPIRY)
    rpc, keeper, tried = devnet.chain.rpc, _keeper(devnet), 0
    await rpc.request("evm_setAutomine", False)
    await keeper.step(await devnet.chain.head())
    waiting = await devnet.chain.nonce(devnet.keys["keeper"].address, "pending")
    for _ in range(8):  # the base fee is beyond what the first attempt bids
        await rpc.request("anvil_setNextBlockBaseFeePerGas", hex(5 * 10**9))
        await rpc.request("evm_mine", is_read=False)
        if await _read(devnet, "expiryPrice", 1, EXPIRY):
            break
        tried += 1
        await keeper.step(await devnet.chain.head())
    assert 1 <= tried < 8
    await _kept(devnet, keeper)
    assert await devnet.chain.nonce(devnet.keys["keeper"].address) == waiting + 1


async def test_a_stranger_keeps_with_a_chain_a_deployment_and_a_key(devnet, tmp_path):
    await _traded(devnet)
    await devnet.travel_to(EXPIRY)
    dump(devnet.deployment, tmp_path / "deployment.json")
    settings = Settings(
        rpc_url=devnet.url, deployment=str(tmp_path / "deployment.json"), keeper_ms=5,
        confirmations=1,
    )  # fmt: skip
    task = asyncio.create_task(alone(settings))
    async with asyncio.timeout(20):
        while len(await _events(devnet, "ExpirySettled")) < 4:
            pass
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    settled: Sequence[ExpirySettled] = await _events(devnet, "ExpirySettled")
    assert sum(event.quantity for event in settled) == 0


async def test_a_key_that_cannot_pay_is_refused_at_the_start(devnet, tmp_path):
    dump(devnet.deployment, tmp_path / "deployment.json")
    settings = Settings(rpc_url=devnet.url, deployment=str(tmp_path / "deployment.json"))
    keeper = devnet.keys["keeper"].address
    await devnet.chain.rpc.request("anvil_setBalance", keeper, "0x0", is_read=False)
    with pytest.raises(Refused) as refused:
        await alone(settings)
    assert refused.value.code == "keeperUnfunded"
    with pytest.raises(Refused, match="SOLVENT_KEYSTORE"):
        await alone(Settings(chain_id=1, deployment=settings.deployment))
