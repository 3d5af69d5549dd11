"""The statistics that accept a charge are the published ones, and refuse what deserves it."""

import math

import numpy as np
import pytest
from scipy.stats import chi2

from solver.margin.predictive.coverage import (
    Check,
    independence,
    judge,
    judge_step,
    kupiec,
    step_response,
)
from solver.margin.predictive.variance import fit
from tests.solver.margin.predictive.history import days


@pytest.mark.parametrize(
    ("count", "breaches", "ratio", "p"),
    [
        (250, 4, 0.769138, 0.380484),
        (250, 8, 7.733551, 0.005420),
        (1000, 10, 0.0, 1.0),
        (2429, 19, 1.257850, 0.262059),
    ],
)
def test_kupiec_is_the_reference(count, breaches, ratio, p):
    found = kupiec(count, breaches)
    assert found.ratio == pytest.approx(ratio, abs=5e-7)
    assert found.p_two_sided == pytest.approx(p, abs=5e-7)
    more = breaches / count > 0.01
    assert found.p_one_sided == pytest.approx(p / 2 if more else 1 - p / 2, abs=5e-7)


def test_kupiec_takes_none_and_all():
    assert kupiec(500, 0).ratio == pytest.approx(-2 * 500 * math.log(0.99))
    assert kupiec(500, 0).p_one_sided > 0.99
    assert kupiec(500, 500).p_one_sided == pytest.approx(0, abs=1e-12)


def test_independence_is_the_likelihood_ratio_of_its_definition():
    breached = np.zeros(300, bool)
    breached[[10, 11, 60, 150, 151, 152]] = True
    n = {(a, b): 0 for a in (0, 1) for b in (0, 1)}
    for pair in zip(breached[:-1].astype(int), breached[1:].astype(int), strict=True):
        n[pair] += 1
    p01, p11 = n[0, 1] / (n[0, 0] + n[0, 1]), n[1, 1] / (n[1, 0] + n[1, 1])
    pooled = (n[0, 1] + n[1, 1]) / 299
    apart = n[0, 0] * math.log(1 - p01) + n[0, 1] * math.log(p01)
    apart += n[1, 0] * math.log(1 - p11) + n[1, 1] * math.log(p11)
    together = (n[0, 0] + n[1, 0]) * math.log(1 - pooled)
    together += (n[0, 1] + n[1, 1]) * math.log(pooled)
    assert independence(breached) == pytest.approx(chi2.sf(2 * (apart - together), 1))
    assert independence(breached) < 0.05


def test_breaches_that_keep_apart_and_none_at_all_are_independent():
    apart = np.zeros(900, bool)
    apart[::100] = True
    assert independence(apart) > 0.5
    assert independence(np.zeros(900, bool)) == 1.0


def test_a_charge_that_is_too_small_too_swift_or_too_dear_is_refused():
    random = np.random.default_rng(3)
    returns, plain = random.normal(0, 0.01, 1_000), np.full(1_000, 0.025)

    def failed(charge):
        return {check.name for check in judge(returns, charge, plain).checks if not check.passed}

    assert failed(np.full(1_000, 0.029)) == set()
    assert failed(np.full(1_000, 0.015)) == {"coverage", "Kupiec p, one-sided"}
    assert failed(np.full(1_000, 0.04)) == {"mean over FHS-EWMA"}
    swift = np.where(np.arange(1_000) < 990, 0.027, 0.07)
    assert failed(swift) == {"peak to trough", "largest 5-day rise"}
    assert judge(returns, np.full(1_000, 0.029), plain).breaches == int(
        (np.abs(returns) > 0.029).sum()
    )


def test_a_value_that_is_no_number_passes_no_check():
    assert not Check("x", math.nan, "<=", 1.0).passed
    assert not Check("x", math.nan, ">=", 1.0).passed


def test_a_step_of_volatility_is_followed_without_overshoot():
    response = step_response(fit(days()))
    assert response[0] == pytest.approx(1.0, abs=0.03), "said before the step was seen"
    assert 2.85 < response[-1] < 3.3
    assert all(check.passed for check in judge_step(response))


def test_an_overshoot_a_dip_and_no_arrival_are_told():
    rise = np.linspace(1, 3, 200)
    assert all(check.passed for check in judge_step(rise))
    over, dip = judge_step(np.append(rise, 3.9))
    assert (over.passed, dip.passed) == (False, True)
    broken = np.concatenate([rise[:100], [rise[99] * 0.9], rise[100:]])
    assert [check.passed for check in judge_step(broken)] == [True, False]
    after = np.append(rise, 2.0)
    assert judge_step(after)[1].passed, "what comes after the new level is no way there"
    assert not judge_step(np.append(rise[:50], 1.0))[1].passed
