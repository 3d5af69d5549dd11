"""A crash through the risk code: sums hold, debts are named, and harmless faults harm nobody."""

import numpy as np
import pytest

from solver.domain.errors import Infeasible
from solver.margin.contagion import (
    AUCTION,
    CLOSE,
    Candles,
    Crowding,
    Faults,
    checks,
    crowding,
    path_of,
    replay,
)
from solver.margin.contagion.ledger import Ledger, Slice
from solver.margin.contagion.standing import view_of
from solver.margin.contagion.world import World
from tests.solver.margin.contagion.stages import START, people, stage

CRASH, HELD = stage(), stage((0.0, 0.0), ticks=40)
PEOPLE = people(CRASH)


AS_IT_IS = Faults()
CRASHES = (
    AS_IT_IS,
    Faults("auction", policy=AUCTION),
    Faults("all at once", policy=CLOSE),
    Faults("depth", depth=0.02, lag=3, vol=1.6, is_venue_down=True),
)


@pytest.fixture(scope="module")
def crashes():
    return {faults: replay(CRASH, PEOPLE, faults) for faults in CRASHES}


@pytest.mark.parametrize("faults", CRASHES, ids=lambda faults: faults.name)
def test_in_a_crash_every_sum_holds_and_every_debt_is_paid_by_somebody_named(crashes, faults):
    found = crashes[faults]
    assert found.audited == len(found.ticks) == len(CRASH.path)
    assert found.liquidated
    assert (found.misraised, found.pending) == (0, 0)
    assert found.ticks[-1].sold > 0
    assert found.bad_debt >= found.deleveraged >= 0
    assert (found.events > 0) == (found.deleveraged > 0)
    counts = [sum(tick.states) for tick in found.ticks]
    assert set(counts) == {PEOPLE.users}


def test_a_fund_of_nothing_leaves_debts_to_those_who_gained_to_the_atom():
    found = replay(CRASH, PEOPLE._replace(fund=0), Faults("all at once", policy=CLOSE, impact=40.0))
    assert found.events > 0
    assert found.misraised == 0
    assert found.bad_debt == pytest.approx(found.deleveraged)


@pytest.mark.parametrize(
    "fault",
    [Faults("none"), Faults("depeg 3 %", depeg=0.03), Faults("depeg 35 %", depeg=0.35),
     Faults("parameters", is_reestimated=True)],
    ids=lambda fault: fault.name,
)  # fmt: skip
def test_at_prices_that_hold_no_fault_of_one_venue_or_parameter_liquidates(fault):
    assert replay(HELD, PEOPLE, fault).liquidated == frozenset()


def test_a_shock_of_volatility_alone_is_not_harmless():
    """So that the test before can fail: the same machine, prices as steady, a fault that counts."""
    assert replay(HELD, PEOPLE, Faults("vol", vol=2.5)).ticks[-1].states[0] < PEOPLE.users


def test_a_replay_is_the_same_twice(crashes):
    assert replay(CRASH, people(CRASH), AS_IT_IS) == crashes[AS_IT_IS]


def test_nobody_is_short_of_initial_margin_at_first_and_instruments_sum_to_zero():
    found = replay(CRASH._replace(path=CRASH.path[:2]), PEOPLE, Faults())
    assert found.ticks[0].states[0] + found.ticks[0].states[2] == PEOPLE.users
    sums: dict[int, int] = {}
    for account in PEOPLE.accounts:
        for position in account.positions:
            sums[position.instrument] = sums.get(position.instrument, 0) + position.quantity
    assert {total for key, total in sums.items() if key >> 136 & 0xFF != 3} == {0}


def test_an_atom_that_appears_is_seen():
    view = view_of(World(CRASH, Faults()).step(0), [i.id for i in CRASH.instruments()])
    ledger = Ledger(PEOPLE, view.tables[0])
    worth = view.tables[0].units[:, 0]
    ledger.hand(3, PEOPLE.users, Slice(5 * 10**17, 10, 7, 1, 2), worth)
    assert ledger.is_balanced()
    ledger.cash[3] += 1
    assert not ledger.is_balanced()


def test_the_table_fails_where_a_figure_is_beyond_its_bound(crashes):
    found, at_once = crashes[AS_IT_IS], crashes[CRASHES[2]]
    table = checks([found], {"none": at_once}, [found], Crowding((-0.005, 0.005), (0.11, 0.02)))
    failed = {check.name for check in table if not check.passed}
    assert {"liquidated by none alone", "fullest 0.5 % of liquidations"} <= failed
    bad = found._replace(audited=3, pending=1.0, misraised=1)
    debt = at_once._replace(bad_debt=-found.interest)
    names = {check.name for check in checks([bad], {"none": debt}, [], Crowding((), ()))
             if not check.passed}  # fmt: skip
    assert len(names) == 4


def test_crowding_puts_each_account_in_one_bucket():
    found = crowding(CRASH, PEOPLE, World(CRASH, Faults()).step(0))
    assert 0 < found.largest == max(found.shares)
    falls = [share for move, share in zip(found.moves, found.shares, strict=True) if move < 0]
    assert 0.5 < sum(falls) <= 1


def test_a_path_meets_every_high_and_low_and_misses_no_candle():
    times = START + 3_600 * np.arange(4)
    rows = np.array(
        [[100, 110, 90, 95], [95, 99, 80, 98], [98, 120, 97, 119], [119, 120, 60, 70.0]]
    )
    candles = Candles("BTC", times, 3_600, rows)
    path = path_of(candles, START, START + 4 * 3_600, 1)
    for row, part in zip(rows, path.reshape(4, 60), strict=True):
        assert part.max() == pytest.approx(row[1])
        assert part.min() == pytest.approx(row[2])
        assert part[0] == pytest.approx(row[0])
    with pytest.raises(Infeasible, match="3 of 4"):
        path_of(candles._replace(times=times[1:], prices=rows[1:]), START, START + 4 * 3_600, 1)
