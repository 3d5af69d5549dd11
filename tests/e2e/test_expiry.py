"""Held through expiry: the mean is fixed by nobody's choice, both sides are paid, all logs agree.

The keeper runs in the API process, which is killed between fixing and paying.
"""

import asyncio
import contextlib
import itertools
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
import websockets

from adapters.base import Call
from adapters.chains.devnet import dev_keys
from adapters.chains.devnet.packages import package
from adapters.chains.settlement import read_positions, view
from app.demo.client import Json
from app.keeper import Keeper, TradedHolders
from app.keeper.errand import Errand
from app.local import Child, ready
from app.settlement.sender import Sender
from solver.domain.errors import Unavailable
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD, format_decimal, parse_decimal
from tests.e2e.held import (
    LOOK_S,
    World,
    by_hand,
    cash_of_all,
    deposit,
    trade,
    until,
    world_at,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
AS_OF = 1_795_514_400  # 2026-11-24T10:00:00Z, a Tuesday
EXPIRY = 1_795_766_400  # 2026-11-27T08:00:00Z
CALL, PUT = "ETH-20261127-3600-C", "ETH-20261127-3800-P"
FEED_UNIT = 10**10  # 1e18 per unit of the feed's 8 decimals
ATOM = 10**30  # of wad x wad: one millionth of a dollar
KEEPER = dev_keys()["keeper"]


def _falling(now: int) -> int:
    """ETH rises to 3,700 before the window and falls to 3,650 inside it: the mean is not spot."""
    return 3_700 * WAD - max(now - EXPIRY + 1_800, 0) * 50 * WAD // 1_800


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_at(AS_OF, tmp_path_factory.mktemp("expiry"), SOLVENT_KEEPER_MS="0") as found:
        yield found


async def _followed(world: World, *logs: str) -> tuple[list[Json], asyncio.Task[None]]:
    """Returns the events that come from now on, and the task that listens for them."""
    told: list[Json] = []
    heard = {log: (await world.alice.get("/v1/events", log=log))["head"] for log in logs}
    return told, asyncio.create_task(_follow(world, heard, told))


async def _follow(world: World, heard: dict[str, int], told: list[Json]) -> None:
    """Listens for ever; connects again where the service has died, from the last seq it heard."""
    while True:
        with contextlib.suppress(OSError, websockets.WebSocketException):
            async with websockets.connect(_stream_of(world)) as stream:
                for number, log in enumerate(heard):
                    wanted = {"op": "sub", "id": number, "ch": log, "from": {"seq": heard[log]}}
                    await stream.send(json.dumps(wanted))
                async for text in stream:
                    message = json.loads(text)
                    if message["op"] == "event":
                        event = message["event"]
                        assert event["prev"] == heard[event["log"]], "the stream left a gap"
                        heard[event["log"]] = event["seq"]
                        told.append(event)
        await asyncio.sleep(LOOK_S)


def _stream_of(world: World) -> str:
    return world.running.api_url.replace("http", "ws") + "/v1/stream"


async def _mean(world: World) -> int:
    """The mean over the last half hour, recomputed from every round of the feed there is."""
    feed = world.running.deployment.market("ETH").feed
    flux = package("FluxAggregator").interface.functions
    newest = flux["latestRound"].one(await world.chain.call(feed, flux["latestRound"].encode()))
    asked = [Call(feed, flux["getRoundData"].encode(i)) for i in range(1, newest + 1)]
    raws = await world.chain.call_many(asked)
    found = [flux["getRoundData"].decode(raw) for raw in raws if isinstance(raw, bytes)]
    rounds = [(time, answer) for _, answer, _, time, _ in found]
    answers = []
    for (begin, answer), (end, _) in itertools.pairwise(rounds):
        seconds = min(end, EXPIRY) - max(begin, EXPIRY - 1_800)
        answers += [answer] * max(seconds, 0)  # one a second: nothing of the contract's own sums
    assert len(answers) == 1_800
    return int(sum(answers) * FEED_UNIT // 1_800)


async def _sent(world: World) -> bool:
    """True while a transaction of the keeper's waits for a block."""
    seen, final = [await world.chain.nonce(KEEPER.address, at) for at in ("pending", "latest")]
    return seen > final


async def test_an_option_past_its_expiry_is_marked_and_not_traded(world: World) -> None:
    """Nobody keeps yet: the price is not fixed, and the service goes on."""
    await deposit(world)
    await trade(world, "buyOption", CALL, "3")
    await trade(world, "sellOption", PUT, "2.5")
    await until(lambda: world.show(role="maker"), _holds_options)
    async with websockets.connect(_stream_of(world)) as stream:
        async with world.blocks:
            await world.running.devnet.travel_to(EXPIRY + 20, {"ETH": _falling})
        async with by_hand(world):
            await _shown_as_expired(world)
        await asyncio.wait_for(await stream.ping(), 5)  # the same connection, three days later
    with pytest.raises(Unavailable, match="instrumentExpired"):
        await trade(world, "buyOption", CALL, "1")
    await until(lambda: world.alice.get("/v1/instruments"), _is_quoted)
    world.running.api.check_alive()
    world.running.maker.check_alive()


async def _shown_as_expired(world: World) -> None:
    head = str((await world.chain.head()).number)
    await until(lambda: world.alice.get("/v1/time"), lambda now: now["blockNumber"] == head)
    held = {row["instrument"]: row for row in (await world.show("/positions"))["positions"]}
    for name in (CALL, PUT):
        assert (held[name]["expired"], held[name]["expiryPrice"]) == (True, None)
    eth = (await world.alice.get("/v1/markets"))["markets"][0]
    spot = parse_decimal(eth["price"])
    assert eth["oracleState"] == "OK"
    assert parse_decimal(held[CALL]["mark"]) == spot - 3_600 * WAD
    assert parse_decimal(held[PUT]["mark"]) == 3_800 * WAD - spot
    margin = (await world.show("/margin"))["margin"]
    simple = await world.read("simple", world.account("alice").key)
    assert [parse_decimal(margin[k], 6) for k in ("initial", "maintenance", "equity")] == [*simple]
    assert (await world.show("/greeks"))["greeks"][0]["gamma"] == "0"


async def test_everybody_is_paid_by_the_mean_although_the_service_dies(world: World) -> None:
    before = await cash_of_all(world)
    told, listening = await _followed(world, world.account("alice").log, "market:1")
    await _killed_between_fixing_and_paying(world)
    await until(world.show, lambda account: account["positions"] == [])
    price = await _mean(world)
    assert await world.read("expiryPrice", 1, EXPIRY) == price != _falling(EXPIRY)
    assert await world.read("expiryPrice", 2, EXPIRY) == 0  # nobody holds any of it

    call, put = (price - 3_600 * WAD) * 3 * WAD, (3_800 * WAD - price) * 5 * WAD // 2
    after = await cash_of_all(world)
    paid = {name: after[name] - before[name] for name in after}
    assert paid["alice"] == call // ATOM + -put // ATOM  # credits down, debits up
    assert paid["maker"] == -call // ATOM + put // ATOM
    assert sum(paid.values()) == await world.read("dust") == 0
    assert paid["insurance"] in (0, 1, 2)

    ends = [
        {"instrument": str(Instrument(1, Kind.CALL, EXPIRY, 3_600 * WAD).id), "cash": call // ATOM},
        {"instrument": str(Instrument(1, Kind.PUT, EXPIRY, 3_800 * WAD).id), "cash": -put // ATOM},
    ]
    await until(_now(told), lambda events: len(_typed(events, "OptionExpired")) == 2)
    await until(_now(told), lambda events: _typed(events, "ExpiryFixed"))
    listening.cancel()
    expired = sorted(_typed(told, "OptionExpired"), key=lambda body: body["instrument"])
    for body, end in zip(expired, ends, strict=True):
        assert body["price"] == str(price)
        assert (body["instrument"], body["cash"]) == (end["instrument"], str(end["cash"]))
    (fixed,) = _typed(told, "ExpiryFixed")
    assert (fixed["market"], fixed["expiry"], fixed["price"]) == ("1", str(EXPIRY), str(price))
    rows = (await world.alice.get("/v1/markets"))["markets"][0]["expiryPrices"]
    assert rows == [{"expiry": "2026-11-27T08:00:00Z", "price": format_decimal(price)}]


async def test_the_ledger_is_the_chain_and_nothing_is_left_to_keep(world: World) -> None:
    for role in ("alice", "maker"):
        shown, key = await world.show(role=role), world.account(role).key
        assert parse_decimal(shown["cash"], 6) == await world.read("cashOf", key)
        slots = read_positions(
            await world.chain.call(*view("Clearinghouse", world.house, "positions", key))
        )
        assert [row["instrumentId"] for row in shown["positions"]] == [
            str(slot.instrument) for slot in slots
        ]
        assert not any(row["expired"] for row in shown["positions"])
    deployment, spent = world.running.deployment, await world.chain.nonce(KEEPER.address)
    errand = Errand(world.chain, Sender(world.chain, deployment.chain_id, KEEPER.secret.hex()))
    keeper = Keeper(world.chain, deployment, errand, TradedHolders(world.chain, deployment, 1))
    assert await keeper.step(await world.chain.head())
    assert await world.chain.nonce(KEEPER.address) == spent


async def _killed_between_fixing_and_paying(world: World) -> None:
    """Blocks come by hand: one fixes the price, and the one that would pay never comes."""
    api, rpc = world.running.api, world.chain.rpc
    await _kill(api)
    async with by_hand(world) as mine:
        await api.start(SOLVENT_KEEPER_MS="50")
        await until(lambda: _sent(world), bool)
        await mine()
        assert await world.read("expiryPrice", 1, EXPIRY)
        await until(lambda: _sent(world), bool)
        await _kill(api)
        await rpc.request("anvil_dropAllTransactions", is_read=False)
        assert not await _sent(world)
    await api.start(SOLVENT_KEEPER_MS="50")
    await ready(world.running.api_url, api)


async def _kill(api: Child) -> None:
    assert api.process is not None
    api.process.kill()
    assert await api.process.wait() == -signal.SIGKILL


def _holds_options(account: Json) -> bool:
    return {CALL, PUT} <= {row["instrument"] for row in account["positions"]}


def _is_quoted(answer: Json) -> bool:
    return any(row["bid"] for row in answer["instruments"])


def _typed(events: list[Json], kind: str) -> list[Json]:
    return [event["body"] for event in events if event["type"] == kind]


def _now(told: list[Json]) -> Callable[[], Awaitable[list[Json]]]:
    async def look() -> list[Json]:
        return told

    return look
