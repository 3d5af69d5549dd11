"""The router's scenarios are those rows of PORTFOLIO margin that a linear program can hold."""

import numpy as np
import pytest

from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import PPM, WAD
from solver.domain.risk import MarketRisk
from solver.margin.portfolio.grid import EXTRA_ROWS, STEP, risk_grid
from solver.margin.portfolio.parameters import DEFAULT
from solver.margin.portfolio.shocks import shocks
from solver.pricing.scenarios import margin_scenarios, risks
from tests.solver.pricing.world import CALL, EXPIRY, PERP, PUT, TIME, ether, snapshot

RISK = MarketRisk(spot_initial=200_000)
SCALE = WAD // PPM


def test_the_scenarios_are_margins_rows_but_for_the_skews():
    rows = shocks(RISK._replace(spot_maintenance=200_000), DEFAULT).rows
    told = {(row.spot, row.vol, row.damp) for row in rows if not row.skew}
    found = {
        ((PPM + s.spot_ppm) * SCALE, s.vol, s.damp_ppm * SCALE) for s in margin_scenarios(RISK)
    }
    assert found == told
    assert len(found) == 31


def test_a_range_that_has_no_whole_quarters_is_rounded_outwards():
    moves = {s.spot_ppm for s in margin_scenarios(MarketRisk(spot_initial=200_001))}
    assert {200_001, 50_001, 100_001, 150_001, -50_001, -150_001} <= moves


def test_a_scenario_wins_what_margins_row_does():
    options = (CALL, PUT, Instrument(1, Kind.CALL, EXPIRY, 4400 * WAD), PERP)
    market = ether(risk=RISK._replace(spot_maintenance=200_000))
    scenarios = margin_scenarios(market.risk)
    profits = risks(options, market, TIME, scenarios).profits
    (grid,) = risk_grid([option.id for option in options], snapshot(market)).markets
    values = grid.values / STEP
    won = (values - values[:, -EXTRA_ROWS, None])[:, :-EXTRA_ROWS].T
    place = {c.instrument: i for i, c in enumerate(grid.columns)}
    rows = {(row.spot, row.vol): i for i, row in enumerate(grid.shocks.rows) if not row.skew}
    for scenario, wins in zip(scenarios, profits, strict=True):
        row = rows[(PPM + scenario.spot_ppm) * SCALE, scenario.vol]
        told = [won[row, place[o.id]] * scenario.damp_ppm / PPM for o in options]
        assert wins == pytest.approx(np.array(told), abs=2e-8)
