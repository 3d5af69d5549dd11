"""The charge is its formula on days known before, and stays between floor and cap."""

import numpy as np
import pytest

from solver.margin.predictive import charges, peer
from tests.solver.margin.predictive.history import days, scaled

KNOWN = days()
FOUND = charges(KNOWN)
FIRST = 365 + 250


@pytest.mark.parametrize("day", [FIRST, 700, 750, 898])
def test_the_future_never_changes_a_charge(day):
    factors = np.where(np.arange(len(KNOWN.returns)) < day, 1.0, 4.0)
    other = charges(scaled(KNOWN, factors))
    for before, after in zip(FOUND, other, strict=True):
        assert np.array_equal(before[: day + 1], after[: day + 1], equal_nan=True)
    assert not np.array_equal(FOUND.charge, other.charge)


def test_a_charge_is_made_of_its_parts():
    assert np.isnan(FOUND.charge[:FIRST]).all()
    assert np.isfinite(FOUND.charge[FIRST:]).all()
    weighed = 0.75 * FOUND.model + 0.25 * FOUND.stress
    bounded = np.clip(weighed, 0.9 * FOUND.floor, 1.6 * FOUND.floor)
    assert FOUND.charge[FIRST:] == pytest.approx(bounded[FIRST:])
    assert len(set(np.sign(FOUND.charge - weighed)[FIRST:])) >= 2, "a bound is met on some day"


@pytest.mark.parametrize("day", [FIRST, 700, 899])
def test_the_parts_are_quantiles_of_what_was_seen(day):
    sizes = np.abs(KNOWN.returns)
    ratios = (sizes / FOUND.deviation[:-1])[max(365, day - 730) : day]
    higher = np.quantile(ratios, 0.99, method="higher")
    assert FOUND.model[day] == pytest.approx(FOUND.deviation[day] * higher)
    assert FOUND.floor[day] == pytest.approx(np.quantile(sizes[:day], 0.99))
    assert FOUND.stress[day] >= FOUND.floor[day], "stress is the tail of stressed days"


def test_a_market_of_twice_the_moves_is_charged_twice():
    doubled = charges(scaled(KNOWN, 2.0))
    assert doubled.charge[FIRST:] == pytest.approx(2 * FOUND.charge[FIRST:], rel=1e-6)


def test_the_plain_model_swings_wider_than_the_charge():
    plain = peer(KNOWN)[FIRST:]
    charge = FOUND.charge[FIRST:]
    assert plain.max() / plain.min() > charge.max() / charge.min()


def test_too_short_a_history_charges_nothing():
    assert np.isnan(charges(days(600)).charge).all()
    assert np.isnan(charges(days(60)).charge).all()
