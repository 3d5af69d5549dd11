"""Risk pulls the kill switch only for what lasts or is plain, and lets go when it is over."""

import pytest

from app.breaker import Breaker, State
from app.monitor.triggers import Seen, Triggers
from solver.domain.account import Account, Position
from solver.domain.health import Health
from solver.domain.instrument import Instrument, Kind
from solver.margin.health.facts import facts, risk_view
from tests.app.api.server import EXPIRY, WAD, board
from tests.app.monitor.ward import PERP, USD, account

SNAPSHOT = risk_view(board().snapshot())
START = SNAPSHOT.time_ms


@pytest.fixture
def breaker():
    return Breaker()


@pytest.fixture
def triggers(breaker):
    return Triggers(breaker)


def seen(place=0, state="HEALTHY", oracle="OK", cash=-3_400):
    """An account with a perp at 4,000: 600 of equity, 260 of maintenance."""
    held = Account(account(place), cash * USD, (Position(PERP, WAD),), health=Health(state))
    return Seen(held, facts(held, SNAPSHOT)._replace(oracle=oracle))


def test_a_price_that_misses_a_beat_stops_nothing_and_one_that_is_gone_does(triggers, breaker):
    for second in (0, 5, 9):
        triggers.look([seen(oracle="HALT")], 1, None, START + 1000 * second)
        assert breaker.state is State.ACTIVE
    triggers.look([seen(oracle="HALT")], 1, None, START + 10_000)
    assert (breaker.state, breaker.triggers) == (State.REDUCING, ("oracleHalt",))
    triggers.look([seen()], 1, None, START + 11_000)
    assert breaker.state is State.ACTIVE


def test_a_leap_of_the_clock_alone_is_no_silence(triggers, breaker):
    triggers.look([seen(oracle="HALT")], 1, None, START)
    for _ in range(5):
        triggers.look([seen(oracle="HALT")], 1, None, START + 10**9)
    assert breaker.state is State.ACTIVE


@pytest.mark.parametrize(("fund", "is_short"), [(259, True), (260, False), (None, False)])
def test_a_fund_short_of_what_bankrupt_accounts_lack_reduces(triggers, breaker, fund, is_short):
    lacking = seen(state="BANKRUPT", cash=-4_000)  # no equity, 260 of maintenance
    rich = seen(1, cash=-5_000)  # lacks more, and is not bankrupt
    triggers.look([lacking, rich], 2, None if fund is None else fund * USD, START)
    assert (breaker.triggers == ("fundShort",)) == is_short


def ended(place, second, state="LIQUIDATING"):
    found = seen(place, state)
    health = Health(state, since_ms=START + 1000 * second)
    return found._replace(account=found.account._replace(health=health))


def test_many_liquidations_within_a_minute_reduce(triggers, breaker):
    few = [ended(place, 0) for place in range(9)]
    triggers.look(few, 1, None, START)
    assert breaker.state is State.ACTIVE
    sold_meanwhile = [*few[2:], ended(9, 59, "BANKRUPT")]
    triggers.look(sold_meanwhile, 1, None, START + 59_000)
    assert breaker.triggers == ("massLiquidation",)
    triggers.look(sold_meanwhile, 1, None, START + 60_000)
    assert breaker.state is State.ACTIVE


def test_a_start_among_old_liquidations_is_no_crash(triggers, breaker):
    triggers.look([ended(place, -600) for place in range(30)], 30, None, START)
    assert breaker.state is State.ACTIVE


def test_ten_of_a_thousand_are_no_crash(triggers, breaker):
    crowd = [ended(place, 0) if place < 10 else seen(place) for place in range(1000)]
    triggers.look(crowd, 1000, None, START)
    assert breaker.state is State.ACTIVE


def test_books_that_do_not_sum_to_zero_reduce_until_they_do(triggers, breaker):
    long = Account(account(0), 0, (Position(PERP, WAD),))
    short = Account(account(1), 0, (Position(PERP, -WAD),))
    triggers.ledger([long], 0, SNAPSHOT.time)
    assert breaker.triggers == ("ledgerDiffers",)
    triggers.ledger([long, short], 0, SNAPSHOT.time)
    assert not breaker.triggers
    flat = short._replace(positions=())
    triggers.ledger([long, flat], 0, SNAPSHOT.time)
    assert breaker.triggers == ("ledgerDiffers",)
    triggers.ledger([long._replace(positions=()), flat], 1, SNAPSHOT.time)
    assert "1 accounts" in breaker.reason


def test_base_and_what_is_being_paid_out_need_not_sum_to_zero(triggers, breaker):
    base, call = Instrument(1, Kind.BASE).id, Instrument(1, Kind.CALL, EXPIRY, 4000 * WAD).id
    held = Account(account(0), 0, (Position(base, WAD), Position(call, WAD)))
    triggers.ledger([held], 0, EXPIRY)
    assert not breaker.triggers
    triggers.ledger([held], 0, EXPIRY - 1)
    assert breaker.triggers
