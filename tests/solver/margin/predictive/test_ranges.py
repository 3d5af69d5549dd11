"""Ranges stay in their bounds, and no estimate raises what maintenance reads without notice."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.calendar import DAY
from solver.domain.errors import Infeasible
from solver.domain.numbers import PPM, WAD
from solver.domain.risk import MarketRisk
from solver.margin.predictive import charges, estimate, has_moved, in_force
from solver.margin.predictive.ranges import DEFAULT, within
from tests.solver.margin.predictive.history import days, scaled

KNOWN = days()


def test_an_estimate_is_the_charge_of_the_day_after_the_last():
    found = estimate(KNOWN, None, version="a", depth=5)
    said = charges(KNOWN)
    assert found.charge == math.ceil(float(said.charge[-1]) * PPM)
    assert found.risk.spot_initial == within(float(said.charge[-1]), DEFAULT.spot_initial)
    assert found.risk.spot_maintenance == found.risk.spot_initial
    assert found.risk.daily == math.ceil(float(said.deviation[-1]) * PPM)
    assert (found.risk.version, found.risk.depth) == ("a", 5)
    assert (found.risk.vol_up, found.risk.vol_down) == (DEFAULT.vol_up, DEFAULT.vol_down)


def test_volatility_has_its_own_charge_up_and_down():
    changes = scaled(KNOWN, 3.0)
    found = estimate(KNOWN, changes, version="a").risk
    charge = float(charges(changes).charge[-1])
    assert found.vol_up == within(math.exp(charge) - 1, DEFAULT.vol_up)
    assert found.vol_down == within(1 - math.exp(-charge), DEFAULT.vol_down)


def test_a_longer_margin_period_widens_by_its_root():
    one, four = (
        estimate(KNOWN, None, version="a", margin_period_seconds=n * DAY // 4) for n in (1, 4)
    )
    assert four.risk.spot_initial == within(2 * one.charge / PPM / 2, DEFAULT.spot_initial)
    assert one.risk.spot_initial == within(one.charge / PPM / 2, DEFAULT.spot_initial)


@pytest.mark.parametrize("factor", [1e-3, 0.3, 1.0, 3.0, 50.0])
def test_ranges_never_leave_their_bounds(factor):
    found = estimate(scaled(KNOWN, factor), scaled(KNOWN, factor), version="a").risk
    for value, default in (
        (found.spot_initial, DEFAULT.spot_initial),
        (found.vol_up, DEFAULT.vol_up),
        (found.vol_down, DEFAULT.vol_down),
    ):
        assert 0.6 * default <= value <= 1.6 * default
    assert 0 < found.daily <= PPM


def test_a_short_history_estimates_nothing():
    with pytest.raises(Infeasible, match="too few") as caught:
        estimate(days(400), None, version="a")
    assert caught.value.code == "historyTooShort"


ppm = st.integers(1, 10**6)
risks = st.builds(
    lambda spot, up, down, daily, depth: MarketRisk("v", spot, spot, up, down, daily, depth),
    ppm, ppm, ppm, ppm, st.integers(0, 10**24),
)  # fmt: skip


def charge_of_concentration(risk):
    """What grows with daily and falls with depth; no depth, no charge."""
    return risk.daily / math.sqrt(risk.depth) if risk.depth else 0.0


@given(st.lists(st.tuples(risks, st.integers(0, DAY - 1)), min_size=1, max_size=6))
def test_no_chain_of_estimates_raises_what_maintenance_reads_within_a_day(steps):
    """Each new file names what was in force before it; all of them come within one day."""
    start = MarketRisk()
    standing, age = start, 0
    for risk, wait in steps:
        age += wait
        if age >= DAY:
            return
        standing = in_force(risk, standing, 0, moved=False)
        assert standing.spot_maintenance <= start.spot_maintenance
        assert standing.vol_up <= start.vol_up
        assert standing.vol_down <= start.vol_down
        assert charge_of_concentration(standing) <= charge_of_concentration(start)
        assert standing.spot_initial == risk.spot_initial, "new positions pay at once"


@given(risks, risks)
def test_after_a_day_or_a_move_the_estimate_is_in_force(now, before):
    assert in_force(now, before, DAY, moved=False) == now
    assert in_force(now, before, 0, moved=True) == now
    assert in_force(now, before, DAY - 1, moved=False).spot_maintenance == min(
        now.spot_initial, before.spot_maintenance
    )


def test_a_move_is_half_a_days_charge_within_an_hour_either_way():
    charge = 140_000
    assert not has_moved(1070 * WAD, 1000 * WAD, charge)
    assert has_moved(1070 * WAD + 1, 1000 * WAD, charge)
    assert has_moved(929 * WAD, 1000 * WAD, charge)
    assert not has_moved(930 * WAD, 1000 * WAD, charge)
    assert not has_moved(5 * WAD, 0, charge), "an unknown past tells of no move"
