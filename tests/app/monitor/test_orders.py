"""An account in trouble keeps no open intent that its health does not take."""

import pytest

from app.monitor import orders
from app.monitor.orders import enforce, orders_of
from app.store import StoredIntent
from solver.domain.health import Health
from solver.domain.intent import Leg, Limits
from tests.app.api.server import ACCOUNT, USDC, WAD, WETH, swap
from tests.app.monitor.ward import Ward, warding

pytestmark = pytest.mark.asyncio


@pytest.fixture
async def ward(tmp_path):
    async with warding(tmp_path) as found:
        yield found


def perp(nonce, side, outcome):
    leg = Leg("perp", WETH.address, side, quantity_min=WAD, quantity_max=WAD)
    limits = Limits(USDC.address, max_fee=10**6, max_slippage_bps=100)
    return swap(nonce, outcome=outcome, legs=(leg,), limits=limits)


async def admitted(ward, *intents):
    uids = []
    for wanted in intents:
        answer = await ward.served.submit(wanted)
        assert answer.status_code == 202, answer.text
        uids.append(answer.json()["uid"])
    return uids


def row(ward: Ward, uid: str) -> StoredIntent:
    found = ward.served.services.store.intent(uid)
    assert found is not None
    return found


def states(ward, uids):
    return [row(ward, uid).state for uid in uids]


async def test_in_reduce_only_what_adds_risk_ends_and_what_closes_stays(ward: Ward):
    await ward.hold(1, 2_000)
    uids = await admitted(
        ward, perp(1, "buy", "openPerp"), perp(2, "sell", "closePerp"), perp(3, "sell", "openPerp")
    )
    await ward.at(2_100)
    assert ward.state() == "REDUCE_ONLY"
    assert states(ward, uids) == ["cancelled", "open", "open"]
    assert row(ward, uids[0]).code == "reduceOnly"
    assert len(ward.served.services.store.account(ACCOUNT).reservations) < 3


async def test_in_liquidation_everything_ends_but_deposits(ward: Ward):
    await ward.hold(1, 2_000)
    uids = await admitted(ward, perp(1, "buy", "openPerp"), perp(2, "sell", "closePerp"), swap(4))
    await ward.at(2_080)
    assert ward.state() == "LIQUIDATING"
    assert states(ward, uids) == ["cancelled"] * 3
    assert row(ward, uids[1]).code == "liquidating"


async def test_a_death_before_the_cancel_is_made_good_at_the_next_look(ward: Ward):
    await ward.hold(1, 2_000)
    (uid,) = await admitted(ward, perp(1, "buy", "openPerp"))
    store, snapshot = ward.served.services.store, ward.served.services.board.market_state()
    account = store.account(ACCOUNT)
    assert await enforce(store, orders_of(store), account, snapshot) == 0
    ended = account._replace(health=Health("LIQUIDATING"))
    found = orders_of(store)
    assert await enforce(store, found, ended, snapshot) == 1
    assert await enforce(store, found, ended, snapshot) == 0
    assert row(ward, uid).state == "cancelled"
    assert orders_of(store) == {}


async def test_what_stands_is_asked_once_for_an_account_at_a_snapshot(ward: Ward, monkeypatch):
    await ward.hold(1, 2_000)
    await admitted(ward, perp(2, "sell", "closePerp"))
    asked = []

    def is_standing(signed, account, snapshot):
        asked.append(snapshot.time)
        return True

    monkeypatch.setattr(orders, "is_standing", is_standing)
    await ward.at(2_100)
    await ward.monitor.step()
    await ward.monitor.step()
    assert len(asked) == 1
    await ward.at(2_101)
    assert len(asked) == 2
