"""Depth is what its hours usually have, less when this hour has less, never more."""

import numpy as np
import pytest

from solver.margin.predictive import expected_depth

HOURS = np.arange(24 * 30) * 3_600 + 17_000 * 86_400


def daily(hours=HOURS):
    """Deeper by day than by night: 10, 11, .. 33 by the hour."""
    return 10.0 + (hours // 3_600) % 24


def test_the_coming_hours_are_expected_as_usual():
    assert expected_depth(HOURS, daily(), 86_400) == pytest.approx(sum(range(10, 34)))
    assert expected_depth(HOURS, daily(), 7_200) == pytest.approx(10 + 11), "midnight comes next"
    assert expected_depth(HOURS, daily(), 1_800) == pytest.approx(5)


def test_a_deep_hour_promises_nothing_and_a_thin_one_thins_all():
    depths = daily()
    depths[-1] *= 9
    assert expected_depth(HOURS, depths, 7_200) == pytest.approx(21)
    depths[-1] = daily()[-1] * 0.02
    assert expected_depth(HOURS, depths, 7_200) == pytest.approx(0.42)


def test_one_absurd_day_moves_no_median():
    depths = daily()
    depths[-48:-24] = 10**9
    assert expected_depth(HOURS, depths, 86_400) == pytest.approx(sum(range(10, 34)))


def test_what_was_seen_too_rarely_is_unknown():
    assert expected_depth(HOURS[: 24 * 28], daily()[: 24 * 28], 86_400) == 0.0
    assert expected_depth(HOURS[:0], daily()[:0], 86_400) == 0.0
    missing = (HOURS // 3_600) % 24 != 5
    assert expected_depth(HOURS[missing], daily()[missing], 86_400) == 0.0
    assert expected_depth(HOURS[missing], daily()[missing], 3_600) == pytest.approx(10)


def test_a_market_that_usually_has_nothing_is_unknown():
    assert expected_depth(HOURS, np.zeros(len(HOURS)), 86_400) == 0.0
