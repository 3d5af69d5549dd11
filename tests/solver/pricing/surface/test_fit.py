"""A fit finds the surface that made the quotes, and never one with arbitrage."""

import math
import random

import pytest

from solver.domain.calendar import DAY, YEAR
from solver.domain.errors import Infeasible
from solver.domain.numbers import PPM
from solver.pricing.surface import calendar_min, density_min, slice_at, violations
from solver.pricing.surface.calibrated import BUILT_IN
from solver.pricing.surface.fit import VolQuote, fit, with_errors

TENORS = [days * DAY for days in (1, 7, 30, 90, 180)]
STEPS = (-2.0, -1.4, -0.9, -0.5, -0.2, 0.0, 0.2, 0.5, 0.9, 1.4, 2.0)
ETH = BUILT_IN["ETH"]


def quotes(noise: float = 0.0, half_spread: float = 0.01, seed: int = 7) -> list[VolQuote]:
    """Quotes of the built-in surface at eleven strikes a tenor, off by up to `noise`."""
    drawn = random.Random(seed)
    out = []
    for seconds in TENORS:
        found = slice_at(ETH, seconds)
        for step in STEPS:
            k = step * math.sqrt(found.theta)
            vol = math.sqrt(found.variance(k) * YEAR / seconds)
            out.append(VolQuote(seconds, k, vol + drawn.uniform(-noise, noise), half_spread))
    return out


def test_quotes_of_a_surface_give_it_back():
    clean = quotes()
    found = with_errors(fit(clean, {}), clean)
    assert found.worst_ppm < 300  # 0.03 volatility points
    for seconds in TENORS:
        assert slice_at(found, seconds).theta == pytest.approx(slice_at(ETH, seconds).theta, 1e-3)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_no_noise_brings_arbitrage(noise, seed):
    found = fit(quotes(noise, noise, seed), {})
    assert violations(found) == ()
    assert density_min(found) >= 0
    assert calendar_min(found) >= 0


def test_quotes_that_contradict_each_other_still_make_a_lawful_surface():
    inverted = [q._replace(vol=q.vol * (3 if q.seconds == DAY else 0.5)) for q in quotes()]
    assert violations(fit(inverted, {})) == ()


def test_a_wide_quote_moves_little():
    wild = [q._replace(vol=q.vol + 0.4, half_spread=0.4) for q in quotes()[::3]]
    honest = quotes(half_spread=0.005)
    found = with_errors(fit(honest + wild, {}), honest)
    assert found.rms_ppm < 0.01 * PPM


def test_missing_quotes_are_bridged_and_thin_tenors_left_out():
    kept = [q for index, q in enumerate(quotes()) if index % 3 and q.seconds != 7 * DAY]
    lonely = [q for q in quotes() if q.seconds == 7 * DAY][:3]
    found = fit(kept + lonely, {})
    assert [knot.seconds for knot in found.knots] == [t for t in TENORS if t != 7 * DAY]
    assert with_errors(found, kept).worst_ppm < 2_000


def test_the_order_of_quotes_does_not_matter():
    shuffled = quotes(0.02)
    random.Random(1).shuffle(shuffled)
    assert fit(shuffled, {}) == fit(quotes(0.02), {})


def test_forwards_are_kept_by_tenor():
    found = fit(quotes(), {30 * DAY: 0.0034}, time=5)
    assert {k.seconds: k.carry_ppb for k in found.knots}[30 * DAY] == 3_400_000
    assert found.time == 5


def test_too_few_quotes_are_no_surface():
    with pytest.raises(Infeasible):
        fit(quotes()[:3], {})
