"""The morning of 2026-02-05 as it was recorded: listed, quoted, marked, and a covered call settled.

A stack of its own: chain, service and maker all begin at the snapshot's time and prices.
"""

import contextlib
import pathlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio

from adapters.chains.devnet import dev_keys
from adapters.recorded import OptionChain, read_chain
from app.demo.client import Client, Json
from app.feeds.recorded import market_of
from app.local import RecordedChain, Stack, stack
from solver.domain.calendar import DAY
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD, parse_decimal
from solver.pricing.marks import greeks_at
from tests.app.recorded_world import DERIBIT, needs_recorded, unix
from tests.devnet_fixture import require_anvil
from tests.e2e.conftest import mining

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_recorded]
AT = unix("2026-02-05T09:36:00Z")
SIZE = 50
TERMS: Json = {"slippageBps": "30", "maxFee": "5", "maxMarginUsed": "20000", "minHealth": "1.1"}


class Morning(NamedTuple):
    """The running stack, what was recorded, and one user."""

    running: Stack
    recorded: OptionChain
    alice: Client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def morning(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Morning]:
    require_anvil()
    folder: pathlib.Path = tmp_path_factory.mktemp("morning")
    recorded = read_chain(DERIBIT, AT, "ETH")
    async with contextlib.AsyncExitStack() as exits:
        chain = RecordedChain(DERIBIT, AT, SIZE)
        running = await exits.enter_async_context(stack(folder, option_chain=chain))
        alice = await exits.enter_async_context(Client(running.api_url, dev_keys()["alice"]))
        await exits.enter_async_context(mining(running))
        yield Morning(running, recorded, alice)


async def _rows(morning: Morning) -> dict[int, Json]:
    answer = await morning.alice.get("/v1/instruments", underlying="ETH")
    return {int(row["instrumentId"]): row for row in answer["instruments"]}


async def test_it_begins_at_the_recorded_time_and_price(morning: Morning) -> None:
    now = int((await morning.alice.get("/v1/time"))["unix"])
    assert 0 <= now - morning.recorded.time < 600
    for market in (await morning.alice.get("/v1/markets"))["markets"]:
        assert market["oracleState"] == "OK"
        if market["symbol"] == "ETH":
            off = parse_decimal(market["price"]) / morning.recorded.index_price - 1
            assert abs(off) < 0.001


async def test_what_was_recorded_is_listed_and_what_was_quoted_is_quoted(morning: Morning) -> None:
    options = {i: row for i, row in (await _rows(morning)).items() if row["kind"] != "perp"}
    recorded = {
        Instrument(1, Kind.CALL if row.is_call else Kind.PUT, row.expiry, row.strike).id: row
        for row in morning.recorded.rows
    }
    assert options.keys() == recorded.keys()
    for name, row in recorded.items():
        if row.bid is None:
            assert options[name]["bid"] is None
        if row.ask is None:
            assert options[name]["ask"] is None
        for coin, side in ((row.bid, "bid"), (row.ask, "ask")):
            if coin and options[name][side]:  # the price has moved some basis points since
                dollars = coin * row.index_price // WAD
                off = abs(parse_decimal(options[name][side]) - dollars)
                assert off < morning.recorded.index_price * 25 // 10_000


async def test_the_surface_says_where_it_is_from(morning: Morning) -> None:
    told = await morning.alice.get("/v1/surface/ETH")
    assert (told["source"], told["recordedAt"]) == ("recorded", "2026-02-05T09:36:47Z")
    assert float(told["fit"]["rms"]) < 0.0065


async def test_a_covered_call_settles_at_the_recorded_bid_within_thirty_bps(
    morning: Morning,
) -> None:
    alice, surface = morning.alice, market_of(morning.recorded).surface
    for token, amount in (("WETH", "12"), ("USDC", "5000")):
        wanted = {"outcome": "deposit", "token": token, "amount": amount}
        terms = {"scheme": "permit2", "maxFee": "5"}
        assert (await alice.follow(await alice.quote(wanted, terms))).intent["state"] == "settled"
    spot, time = morning.recorded.index_price, morning.recorded.time

    def distance(name: int) -> float:
        return abs(greeks_at(Instrument.unpack(name), surface, spot, time).delta - 0.25)

    rows = await _rows(morning)
    calls = [
        name
        for name, row in rows.items()
        if row["kind"] == "call"
        and row["bid"]
        and 20 * DAY <= Instrument.unpack(name).expiry - time <= 40 * DAY
    ]
    row = rows[min(calls, key=distance)]
    request = {"outcome": "coveredCall", "underlying": "ETH", "size": "10"}
    quote = await alice.quote(request | {"instrument": row["instrument"]}, TERMS)
    outcome = await alice.follow(quote)
    assert outcome.intent["state"] == "settled", outcome.intent
    (fill,) = quote["fills"]
    lost = parse_decimal(row["mark"]) - parse_decimal(fill["price"])
    assert lost < spot * 30 // 10_000
    assert abs(parse_decimal(fill["price"]) - parse_decimal(row["bid"])) < spot * 10 // 10_000
