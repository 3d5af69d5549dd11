"""Derive's portfolio margin cases, put to our engine with their own parameters."""

from solver.domain.numbers import WAD
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

pytestmark = needs(VECTORS, "margin cases")


def off(found: float, told: float) -> float:
    return abs(found - told) / max(abs(told), 1.0)


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


def test_every_case_of_derives_first_portfolio_margin_is_reproduced():
    table = cases("pmrm1")
    assert len(table) == 12
    for name, case in table.items():
        found, told = portfolio_margin_1(case), case["Result"]
        assert off(found.maintenance, told["MaintenanceMarginHand"] / WAD) <= CLOSE, name
        assert off(found.initial, told["InitialMarginHand"] / WAD) <= CLOSE, name
