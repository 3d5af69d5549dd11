"""The flat world's plain pieces: limits, parity and the digital halves of an option."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.pricing.exotics.flat import (
    Flat,
    asset_or_nothing,
    cash_or_nothing,
    require,
    vanilla,
)

FLATS = st.builds(
    Flat,
    is_call=st.booleans(),
    spot=st.floats(10, 500),
    strike=st.floats(10, 500),
    years=st.floats(0.01, 5),
    rate=st.floats(-0.05, 0.2),
    dividend=st.floats(-0.05, 0.2),
    vol=st.floats(0.05, 1.5),
)


@given(FLATS)
def test_an_option_is_its_asset_half_less_its_cash_half(flat):
    halves = asset_or_nothing(flat) - cash_or_nothing(flat, flat.strike)
    assert vanilla(flat) == pytest.approx(flat.sign * halves, abs=1e-9)


@given(FLATS)
def test_call_less_put_is_the_forward(flat):
    call, put = (vanilla(flat._replace(is_call=is_call)) for is_call in (True, False))
    expected = flat.discount * (flat.forward - flat.strike)
    assert call - put == pytest.approx(expected, abs=1e-9)


def test_haugs_asset_or_nothing_put():
    assert asset_or_nothing(Flat(False, 70, 65, 0.5, 0.07, 0.05, 0.27)) == pytest.approx(
        20.2069, abs=5e-5
    )


def test_a_strike_of_zero_is_the_underlying():
    flat = Flat(True, 100, 0, 1, 0.05, 0.02, 0.3)
    assert asset_or_nothing(flat) == pytest.approx(100 * math.exp(-0.02))
    assert vanilla(flat) == pytest.approx(100 * math.exp(-0.02))


@pytest.mark.parametrize(
    "spoilt",
    [
        {"spot": 0},
        {"strike": -1},
        {"years": 0},
        {"vol": 0},
        {"rate": 11},
        {"vol": math.nan},
        {"spot": math.inf},
        {"years": 1e9},
    ],
)
def test_terms_without_a_closed_form_are_refused(spoilt):
    with pytest.raises(Malformed):
        require(Flat(True, 100, 100, 1, 0.05, 0.02, 0.3)._replace(**spoilt))
