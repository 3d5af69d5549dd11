"""A surface reads alike everywhere, has no arbitrage between knots, and tells where some is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.calendar import DAY, YEAR
from solver.domain.instrument import Instrument, Kind
from solver.domain.surface import Knot, Surface, flat
from solver.pricing.greeks import delta_of
from solver.pricing.marks import greeks_at, mark_of
from solver.pricing.surface import (
    at_the_money_ppm,
    calendar_min,
    density,
    density_min,
    implied_volatility,
    slice_at,
    violations,
)
from solver.pricing.surface.calibrated import BUILT_IN, DEFAULT, built_in
from solver.routing.certify import marks
from tests.solver.pricing.world import EXPIRY, TIME, WAD, ether, snapshot

SURFACES = {**BUILT_IN, "any other": DEFAULT}
TILTED = Surface(
    tuple(
        knot._replace(carry_ppb=knot.seconds * 10**9 // YEAR // 25)
        for knot in BUILT_IN["ETH"].knots
    )
)


def vogt(k: float) -> tuple[float, float, float]:
    """Variance and two derivatives of Axel Vogt's slice (Gatheral-Jacquier, example 5.1)."""
    a, b, rho, m, sigma = -0.0410, 0.1331, 0.3060, 0.3586, 0.4153
    root = math.sqrt((k - m) ** 2 + sigma**2)
    value = a + b * (rho * (k - m) + root)
    return value, b * (rho + (k - m) / root), b * sigma**2 / root**3


@pytest.mark.parametrize(
    ("k", "variance"),
    [(-1, 0.0927556522), (-0.5, 0.0509765717), (0, 0.0174262526), (0.5, 0.0231515656),
     (1, 0.0868267098)],
)  # fmt: skip
def test_the_vogt_slice_is_what_the_paper_says(k, variance):
    assert vogt(k)[0] == pytest.approx(variance, abs=5e-11)


def test_the_butterfly_of_the_vogt_slice_is_found():
    assert density(0, *vogt(0)) == pytest.approx(1.03864973, abs=5e-9)
    assert density(0.87926, *vogt(0.87926)) == pytest.approx(-0.0328635735, abs=5e-11)
    signs = [(k, density(k, *vogt(k)) < 0) for k in (0.64240, 0.64242, 1.25690, 1.25692)]
    assert [is_negative for _, is_negative in signs] == [False, True, True, False]


def test_a_slice_is_raw_svi_in_other_letters():
    theta, psi, rho = 0.04, 0.2, -0.3
    surface = Surface((Knot(YEAR, 40_000_000, 200_000_000, -300_000),))
    a, b, m = theta * (1 - rho * rho) / 2, psi / 2, -rho * theta / psi
    sigma = theta * math.sqrt(1 - rho * rho) / psi
    for k in (-0.7, -0.1, 0.0, 0.2, 1.1):
        raw = a + b * (rho * (k - m) + math.hypot(k - m, sigma))
        assert slice_at(surface, YEAR).variance(k) == pytest.approx(raw, rel=1e-13)


def test_density_is_that_of_finite_differences():
    found, h = slice_at(BUILT_IN["ETH"], 30 * DAY), 1e-4
    for k in (-0.4, -0.05, 0.0, 0.3):
        low, mid, high = (found.variance(k + step) for step in (-h, 0, h))
        expected = density(k, mid, (high - low) / (2 * h), (high - 2 * mid + low) / h**2)
        assert found.density(k) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", sorted(SURFACES))
def test_what_is_built_in_has_no_arbitrage(name):
    surface = SURFACES[name]
    assert violations(surface) == ()
    assert density_min(surface) > 0
    assert calendar_min(surface) > 0


def test_each_kind_of_arbitrage_is_named():
    good = BUILT_IN["ETH"].knots
    steep = (*good[:2], good[2]._replace(psi_ppb=900_000_000), *good[3:])
    assert any("butterfly" in told for told in violations(Surface(steep)))
    falling = (*good[:2], good[2]._replace(theta_ppb=good[1].theta_ppb - 1), *good[3:])
    assert any("do not rise" in told for told in violations(Surface(falling)))
    assert calendar_min(Surface(falling)) < 0
    tame = (*good[:2], good[2]._replace(psi_ppb=good[1].psi_ppb // 2), *good[3:])
    assert any("wing" in told for told in violations(Surface(tame)))
    absurd = Surface((Knot(DAY, 100_000, 500_000_000, -900_000),))
    assert violations(absurd) != ()
    assert density_min(absurd) < 0


@given(st.integers(1, 3 * YEAR), st.floats(0.05, 20))
def test_a_flat_surface_is_flat(seconds, strike):
    assert implied_volatility(flat(650_000), strike, 1.0, seconds) == 0.65


@given(st.integers(1, 2 * YEAR), st.integers(1, 2 * YEAR), st.floats(-0.8, 0.8))
def test_variance_rises_between_any_two_tenors(one, other, k):
    early, late = sorted((one, other))
    surface = BUILT_IN["BTC"]
    assert slice_at(surface, early).variance(k) <= slice_at(surface, late).variance(k) * (1 + 1e-12)


def test_outside_its_tenors_volatility_is_flat():
    surface = BUILT_IN["ETH"]
    near = [implied_volatility(surface, 0.9, 1.0, seconds) for seconds in (60, 3600, DAY)]
    assert max(near) - min(near) < 1e-8
    assert at_the_money_ppm(surface, 3 * YEAR) == at_the_money_ppm(surface, YEAR)


def test_an_unknown_symbol_has_a_surface_too():
    assert built_in("SOL") == DEFAULT
    assert at_the_money_ppm(DEFAULT, 30 * DAY) == 800_000


def test_put_call_parity_holds_at_the_forward():
    strike, seconds = 4000.0, EXPIRY - TIME
    call, put = (
        greeks_at(Instrument(1, kind, EXPIRY, 4000 * WAD), TILTED, 3900 * WAD, TIME).price
        for kind in (Kind.CALL, Kind.PUT)
    )
    assert call - put == pytest.approx(3900 - slice_at(TILTED, seconds).present(strike), abs=1e-9)
    assert slice_at(TILTED, seconds).present(strike) < strike


def test_delta_is_the_slope_of_the_price_at_a_held_volatility():
    call, vol = Instrument(1, Kind.CALL, EXPIRY, 4200 * WAD), 0.6
    steady = Surface((Knot(YEAR, round(vol * vol * 1e9), 0, 0, 40_000_000),))
    up, down = (greeks_at(call, steady, price * WAD, TIME).price for price in (4001, 3999))
    assert greeks_at(call, steady, 4000 * WAD, TIME).delta == pytest.approx((up - down) / 2, 1e-5)


@given(
    st.sampled_from(sorted(SURFACES)),
    st.integers(500, 9_000),
    st.integers(1, 2 * YEAR),
    st.sampled_from([Kind.CALL, Kind.PUT]),
)
def test_the_checker_finds_the_same_mark_and_delta_by_itself(name, strike, seconds, kind):
    market = ether(surface=SURFACES[name])
    world, option = snapshot(market), Instrument(1, kind, TIME + seconds, strike * WAD)
    assert marks.mark_of(option.id, world) == mark_of(option, world)
    assert marks.delta_of(option.id, world) == delta_of(option, market, TIME)


def test_the_checker_knows_the_forward():
    world = snapshot(ether(surface=TILTED))
    option = Instrument(1, Kind.PUT, EXPIRY, 3500 * WAD)
    assert marks.mark_of(option.id, world) == mark_of(option, world)
