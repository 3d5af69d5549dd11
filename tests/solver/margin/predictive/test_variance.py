"""Forecasts know the past alone, and learn what their market does."""

import numpy as np
import pytest

from solver.margin.predictive import variance
from solver.margin.predictive.variance import deviations, exponential, fit
from tests.solver.margin.predictive.history import days, scaled

KNOWN = days(700)


@pytest.mark.parametrize("day", [366, 400, 419, 420, 421, 698])
def test_the_future_never_changes_a_forecast(day):
    factors = np.where(np.arange(len(KNOWN.returns)) < day, 1.0, -5.0)
    other = scaled(KNOWN, factors)
    for forecast in (deviations, lambda d: exponential(d.returns, 0.94)):
        before, after = forecast(KNOWN), forecast(other)
        assert np.array_equal(before[: day + 1], after[: day + 1], equal_nan=True)
        assert not np.array_equal(before[day + 1 :], after[day + 1 :])


def test_a_forecast_scales_with_its_market():
    before, doubled = deviations(KNOWN), deviations(scaled(KNOWN, 2.0))
    known = np.isfinite(before)
    assert known.sum() == len(before) - variance.FIRST_FORECAST
    assert doubled[known] == pytest.approx(2 * before[known], rel=1e-6)


def test_a_market_that_clusters_is_forecast_better_than_by_its_mean():
    found = deviations(KNOWN)[365:-1]
    told = 0.5 * np.log(KNOWN.variance[365:])
    naive = 0.5 * np.log(np.cumsum(KNOWN.variance)[364:-1] / np.arange(365, len(KNOWN.variance)))
    assert np.var(told - np.log(found)) < 0.7 * np.var(told - naive)


def test_the_exponential_mean_is_its_recursion():
    found = exponential(KNOWN.returns, 0.94)
    assert np.isnan(found[:30]).all()
    square = found[30] ** 2
    for day in range(31, 60):
        square = 0.94 * square + 0.06 * KNOWN.returns[day - 1] ** 2
        assert found[day] == pytest.approx(np.sqrt(square))


def test_given_weights_are_used_and_are_the_last_refit():
    weights = fit(KNOWN)
    assert deviations(KNOWN, weights)[-1] == pytest.approx(deviations(KNOWN)[-1], rel=0.2)
    logs = np.log(KNOWN.variance)
    fall = min(KNOWN.returns[-1], 0) / 0.04
    rows = np.array([1.0, logs[-1], logs[-5:].mean(), logs[-22:].mean(), fall])
    said = np.exp(0.5 * (rows @ weights.coefficients + 0.5 * weights.residual))
    assert deviations(KNOWN, weights)[-1] == pytest.approx(said)


def test_too_short_a_history_says_nothing():
    assert np.isnan(deviations(days(200))).all()
    assert np.isnan(exponential(np.zeros(20), 0.9)).all()
