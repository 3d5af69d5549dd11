"""The charge for size: the square-root law, rounded against the account."""

from hypothesis import given
from hypothesis import strategies as st

from solver.domain.numbers import WAD
from solver.margin.concentration import concentration, exposure

PRICE, DAILY = 4000 * WAD, WAD // 25
sizes = st.integers(0, 10**24)


def test_as_much_as_there_is_depth_costs_a_days_deviation():
    assert concentration(100 * WAD, PRICE, DAILY, 100 * WAD) == 100 * 160 * WAD
    assert concentration(-400 * WAD, PRICE, DAILY, 100 * WAD) == 400 * 160 * 2 * WAD


def test_without_a_forecast_of_depth_nothing_is_charged():
    assert concentration(100 * WAD, PRICE, DAILY, 0) == 0


@given(sizes, sizes, st.integers(1, 10**24))
def test_it_grows_with_size_and_falls_with_depth(one, more, depth):
    small = concentration(one, PRICE, DAILY, depth)
    assert 0 <= small <= concentration(one + more, PRICE, DAILY, depth)
    assert small >= concentration(one, PRICE, DAILY, depth + more)


@given(sizes, st.integers(1, 10**24))
def test_it_is_never_below_the_law(size, depth):
    charge = concentration(size, PRICE, DAILY, depth)
    assert charge * charge * depth >= (160 * size) ** 2 * size


def test_a_straddle_is_as_large_as_one_of_its_legs():
    assert exposure(-WAD, WAD) == WAD
    assert exposure(0, WAD) == WAD
