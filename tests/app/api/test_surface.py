"""The surface is told whole: parameters that give its own grid back, its origin and its errors."""

import math

import pytest

from app.api.surface import MONEYNESS_PERCENT, SurfaceView, surface_of
from app.feeds.recorded import market_of
from solver.domain.calendar import DAY, YEAR, rfc3339
from solver.pricing.surface.calibrated import BUILT_IN
from tests.app.api.server import ETH, serving
from tests.app.recorded_world import TIME, chain


@pytest.fixture
async def served(tmp_path):
    async with serving(tmp_path) as made:
        yield made


async def test_a_markets_surface_is_the_type_it_is_documented_as(served):
    answer = await served.http.get("/v1/surface/ETH")
    assert answer.status_code == 200
    view = SurfaceView.model_validate(answer.json())
    assert (view.source, view.recorded_at) == ("builtIn", None)
    assert {row.volatility for row in view.at_the_money} == {"0.65"}


async def test_an_unknown_underlying_is_not_found(served):
    answer = await served.http.get("/v1/surface/DOGE")
    assert (answer.status_code, answer.json()["code"]) == (404, "notFound")


def test_the_parameters_give_the_grid_back():
    told = surface_of(ETH._replace(surface=BUILT_IN["ETH"], price=3000 * 10**18))
    knot = next(k for k in told["knots"] if k["seconds"] == str(30 * DAY))
    theta, psi, rho = (float(knot[name]) for name in ("theta", "psi", "rho"))
    smile = next(row for row in told["grid"] if row["days"] == 30)["volatilities"]
    for percent, vol in zip(MONEYNESS_PERCENT, smile, strict=True):
        k = math.log(percent / 100)
        root = math.sqrt((psi * k + rho * theta) ** 2 + (1 - rho**2) * theta**2)
        variance = (theta + rho * psi * k + root) / 2
        assert float(vol) == pytest.approx(math.sqrt(variance * YEAR / (30 * DAY)), abs=2e-6)


def test_a_recorded_surface_says_when_and_how_well_it_fits():
    told = surface_of(ETH._replace(surface=market_of(chain()).surface, price=3000 * 10**18))
    assert (told["source"], told["recordedAt"]) == ("recorded", rfc3339(TIME))
    assert 0 < float(told["fit"]["rms"]) <= float(told["fit"]["worst"]) < 0.01
    year = told["atTheMoney"][-1]
    assert float(year["forward"]) == pytest.approx(3030, rel=1e-3)
