"""Whom the screen lets go is well by a closer look too, whatever the account."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.monitor.screen import GROUPS_MAX, NEAR, screened
from solver.domain.account import PORTFOLIO, SIMPLE, Account, Position
from solver.domain.health import Health
from solver.domain.instrument import Instrument, Kind
from solver.domain.risk import MarketRisk
from solver.margin.health import judgement
from solver.margin.health.facts import facts, risk_view
from tests.app.api.server import EXPIRY, WAD, board
from tests.app.monitor.ward import PERP, USD, account

SNAPSHOT = risk_view(board().snapshot())
CALL = Instrument(1, Kind.CALL, EXPIRY, 4500 * WAD).id
PUT = Instrument(1, Kind.PUT, EXPIRY, 4000 * WAD).id
SIZES = st.integers(-4, 4)


@settings(max_examples=30)
@given(
    st.sampled_from((SIMPLE, PORTFOLIO)),
    st.lists(st.tuples(SIZES, SIZES, SIZES, st.integers(-3_000, 40_000)), min_size=8, max_size=24),
)
def test_whom_it_lets_go_nothing_is_to_be_said_of(engine, rows):
    accounts = [
        Account(
            account(place),
            (cash - 4_000 * perp) * USD,
            tuple(
                Position(key, size * WAD)
                for key, size in ((PERP, perp), (CALL, call), (PUT, put))
                if size
            ),
            engine=engine,
        )
        for place, (perp, call, put, cash) in enumerate(rows)
    ]
    for held in screened(accounts, SNAPSHOT).values():
        seen = facts(held, SNAPSHOT, engine)
        assert judgement(held.health, seen) is None
        assert seen.breach_ppm == 0
        assert seen.equity >= NEAR * seen.maintenance


def rich(place, **changes):
    held = Account(account(place), 90_000 * USD, (Position(PERP, WAD),), engine=PORTFOLIO)
    return held._replace(**changes)


@pytest.mark.parametrize("engine", [SIMPLE, PORTFOLIO])
def test_the_rich_are_let_go_and_nobody_whom_it_may_not_judge(engine):
    crowd = [rich(place, engine=engine) for place in range(20)]
    assert set(screened(crowd, SNAPSHOT)) == {held.id for held in crowd}
    assert screened(crowd[:7], SNAPSHOT) == {}
    for wrong in (
        {"health": Health("WARNING")},
        {"health": Health(breaches=1)},
        {"cash": -3_500 * USD},
        {"positions": (Position(Instrument(2, Kind.PERP).id, WAD),)},
    ):
        changed = rich(0, engine=engine, **wrong)
        assert changed.id not in screened([changed, *crowd[1:]], SNAPSHOT)


def test_a_crowd_in_many_markets_at_once_is_let_go_by_the_sets_it_holds():
    market = SNAPSHOT.underlyings[0]
    wide = SNAPSHOT._replace(
        underlyings=tuple(market._replace(market=number + 1) for number in range(20))
    )
    crowd = [
        rich(
            place,
            engine=SIMPLE,
            positions=tuple(Position(Instrument(1 + n, Kind.PERP).id, WAD) for n in held),
        )
        for place, held in enumerate([(0, 1), (2,), (0, 1, 5)] * 10 + [(n,) for n in range(3, 20)])
    ]
    found = screened(crowd, wide)
    assert {held.id for held in crowd[:30]} <= set(found)
    assert len(found) == 30 + GROUPS_MAX - 3


@pytest.mark.parametrize("state", ["UNCERTAIN", "DEGRADED", "HALT"])
def test_nobody_is_let_go_on_a_price_in_doubt(state):
    market = SNAPSHOT.underlyings[0]._replace(oracle_state=state)
    doubtful = SNAPSHOT._replace(underlyings=(market,))
    for engine in (SIMPLE, PORTFOLIO):
        assert screened([rich(place, engine=engine) for place in range(20)], doubtful) == {}


def test_nobody_is_let_go_where_something_cannot_be_valued():
    market = SNAPSHOT.underlyings[0]._replace(risk=MarketRisk(spot_maintenance=0))
    unsound = SNAPSHOT._replace(underlyings=(market,))
    assert screened([rich(place) for place in range(20)], unsound) == {}


def test_what_cannot_be_valued_hides_nobody_but_who_holds_it():
    market = SNAPSHOT.underlyings[0]
    strange = market._replace(market=2, price=10**12 * WAD)  # beyond any grid
    crowd = [rich(place) for place in range(20)]
    held = rich(0, positions=(*crowd[0].positions, Position(Instrument(2, Kind.PERP).id, 1)))
    both = SNAPSHOT._replace(underlyings=(market, strange))
    assert set(screened([held, *crowd[1:]], both)) == {each.id for each in crowd[1:]}
