"""Estimators find the volatility of a walk they are shown, and see what each is said to see."""

import numpy as np
import pytest

from solver.domain.errors import Malformed
from solver.pricing.volatility import (
    Bars,
    Quoted,
    close_to_close,
    fair_variance,
    garman_klass,
    parkinson,
    yang_zhang,
)

VOL, STEPS, DAYS = 0.6, 1_440, 1_500


def walk(gap: float = 0.0, drift: float = 0.0) -> Bars:
    """Daily bars of a walk of one-minute steps, opening off the last close by a normal `gap`."""
    drawn = np.random.default_rng(5)
    minutes = drawn.normal(drift / STEPS, VOL / np.sqrt(365 * STEPS), (DAYS, STEPS))
    paths = np.concatenate([np.zeros((DAYS, 1)), np.cumsum(minutes, axis=1)], axis=1)
    gaps = drawn.normal(0.0, gap, DAYS)
    starts = np.concatenate([[0.0], np.cumsum(paths[:, -1] + gaps)[:-1]])
    logs = paths + starts[:, None]
    return Bars(*np.exp([logs[:, 0], logs.max(axis=1), logs.min(axis=1), logs[:, -1]]))


def test_all_estimators_find_the_volatility_of_a_walk():
    bars = walk()
    assert close_to_close(bars.close, 365) == pytest.approx(VOL, rel=0.05)
    for estimator in (parkinson, garman_klass, yang_zhang):
        # A walk of minutes reaches a little less far than a continuous one.
        assert estimator(bars, 365) == pytest.approx(VOL, rel=0.03)


def test_only_the_range_estimators_are_blind_to_gaps():
    bars, gap = walk(gap=0.03), 0.03 * np.sqrt(365)
    whole = np.hypot(VOL, gap)
    assert close_to_close(bars.close, 365) == pytest.approx(whole, rel=0.05)
    assert yang_zhang(bars, 365) == pytest.approx(whole, rel=0.05)
    assert parkinson(bars, 365) == pytest.approx(VOL, rel=0.03)
    assert garman_klass(bars, 365) == pytest.approx(VOL, rel=0.03)


def test_drift_does_not_move_yang_and_zhang():
    still, rising = walk(), walk(drift=0.05)
    assert yang_zhang(rising, 365) == pytest.approx(yang_zhang(still, 365), rel=0.02)
    assert parkinson(rising, 365) > 1.15 * parkinson(still, 365)


def test_two_bars_by_hand():
    bars = Bars(*(np.array(x) for x in ([1.0, 2.0], [4.0, 2.0], [1.0, 1.0], [2.0, 1.0])))
    two = np.log(2)
    ranges = (4 + 1) / 2 * two * two
    assert parkinson(bars, 1) == pytest.approx(np.sqrt(ranges / (4 * two)))
    expected = 0.5 * ranges - (2 * two - 1) * two * two
    assert garman_klass(bars, 1) == pytest.approx(np.sqrt(expected))


def test_bars_that_are_none_are_refused():
    good = walk()
    for bad in (
        good._replace(low=good.high * 2),
        good._replace(low=good.low * 0),
        Bars(*(np.array([]) for _ in range(4))),
    ):
        with pytest.raises(Malformed):
            parkinson(bad, 365)
    with pytest.raises(Malformed):
        yang_zhang(Bars(*(x[:2] for x in good)), 365)
    with pytest.raises(Malformed):
        close_to_close(np.array([1.0, 2.0]), 365)


def test_the_variance_swap_of_demeterfi_and_others():
    puts = [Quoted(50 + 5 * i, 0.30 - 0.01 * i) for i in range(11)]
    calls = [Quoted(100 + 5 * i, 0.20 - 0.01 * i) for i in range(8)]
    found = fair_variance(100, puts, calls, 0.246575, rate=0.05)
    assert found == pytest.approx(0.04189, abs=1e-5)  # RISK 3.3


def test_a_flat_smile_is_worth_its_own_variance():
    puts = [Quoted(20 + i, 0.4) for i in range(81)]
    calls = [Quoted(100 + i, 0.4) for i in range(300)]
    assert fair_variance(100, puts, calls, 0.25, rate=0.03) == pytest.approx(0.16, rel=1e-3)
    with pytest.raises(Malformed):
        fair_variance(100, puts[:-1], calls, 0.25, rate=0.03)
