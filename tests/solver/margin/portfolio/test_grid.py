"""A grid is its content: the same on every machine, in any order, and replayed without pricing."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed, NotFound
from solver.domain.instrument import ASIAN_KINDS, Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.risk import Fixing, MarketRisk
from solver.margin.portfolio.grid import STEP, risk_grid
from solver.margin.portfolio.parameters import DEFAULT
from solver.pricing.marks import intrinsic, mark_and_error, mark_of, mean_at
from tests.recorded import ROOT
from tests.solver.margin.portfolio.books import ALL, BENT, OPTIONS, WIDE, world
from tests.solver.pricing.world import EXPIRY, ether, snapshot

IDS = [instrument.id for instrument in ALL]
ASIAN = Instrument(1, Kind.ASIAN_CALL, EXPIRY, 4000 * WAD)
TELL = """
from tests.solver.margin.portfolio.test_grid import IDS, risk_grid, world
print(risk_grid(IDS, world()).hash.hex())
"""


@given(st.permutations(IDS))
def test_the_order_in_which_instruments_are_asked_for_does_not_enter(ids):
    assert risk_grid([*ids, ids[0]], world()).hash == risk_grid(IDS, world()).hash


def test_two_processes_agree_on_every_step():
    command = [sys.executable, "-c", TELL]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == risk_grid(IDS, world()).hash.hex()


def test_what_changes_a_figure_changes_the_hash():
    usual = risk_grid(IDS, world()).hash
    eth, btc = world().underlyings
    others = [
        world()._replace(underlyings=(eth._replace(price=eth.price + 10**10), btc)),
        world()._replace(underlyings=(eth._replace(risk=MarketRisk()), btc)),
        world()._replace(underlyings=(eth, btc._replace(surface=BENT))),
        world()._replace(settlement_price=WAD - 1),
    ]
    hashes = {risk_grid(IDS, other).hash for other in others}
    hashes.add(risk_grid(IDS, world(), DEFAULT._replace(peg_min=WAD)).hash)
    assert len(hashes - {usual}) == 5


def test_options_are_worth_their_marks_now():
    grid = risk_grid([option.id for option in OPTIONS], world())
    for column in grid.markets[0].columns:
        step = WAD // STEP
        assert column.mark_long == column.mark_short
        assert abs(column.mark_long - mark_of(column.instrument, world())) <= step


def test_an_asian_option_counts_two_standard_errors_against_its_holder():
    mark, error = mark_and_error(ASIAN, world())
    column = risk_grid([ASIAN.id], world()).markets[0].columns[0]
    assert error > 0
    step = WAD // STEP
    assert mark - 2 * error - 3 * step <= column.mark_long <= mark - 2 * error + 3 * step
    assert column.mark_long + column.mark_short == pytest.approx(2 * mark, abs=4 * step)
    assert column.mark_short > mark > column.mark_long


def test_an_asian_option_moves_less_than_a_plain_one():
    plain = Instrument(1, Kind.CALL, EXPIRY, 4000 * WAD)
    rows = risk_grid([ASIAN.id, plain.id], world()).markets[0]
    found = {c.instrument: row for c, row in zip(rows.columns, rows.rows, strict=True)}
    up = [found[i.id][0] - found[i.id][-3] for i in (ASIAN, plain)]
    assert 0 < up[0] < up[1]


def test_a_market_or_instrument_outside_is_told():
    with pytest.raises(NotFound):
        risk_grid([Instrument(9, Kind.PERP).id], world())
    with pytest.raises(NotFound):
        risk_grid(IDS[:1], world()).place(IDS[1])


def test_a_price_that_has_no_place_on_the_grid_is_refused():
    for instrument in (Instrument(1, Kind.CALL, EXPIRY, WAD), Instrument(1, Kind.PERP)):
        with pytest.raises(Malformed, match="no place"):
            risk_grid([instrument.id], snapshot(ether(price=2**95)))


def test_unsound_moving_parameters_make_no_grid():
    wrong = WIDE._replace(spot_maintenance=WIDE.spot_initial + 1)
    with pytest.raises(Malformed, match="maintenance"):
        risk_grid([IDS[0]], snapshot(ether(risk=wrong)))


def test_an_expiry_however_far_has_factors():
    far = Instrument(1, Kind.CALL, 2**40 - 1, 4000 * WAD)
    (market,) = risk_grid([far.id], snapshot()).markets
    (series,) = market.series
    assert series.asset == 0
    assert series.debt == WAD, "at no interest a debt is at most undiscounted"


@pytest.mark.parametrize("recorded", [0, 3, 7])
@pytest.mark.parametrize("kind", ASIAN_KINDS)
def test_what_is_due_and_not_recorded_moves_an_asian_option_after_its_expiry(kind, recorded):
    option = Instrument(1, kind, EXPIRY, 4000 * WAD)
    fixing = Fixing(EXPIRY, recorded, recorded * 3900 * WAD)
    world = snapshot(ether(price=4100 * WAD, fixings=(fixing,)), time=EXPIRY + 60)
    (market,) = risk_grid([option.id], world).markets
    (values,) = market.values.tolist()
    rows = [*market.shocks.rows, None]
    for row, value in zip(rows, values, strict=False):
        price = 4100 * WAD if row is None else 4100 * row.spot
        wanted = intrinsic(option, mean_at(fixing, price))
        assert abs(value * 10**10 - wanted) <= 10**10, row
    assert (len(set(values)) > 1) is (recorded < 7)


@pytest.mark.parametrize("kind", ASIAN_KINDS)
def test_an_asian_option_has_a_grid_where_the_price_is_gone(kind):
    option = Instrument(1, kind, EXPIRY, 4000 * WAD)
    for fixed, call, put in ((0, 0, 4000), (5, 1000, 0)):
        known = Fixing(EXPIRY, fixed, fixed * 7000 * WAD)
        time = EXPIRY - 86_400 - 60 if fixed else EXPIRY - 30 * 86_400
        world = snapshot(ether(price=0, fixings=(known,)), time=time)
        (market,) = risk_grid([option.id], world).markets
        owed = call if kind is Kind.ASIAN_CALL else put
        assert {round(value / STEP, 3) for value in market.values[0].tolist()} == {owed}
