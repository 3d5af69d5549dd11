"""Held over its fixings: an Asian option from the maker is paid by the mean that anyone recorded.

The keeper runs in the API process; blocks are mined fast, days are travelled.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from adapters.base import Call
from adapters.chains.abi import artifact
from adapters.chains.devnet.packages import package
from adapters.chains.settlement import view
from app.demo.client import Json
from solver.domain.instrument import FIXINGS, Instrument, Kind, fixing_times
from solver.domain.numbers import WAD, parse_decimal
from tests.e2e.held import World, by_hand, cash_of_all, deposit, trade, until, world_at

pytestmark = pytest.mark.asyncio(loop_scope="module")
AS_OF = 1_795_514_400  # 2026-11-24T10:00:00Z, a Tuesday
EXPIRY = 1_796_371_200  # 2026-12-04T08:00:00Z
TIMES = fixing_times(EXPIRY)
CALL, PUT = "ETH-20261204-3600-AC", "ETH-20261204-3800-AP"
IDS = {
    CALL: Instrument(1, Kind.ASIAN_CALL, EXPIRY, 3_600 * WAD).id,
    PUT: Instrument(1, Kind.ASIAN_PUT, EXPIRY, 3_800 * WAD).id,
}
FEED_UNIT = 10**10  # 1e18 per unit of the feed's 8 decimals
ATOM = 10**30  # of wad x wad: one millionth of a dollar


def _path(now: int) -> int:
    """ETH falls by the day and a little by the minute, so that no two rounds are alike."""
    return 3_760 * WAD - (now - TIMES[0]) * 20 * WAD // 86_400


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_at(AS_OF, tmp_path_factory.mktemp("asian"), SOLVENT_KEEPER_MS="50") as found:
        yield found


async def _fixings(world: World) -> tuple[int, int]:
    """What the chain has recorded: how many, and their sum, 1e18."""
    read = artifact("Clearinghouse").interface.functions["fixings"]
    raw = await world.chain.call(*view("Clearinghouse", world.house, "fixings", 1, EXPIRY))
    done, total = read.decode(raw)
    return int(done), int(total)


async def _in_force(world: World) -> list[int]:
    """The price, 1e18, of the last round at or before each fixing, from every round there is."""
    feed = world.running.deployment.market("ETH").feed
    flux = package("FluxAggregator").interface.functions
    newest = flux["latestRound"].one(await world.chain.call(feed, flux["latestRound"].encode()))
    asked = [Call(feed, flux["getRoundData"].encode(i)) for i in range(1, newest + 1)]
    raws = await world.chain.call_many(asked)
    found = [flux["getRoundData"].decode(raw) for raw in raws if isinstance(raw, bytes)]
    rounds = [(time, answer * FEED_UNIT) for _, answer, _, time, _ in found]
    return [[price for at, price in rounds if at <= time][-1] for time in TIMES]


async def _travel(world: World, fixing: int) -> None:
    """Goes just past a fixing, counted from one; returns once it is recorded and shown."""
    async with world.blocks:
        await world.running.devnet.travel_to(TIMES[fixing - 1] + 60, {"ETH": _path})
    await until(lambda: _fixings(world), lambda found: found[0] == fixing)
    await until(lambda: _shown(world), lambda rows: rows == [str(fixing)])


async def _shown(world: World) -> list[Any]:
    markets = await world.alice.get("/v1/markets")
    rows = markets["markets"][0]["fixings"]
    return [str(row["fixed"]) for row in rows if row["expiry"] == "2026-12-04T08:00:00Z"]


async def _margin_is_the_chains(world: World) -> None:
    async with by_hand(world):
        head = str((await world.chain.head()).number)
        await until(lambda: world.alice.get("/v1/time"), lambda now: now["blockNumber"] == head)
        margin = (await world.show("/margin"))["margin"]
        simple = await world.read("simple", world.account("alice").key)
    shown = [parse_decimal(margin[k], 6) for k in ("initial", "maintenance", "equity")]
    assert shown == [*simple]


async def test_an_asian_from_the_maker_is_held_over_its_fixings(world: World) -> None:
    await deposit(world)
    await trade(world, "buyOption", CALL, "3")
    await trade(world, "sellOption", PUT, "2.5")
    await until(world.show, _holds(CALL, PUT))
    await _margin_is_the_chains(world)
    await _travel(world, 4)
    assert await _fixings(world) == (4, sum((await _in_force(world))[:4]))
    await _margin_is_the_chains(world)  # a short at what is recorded and the feed for the rest
    await until(lambda: world.alice.get("/v1/instruments"), _is_bid)
    await trade(world, "sellOption", CALL, "1")  # while it averages
    await until(world.show, lambda account: _held(account, CALL) == "2")


async def test_it_is_paid_by_the_mean_of_the_recorded_fixings(world: World) -> None:
    before = await cash_of_all(world)
    await _travel(world, FIXINGS)
    await until(world.show, lambda account: account["positions"] == [])
    await until(lambda: world.show(role="maker"), lambda account: not _holds(CALL)(account))
    prices = await _in_force(world)
    assert len(set(prices)) > 1
    mean = sum(prices) // FIXINGS
    assert 3_600 * WAD < mean < 3_800 * WAD

    call, put = (mean - 3_600 * WAD) * 2 * WAD, (3_800 * WAD - mean) * 5 * WAD // 2
    after = await cash_of_all(world)
    paid = {name: after[name] - before[name] for name in after}
    assert paid["alice"] == call // ATOM + -put // ATOM  # credits down, debits up
    assert paid["maker"] == -call // ATOM + put // ATOM
    assert sum(paid.values()) == await world.read("dust") // ATOM == 0
    account = await world.alice.get("/v1/events", log=world.account("alice").log)
    ended = _bodies(account, "OptionExpired")
    assert {(body["instrument"], body["price"]) for body in ended} == {
        (str(IDS[name]), str(mean)) for name in (CALL, PUT)
    }
    recorded = _bodies(await world.alice.get("/v1/events", log="market:1"), "FixingRecorded")
    assert [int(body["fixed"]) for body in recorded] == list(range(1, FIXINGS + 1))
    assert int(recorded[-1]["total"]) == sum(prices)
    assert await world.read("expiryPrice", 1, EXPIRY) == 0  # nobody holds a European option of it


def _held(account: Json, name: str) -> str | None:
    return next((r["quantity"] for r in account["positions"] if r["instrument"] == name), None)


def _is_bid(answer: Json) -> bool:
    return any(row["bid"] for row in answer["instruments"] if row["instrument"] == CALL)


def _holds(*names: str) -> Any:
    return lambda account: all(_held(account, name) is not None for name in names)


def _bodies(answer: Json, kind: str) -> list[Json]:
    return [event["body"] for event in answer["events"] if event["type"] == kind]
