"""Hours become days: gaps move nothing, halves of days do not count, order does not matter."""

import numpy as np
import pytest

from solver.domain.errors import Malformed
from solver.margin.predictive import days_of
from tests.solver.margin.predictive.history import START, prices


def test_a_day_returns_what_its_closes_say_and_varies_by_its_hours():
    times, closes = prices(5)
    found = days_of(times, closes)
    # A bar is known at its end: the first one ends an hour into its day, so that day is not whole.
    midnight = np.log(closes[23::24])
    assert found.returns == pytest.approx(np.diff(midnight))
    assert found.hourly.shape == (4, 24)
    assert found.variance == pytest.approx((found.hourly**2).sum(axis=1))
    assert list(found.number * 86_400 - START) == [86_400 * k for k in (1, 2, 3, 4)]


def test_a_gap_moves_nothing_until_it_ends():
    times, closes = prices(6)
    kept = np.ones(len(times), bool)
    kept[60:70] = False
    found, whole = days_of(times[kept], closes[kept]), days_of(times, closes)
    assert found.returns == pytest.approx(whole.returns)
    hours = found.hourly.ravel()[60 - 24 : 70 - 24]
    assert (hours == 0).all()
    assert found.hourly.ravel()[70 - 24] == pytest.approx(np.log(closes[70] / closes[59]))


def test_order_and_repeats_do_not_matter_and_the_first_of_two_counts():
    times, closes = prices(6)
    shuffled = np.random.default_rng(1).permutation(len(times))
    repeated = np.concatenate([times[shuffled], times[:9]])
    values = np.concatenate([closes[shuffled], closes[:9] * 2])
    for found, whole in zip(days_of(repeated, values), days_of(times, closes), strict=True):
        assert (found == whole).all()


def test_the_last_half_of_a_day_does_not_count():
    times, closes = prices(6)
    assert len(days_of(times[:-10], closes[:-10]).number) == len(days_of(times, closes).number) - 1


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_price_is_refused(bad):
    times, closes = prices(4)
    closes[30] = bad
    with pytest.raises(Malformed, match="positive"):
        days_of(times, closes)


def test_less_than_two_days_are_refused():
    times, closes = prices(4)
    with pytest.raises(Malformed, match="two days"):
        days_of(times[:40], closes[:40])
    with pytest.raises(Malformed, match="two days"):
        days_of(times[:0], closes[:0])
