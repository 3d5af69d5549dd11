"""Raw SVI in all its letters, held to what Gatheral, Jacquier and QuantLib say of it."""

import numpy as np
import pytest

from solver.domain.calendar import DAY, YEAR
from solver.domain.surface import Knot, Surface
from solver.pricing.surface import calendar_min, density_min, slice_at, violations
from solver.pricing.surface.grid import curve, density
from solver.pricing.surface.smile import of_knot, raw

VOGT = raw(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)  # Gatheral-Jacquier, example 5.1
VOGT_KNOT = Knot(YEAR, 116_112_930, 266_200_000, 306_000, 0, -93_624_600, 492_074_000)


@pytest.mark.parametrize(
    ("k", "variance"),
    [(-1, 0.0927556522), (-0.5, 0.0509765717), (0, 0.0174262526), (0.5, 0.0231515656),
     (1, 0.0868267098)],
)  # fmt: skip
def test_the_vogt_smile_in_natural_letters(k, variance):
    assert VOGT.variance(k) == pytest.approx(variance, abs=5e-11)


def test_its_jump_wings():
    expected = (0.01742625, -0.1752111, 0.6997381, 1.316798, 0.0116249)
    assert VOGT.jump_wings(1.0) == pytest.approx(expected, rel=3e-6)


def test_its_butterfly_is_found_where_it_is_and_as_deep():
    k = np.linspace(-1.5, 1.5, 30_001)
    g = density(*curve(VOGT, k), k)
    assert g.min() == pytest.approx(-0.0328635735, abs=1e-9)
    assert k[g.argmin()] == pytest.approx(0.87926, abs=1e-4)
    below = k[g < 0]
    assert (below[0], below[-1]) == pytest.approx((0.64241, 1.25691), abs=2e-4)
    assert g[15_000] == pytest.approx(1.03864973, abs=5e-9)


def test_a_surface_of_it_is_refused_for_its_butterfly():
    surface = Surface((VOGT_KNOT,))
    assert slice_at(surface, YEAR).variance(0.5) == pytest.approx(0.0231515656, abs=1e-5)
    assert any("butterfly" in told for told in violations(surface))
    assert density_min(surface) < -0.03


def test_the_variance_of_quantlibs_section_at_its_centre():
    smile = raw(-0.0666, 0.229, 0.439, 0.193, 0.337)
    assert smile.variance(0.193) == pytest.approx(0.010573, abs=1e-12)


def test_slopes_are_those_of_finite_differences():
    h = 1e-5
    for k in (-0.8, 0.0, 0.36, 1.1):
        low, mid, high = (VOGT.variance(k + step) for step in (-h, 0, h))
        slope, bend = VOGT.slopes(k)
        assert slope == pytest.approx((high - low) / (2 * h), abs=1e-8)
        assert bend == pytest.approx((high - 2 * mid + low) / h**2, abs=1e-4)


def test_smiles_that_cross_are_told():
    early = Knot(30 * DAY, 20_000_000, 100_000_000, -200_000, 0, 1_000_000, 0)
    late = Knot(60 * DAY, 24_000_000, 60_000_000, 300_000, 0, 1_000_000, 10_000_000)
    crossed = Surface((early, late))
    assert calendar_min(crossed) < 0
    assert any("cross" in told for told in violations(crossed))
    risen = Surface((early, early._replace(seconds=60 * DAY, base_ppb=9_000_000)))
    assert violations(risen) == ()


def test_between_tenors_variance_is_linear_at_each_moneyness():
    early, late = (Knot(30 * DAY, 20_000_000, 100_000_000, -200_000, 0, 1_000_000, 5_000_000),
                   Knot(90 * DAY, 60_000_000, 150_000_000, -100_000))  # fmt: skip
    middle = slice_at(Surface((early, late)), 50 * DAY)
    for k in (-0.5, 0.0, 0.2):
        expected = (2 * of_knot(early).variance(k) + of_knot(late).variance(k)) / 3
        assert middle.variance(k) == pytest.approx(expected, rel=1e-12)
