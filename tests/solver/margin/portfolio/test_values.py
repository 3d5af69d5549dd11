"""Derive's portfolio margin cases with their own parameters, and what they leave out."""

import pytest

from solver.domain.calendar import YEAR
from solver.domain.numbers import WAD
from solver.margin.portfolio.parameters import DEFAULT
from solver.margin.portfolio.shocks import Shock, Shocks
from solver.margin.portfolio.terms import MarketTerms, OptionTerms, SeriesTerms
from solver.margin.portfolio.values import vanilla_values
from solver.pricing.black import prices as black_prices
from tests.recorded import needs
from tests.solver.margin.portfolio.derive import (
    VECTORS,
    Json,
    cases,
    portfolio_margin_1,
    portfolio_margin_2,
)

CLOSE = 1e-8
STEP = 1e-8  # of one unit's value: what a single row may be off by, per unit held

recorded = needs(VECTORS, "margin cases")


def off(found: float, told: float) -> float:
    return abs(found - told) / max(abs(told), 1.0)


@recorded
def test_every_case_of_derives_portfolio_margin_is_reproduced():
    table = cases("pmrm2")
    assert len(table) == 91
    for name, case in table.items():
        found, told = portfolio_margin_2(case), case["Result"]
        assert off(found.maintenance, float(told["MM"])) <= CLOSE, name
        assert off(found.initial, float(told["IM"])) <= CLOSE, name
        assert off(found.value, float(told["PortfolioMTM"])) <= CLOSE, name
        units = sum(abs(float(option["Amount"])) for option in case["Scenario"]["Options"])
        for row, figure in zip(found.rows, told_rows(told), strict=bool(found.rows)):
            assert abs(row - figure) <= CLOSE * max(abs(figure), 1.0) + STEP * units, name


def told_rows(told: Json) -> list[float]:
    regular = [float(row[2]) for row in told["reg_losses"] + told["tail_losses"]]
    return regular + [float(row[1]) for row in told["skew_losses"]]


@recorded
def test_every_case_of_derives_first_portfolio_margin_is_reproduced():
    table = cases("pmrm1")
    assert len(table) == 12
    for name, case in table.items():
        found, told = portfolio_margin_1(case), case["Result"]
        assert off(found.maintenance, told["MaintenanceMarginHand"] / WAD) <= CLOSE, name
        assert off(found.initial, told["InitialMarginHand"] / WAD) <= CLOSE, name


def test_the_part_of_a_settlement_that_is_fixed_no_shock_moves():
    rows = Shocks(tuple(Shock(str(x), x * WAD // 10) for x in (8, 10, 12)))
    series = (
        SeriesTerms(1, 900, 2000.0, 2000.0),
        SeriesTerms(2, 900, 4000.0),
        SeriesTerms(3, 0, 0.0, 4100.0),
    )
    options = [OptionTerms(i, i, 3900 * WAD, True, 0.6) for i in range(3)]
    market = MarketTerms(1, "X", 4000 * WAD, rows, 0, 0, series, tuple(options))
    values = vanilla_values(market, options, DEFAULT)
    moved = black_prices([2000 * x + 2000 for x in (0.8, 1.0, 1.2)], 3900, 900 / YEAR, 0.6, True)
    assert values[:3, 0] == pytest.approx(moved)
    assert (values[:, 2] == 200.0).all()
    swing = values[2] - values[0]
    assert swing[0] < 0.6 * swing[1]
