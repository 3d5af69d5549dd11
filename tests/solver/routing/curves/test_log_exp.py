"""Balancer's powers: above the real one, close to it, and refused where the contract reverts."""

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.domain.numbers import WAD
from solver.routing.curves.log_exp import power, power_up

REAL = Context(prec=60)
ROUNDED_UP = 10_001  # parts of 1e18 that powUp adds, and one more


def real_power(base, exponent):
    """Returns the power as a real number of 1e-18, to 50 digits and never above it."""
    log = REAL.ln(REAL.divide(base, WAD))
    power = REAL.multiply(REAL.exp(REAL.divide(REAL.multiply(log, exponent), WAD)), WAD)
    return REAL.multiply(power, REAL.subtract(1, Decimal("1e-50")))


@given(
    st.one_of(st.integers(WAD // 10, 10 * WAD), st.integers(WAD - 10**12, WAD + 10**12)),
    st.one_of(st.integers(1, 2 * WAD), st.sampled_from((WAD, 2 * WAD, 4 * WAD, 8 * WAD))),
    st.booleans(),
)
def test_the_power_is_never_below_the_real_one(base, exponent, is_exact):
    real = real_power(base, exponent)
    mine = power_up(base, exponent, is_exact=is_exact)
    assert mine >= real
    assert mine <= real + real * Decimal("3e-14") + 20
    assert abs(power(base, exponent) - real) <= real * Decimal("1e-15") + 5


@given(st.integers(WAD * 10 // 13, WAD), st.integers(WAD // 99, 99 * WAD))
def test_the_power_is_never_below_for_any_weights(base, exponent):
    try:
        assert power_up(base, exponent, is_exact=True) >= real_power(base, exponent)
    except Infeasible:
        assert real_power(base, exponent) < 2  # smaller than what 18 decimals hold


def test_zero_has_its_powers():
    assert power(0, 0) == power(5 * WAD, 0) == WAD
    assert power(0, WAD) == 0
    assert power(WAD, 7 * WAD) == WAD


@pytest.mark.parametrize(
    ("base", "exponent"),
    [(2**255, WAD), (2 * WAD, 2**254), (WAD // 2, 100 * WAD), (9 * WAD, 99 * WAD)],
)
def test_what_the_contract_reverts_is_refused(base, exponent):
    with pytest.raises(Infeasible):
        power(base, exponent)
