"""Every snapshot judges every account that holds anything, once, and the log remembers it."""

import asyncio

import pytest

from app.monitor import watch
from app.observe import REGISTRY
from app.store import Batch, Store
from solver.domain.event import CashMoved, LegFilled, PortfolioEntered
from solver.domain.risk import MarketRisk
from tests.app.api.server import ACCOUNT, WAD, serving
from tests.app.monitor.ward import (
    MAKER,
    PERP,
    USD,
    Listener,
    Ward,
    account,
    monitor_of,
    warding,
)
from tests.app.worlds import NOW

pytestmark = pytest.mark.asyncio


@pytest.fixture
async def ward(tmp_path):
    async with warding(tmp_path) as found:
        yield found


async def test_a_falling_price_takes_a_long_through_every_state_and_back(ward: Ward):
    await ward.hold(1, 500)
    assert await ward.at(4_000) == "HEALTHY"
    assert await ward.at(3_920) == "WARNING"  # 420 against 392
    assert await ward.at(3_850) == "REDUCE_ONLY"  # 350 against 385 and 250.25
    assert await ward.at(3_720) == "REDUCE_ONLY"  # 220 against 241.80: seen once
    assert await ward.at(3_719) == "LIQUIDATING"
    assert await ward.at(3_500) == "BANKRUPT"
    assert await ward.at(4_100) == "HEALTHY"
    told = await ward.history()
    assert [row["to"] for row in told] == [
        "WARNING", "REDUCE_ONLY", "REDUCE_ONLY", "LIQUIDATING", "BANKRUPT", "HEALTHY",
    ]  # fmt: skip
    assert told[2] | {"snapshot": ""} == {
        "from": "REDUCE_ONLY",
        "to": "REDUCE_ONLY",
        "cause": "maintenanceBreached",
        "engine": "simple",
        "equity": str(220 * USD),
        "initial": str(372 * USD),
        "maintenance": str(241_800_000),
        "breaches": "1",
        "snapshot": "",
        "timeMs": str((NOW + 4) * 1000),
        "prices": f"1:{3_720 * WAD}",
    }


async def test_one_snapshot_is_judged_once_however_often_it_is_looked_at(ward: Ward):
    await ward.hold(1, 500)
    assert await ward.at(3_720) == "REDUCE_ONLY"
    assert await ward.monitor.step() == 0
    assert len(await ward.history()) == 1
    await ward.record((ACCOUNT, CashMoved(1, "", 0)))
    assert await ward.monitor.step() == 1
    assert len(await ward.history()) == 1
    assert ward.state() == "REDUCE_ONLY"


async def test_a_new_life_goes_on_where_the_log_ends(ward: Ward):
    await ward.hold(1, 500)
    assert await ward.at(3_720) == "REDUCE_ONLY"
    again = monitor_of(ward.served, ward.listener, ward.broken)
    await again.step()  # the same snapshot, and nothing remembered but the log
    assert len(await ward.history()) == 1
    ward.price(3_719)
    await again.step()
    assert ward.state() == "LIQUIDATING"
    services = ward.served.services
    path = services.settings
    replayed = await Store.open(path, services.bus, services.clock)
    try:
        assert replayed.account(ACCOUNT) == services.store.account(ACCOUNT)
        assert hash(repr(replayed.account(ACCOUNT))) == hash(repr(services.store.account(ACCOUNT)))
    finally:
        await replayed.close()


async def test_listeners_hear_what_is_not_well_and_what_moved(ward: Ward):
    await ward.hold(1, 500)
    await ward.at(4_000)
    assert ward.listener.heard == []
    await ward.at(3_600)
    (heard,) = ward.listener.heard
    assert heard.event is not None
    assert heard.account.health.state == heard.event.to_state == "LIQUIDATING"
    assert heard.may_liquidate
    await ward.at(3_600, state="UNCERTAIN", spread=300)
    assert not ward.listener.heard[-1].may_liquidate
    await ward.at(3_600, state="HALT")
    assert not ward.listener.heard[-1].may_liquidate


async def test_a_sold_out_auction_is_a_bankruptcy(ward: Ward):
    await ward.hold(1, 500)
    assert await ward.at(3_600) == "LIQUIDATING"
    ward.listener.sold_out.add(ACCOUNT)
    assert await ward.at(3_600) == "BANKRUPT"
    assert (await ward.history())[-1]["cause"] == "auctionExhausted"


async def test_who_ends_without_positions_is_closed_until_a_deposit(ward: Ward):
    await ward.hold(1, 500)
    assert await ward.at(3_600) == "LIQUIDATING"
    sold = LegFilled(None, PERP, -WAD, 3_600 * WAD, 3_600 * USD, "", "", 0)
    bought = LegFilled(None, PERP, WAD, 3_600 * WAD, -3_600 * USD, "", "", 0)
    await ward.record((ACCOUNT, sold), (MAKER, bought))
    assert await ward.at(3_600) == "CLOSED"
    assert await ward.at(3_000, seconds=60) == "CLOSED"
    await ward.record((ACCOUNT, CashMoved(USD, "", 0)))
    assert await ward.at(3_000) == "HEALTHY"


async def test_an_account_that_differs_from_the_chain_is_not_judged(ward: Ward):
    await ward.hold(1, 500)
    ward.broken[ACCOUNT] = "cash differs"
    assert await ward.at(3_000) == "HEALTHY"
    assert ward.served.services.breaker.triggers == ("ledgerDiffers",)
    ward.broken.clear()
    assert await ward.at(3_000) == "BANKRUPT"
    assert "ledgerDiffers" not in ward.served.services.breaker.triggers


async def test_a_look_at_nothing_new_costs_nobody_a_look(ward: Ward, monkeypatch):
    for place in range(20):
        await ward.hold(1, 90_000, account(place))
    await ward.at(4_000)
    store, asked = ward.served.services.store, []
    real = store.account_ahead

    def account_ahead(id_):
        asked.append(id_)
        return real(id_)

    monkeypatch.setattr(store, "account_ahead", account_ahead)
    assert await ward.monitor.step() == 0
    assert asked == []
    await ward.hold(1, 90_000, account(3))
    assert await ward.monitor.step() == 2  # and the maker


async def test_the_unwell_are_judged_first_and_others_have_their_turn_between(ward, monkeypatch):
    for place in range(30):
        await ward.hold(1, 500 if place == 29 else 900, account(place))
    await ward.at(3_850)
    assert [each.account.id for each in ward.listener.heard] == [account(29)]
    monkeypatch.setattr(watch, "SLICE_SECONDS", 0.0)
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    await ward.at(3_400)
    beside.cancel()
    heard = [each.account.id for each in ward.listener.heard[1:]]
    assert heard[0] == account(29)
    assert len(heard) == 30
    assert turns >= 30


async def test_a_state_that_nobody_is_in_any_more_counts_none(ward: Ward):
    def count(state):
        return REGISTRY.get_sample_value("solvent_accounts_by_health", {"state": state})

    await ward.hold(1, 500)
    await ward.at(3_920)
    assert count("WARNING") == 1
    await ward.at(4_100)
    assert (count("WARNING"), count("HEALTHY")) == (0, 2)


async def test_what_a_false_price_could_take_is_told_to_the_oracle(ward: Ward):
    await ward.hold(1, 500)
    await ward.at(4_000)
    maintenance = 4_000 * WAD * 65 // 1000
    assert ward.served.services.board.guarded(1) == maintenance
    await ward.at(5_000)
    assert ward.served.services.board.guarded(1) == 0


async def test_many_accounts_are_recorded_together(ward: Ward):
    for place in range(60):
        await ward.hold(1, 500, account(place))
    ward.price(3_720)
    assert await ward.monitor.step() == 61
    assert {ward.state(account(place)) for place in range(60)} == {"REDUCE_ONLY"}
    assert ward.state(MAKER) == "HEALTHY"


async def test_nothing_is_lost_or_doubled_when_it_dies_between_any_two_writes(tmp_path):
    """A monitor that dies before or after any commit leaves the log that one who lives leaves."""
    prices = (3_920, 3_850, 3_720, 3_719, 4_100)

    async def lived(folder, deadly):
        async with serving(folder) as served:
            ward = Ward(served, monitor_of(served, Listener(), {}), Listener(), {})
            await ward.hold(1, 500)
            writes = 0
            for price in prices:
                ward.price(price)
                monitor = monitor_of(served, Listener(), {})
                real = served.services.store.record

                async def record(batch: Batch, real=real):
                    nonlocal writes
                    writes += 1
                    if writes == deadly:
                        raise Killed
                    done = await real(batch)
                    if writes == deadly + 0.5:
                        raise Killed
                    return done

                served.services.store.record = record  # type: ignore[method-assign]
                try:
                    await monitor.step()
                except Killed:
                    served.services.store.record = real  # type: ignore[method-assign]
                    await monitor_of(served, Listener(), {}).step()
                served.services.store.record = real  # type: ignore[method-assign]
            return await ward.history()

    whole = await lived(tmp_path / "whole", 0)
    assert len(whole) == 5
    for place in range(1, 6):
        for deadly in (place, place - 0.5):
            assert await lived(tmp_path / f"at{deadly}", deadly) == whole


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


async def test_an_account_that_cannot_be_valued_stops_no_other(ward: Ward):
    await ward.hold(1, 500)
    await ward.hold(1, 500, account(7))
    await ward.record((account(7), PortfolioEntered("", 0)))
    board = ward.served.services.board
    board.set_risk(1, MarketRisk(spot_maintenance=0))  # PORTFOLIO has no use for such a range
    assert await ward.at(3_850) == "REDUCE_ONLY"
    assert ward.state(account(7)) == "HEALTHY"
    board.set_risk(1, MarketRisk())
    assert await ward.at(3_850) == "REDUCE_ONLY"
    assert ward.state(account(7)) == "REDUCE_ONLY"
    assert (await ward.history(account(7)))[-1]["engine"] == "portfolio"
