"""The probability of a breach is that of leaving the span between two prices."""

import math

import numpy as np
import pytest

from solver.domain.risk import MarketRisk
from solver.margin.predictive import Span, breach_probability, charges
from solver.margin.predictive.breach import LEVELS, UNKNOWN, tails_of
from tests.solver.margin.predictive.history import days

RISK = MarketRisk()


def test_one_side_none_and_already():
    assert breach_probability(Span(-1.0, math.inf), RISK, 1) == 0.0
    assert breach_probability(Span(0.0, 0.0), RISK, 1) == 1.0
    both = breach_probability(Span(-0.02, 0.02), RISK, 1)
    down = breach_probability(Span(-0.02, math.inf), RISK, 1)
    up = breach_probability(Span(-1.0, 0.02), RISK, 1)
    assert both == pytest.approx(down + up)


def test_probability_falls_with_distance_and_grows_with_time_and_volatility():
    near, far = Span(-0.02, 0.02), Span(-0.03, 0.05)
    assert breach_probability(near, RISK, 1) > breach_probability(far, RISK, 1)
    assert breach_probability(near, RISK, 4) > breach_probability(near, RISK, 1)
    wild = RISK._replace(daily=80_000)
    assert breach_probability(near, wild, 1) > breach_probability(near, RISK, 1)
    assert 0 < breach_probability(Span(-0.5, math.inf), RISK, 1) <= LEVELS[0] / 10**6


def test_before_a_fit_moves_have_fat_tails_of_unit_variance():
    assert len(UNKNOWN) == len(LEVELS)
    assert all(a == -b for a, b in zip(UNKNOWN, reversed(UNKNOWN), strict=True))
    assert UNKNOWN[LEVELS.index(10_000)] == pytest.approx(-4.5407 / math.sqrt(3) * 10**6, rel=1e-4)


def test_fitted_tails_say_how_often_hours_really_left_the_span():
    known = days()
    deviation = charges(known).deviation
    tails = tails_of(known, deviation)
    assert list(tails) == sorted(tails)
    risk = RISK._replace(tails=tails, daily=30_000)
    for low in (-0.01, -0.02):
        unit = 0.03 / math.sqrt(24)
        ratios = (known.hourly / (deviation[:-1, None] / math.sqrt(24)))[-730:].ravel()
        ratios = ratios[np.isfinite(ratios)]
        seen = float((ratios < math.log1p(low) / unit).mean())
        told = breach_probability(Span(low, math.inf), risk, 1)
        assert told == pytest.approx(seen, rel=0.25, abs=5e-4)


def test_a_short_history_has_no_tails():
    known = days(420)
    assert tails_of(known, charges(known).deviation) == ()
