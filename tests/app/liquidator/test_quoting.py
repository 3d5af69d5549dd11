"""Cures go to the worst first and to everybody in turn; nobody's odd book stops another's."""

import asyncio
from typing import Any

from app.liquidator import quoting
from app.liquidator.quoting import CURES_MAX, chosen, proposals
from app.liquidator.watch import Liquidator, Parts
from app.monitor import Judged
from solver.domain.account import PORTFOLIO, SIMPLE, Account, Position
from solver.domain.health import Health
from solver.domain.instrument import Instrument, Kind
from solver.domain.market import Ladder, Level
from solver.margin.health.facts import facts, risk_view
from tests.app.api.server import WAD, board
from tests.app.monitor.ward import MAKER, PERP, USD, account

BID, ASK = (Level(price * WAD, 100 * WAD) for price in (3_999, 4_001))
SNAPSHOT = board().snapshot()._replace(ladders=(Ladder(MAKER, PERP, (BID,), (ASK,), False, 0),))


def judged(place, state="WARNING", engine=SIMPLE, key=PERP, cash=-3_745):
    held = Account(
        account(place), cash * USD, (Position(key, WAD),), health=Health(state), engine=engine
    )
    seen = facts(held._replace(positions=()), risk_view(SNAPSHOT), SIMPLE)
    return Judged(held, seen._replace(engine=engine), None)


def test_the_worst_are_quoted_first_and_the_others_in_turn():
    crowd = [judged(place) for place in range(100)]
    bad = [judged(place, state) for place, state in ((200, "REDUCE_ONLY"), (201, "BANKRUPT"))]
    first = chosen([*crowd, *bad], ())
    assert len(first) == CURES_MAX
    assert [each.account.id for each in first[:2]] == [account(201), account(200)]
    known = {each.account.id for each in first}
    second = {each.account.id for each in chosen([*crowd, *bad], known)}
    assert {each.account.id for each in (*crowd, *bad)} == known | second


def test_one_that_cannot_be_valued_stops_no_other():
    unknown = Instrument(2, Kind.PERP).id
    for engine in (SIMPLE, PORTFOLIO):
        sick = judged(1, engine=engine)
        odd = judged(2, engine=engine, key=unknown)
        assert set(proposals([odd, sick], SNAPSHOT)) == {account(1)}


async def test_an_account_that_gets_well_or_closed_meanwhile_is_let_go(monkeypatch):
    """Mandated cures wait for the door; what is told meanwhile changes who is unwell."""
    asked = []

    async def cures(held, _):
        asked.append(held.id)
        liquidator.told([judged(2, "HEALTHY"), judged(3, "CLOSED")], SNAPSHOT)
        await asyncio.sleep(0)
        return True

    nothing: Any = None  # neither chain nor store is asked
    parts = Parts(
        nothing, nothing, nothing, nothing, nothing, lambda: "active", lambda: SNAPSHOT, cures
    )
    liquidator = Liquidator(parts)
    since = Health("LIQUIDATING", SNAPSHOT.time_ms)
    sick = [judged(place) for place in (1, 2, 3)]
    sick = [each._replace(account=each.account._replace(health=since)) for each in sick]
    liquidator.told(sick, SNAPSHOT)
    monkeypatch.setattr(quoting, "CURES_MAX", 3)
    await liquidator._quote()
    assert liquidator.quoted(account(3)) is not None
    await liquidator._cure()
    assert asked == [account(1)]
    assert liquidator.quoted(account(3)) is None
