"""Whom the screen lets go is well by a closer look too, whatever the account."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.monitor.screen import NEAR, screened
from solver.domain.account import PORTFOLIO, SIMPLE, Account, Position
from solver.domain.health import Health
from solver.domain.instrument import Instrument, Kind
from solver.domain.risk import MarketRisk
from solver.margin.facts import facts, risk_view
from solver.margin.health import judgement
from tests.app.api.server import EXPIRY, WAD, board
from tests.app.monitor.ward import PERP, USD, account

SNAPSHOT = risk_view(board().snapshot())
CALL = Instrument(1, Kind.CALL, EXPIRY, 4500 * WAD).id
PUT = Instrument(1, Kind.PUT, EXPIRY, 4000 * WAD).id
SIZES = st.integers(-4, 4)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(SIZES, SIZES, SIZES, st.integers(-3_000, 40_000)), min_size=8, max_size=24)
)
def test_whom_it_lets_go_nothing_is_to_be_said_of(rows):
    accounts = [
        Account(
            account(place),
            (cash - 4_000 * perp) * USD,
            tuple(
                Position(key, size * WAD)
                for key, size in ((PERP, perp), (CALL, call), (PUT, put))
                if size
            ),
            engine=PORTFOLIO,
        )
        for place, (perp, call, put, cash) in enumerate(rows)
    ]
    for held in screened(accounts, SNAPSHOT).values():
        seen = facts(held, SNAPSHOT, PORTFOLIO)
        assert judgement(held.health, seen) is None
        assert seen.breach_ppm == 0
        assert seen.equity >= NEAR * seen.maintenance


def rich(place, **changes):
    held = Account(account(place), 90_000 * USD, (Position(PERP, WAD),), engine=PORTFOLIO)
    return held._replace(**changes)


def test_the_rich_are_let_go_and_nobody_whom_it_may_not_judge():
    crowd = [rich(place) for place in range(20)]
    assert set(screened(crowd, SNAPSHOT)) == {held.id for held in crowd}
    assert screened(crowd[:7], SNAPSHOT) == {}
    for wrong in (
        {"engine": SIMPLE},
        {"health": Health("WARNING")},
        {"health": Health(breaches=1)},
        {"cash": -3_300 * USD},
    ):
        changed = rich(0, **wrong)
        assert changed.id not in screened([changed, *crowd[1:]], SNAPSHOT)


@pytest.mark.parametrize("state", ["UNCERTAIN", "DEGRADED", "HALT"])
def test_nobody_is_let_go_on_a_price_in_doubt(state):
    market = SNAPSHOT.underlyings[0]._replace(oracle_state=state)
    doubtful = SNAPSHOT._replace(underlyings=(market,))
    assert screened([rich(place) for place in range(20)], doubtful) == {}


def test_nobody_is_let_go_where_something_cannot_be_valued():
    market = SNAPSHOT.underlyings[0]._replace(risk=MarketRisk(spot_maintenance=0))
    unsound = SNAPSHOT._replace(underlyings=(market,))
    assert screened([rich(place) for place in range(20)], unsound) == {}
