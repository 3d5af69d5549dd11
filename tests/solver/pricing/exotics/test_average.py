"""Means in a flat world: published tables, and closed forms against the sample."""

import json

import numpy as np
import pytest

from solver.domain.errors import Malformed
from solver.pricing.exotics.asian import sampled
from solver.pricing.exotics.average import (
    fixings,
    geometric_continuous,
    geometric_discrete,
    levy,
    turnbull_wakeman,
    vecer,
)
from solver.pricing.exotics.flat import Flat
from solver.pricing.exotics.sampling import Effort
from tests.recorded import needs
from tests.solver.pricing.exotics.test_barrier import ROUNDED, TERMS, VECTORS, flat_of


@needs(VECTORS, "reference vectors")
def test_turnbull_and_wakeman_as_haug_prints_it():
    rows = json.loads(VECTORS.read_text())["asian_TW"]
    assert len(rows) == 10
    for row in rows:
        times = list(np.linspace(row["t1"], row["T"], row["fixings"]))
        assert turnbull_wakeman(flat_of(row), times) == pytest.approx(row["published"], abs=ROUNDED)


@needs(VECTORS, "reference vectors")
def test_levy_as_haug_prints_it():
    rows = json.loads(VECTORS.read_text())["asian_levy"]
    assert len(rows) == 19
    for row in rows:
        elapsed = row["elapsed_days"] / 360
        flat = flat_of(row | {"T": row["length_days"] / 360 - elapsed})
        assert levy(flat, elapsed, row["avg"]) == pytest.approx(row["published"], abs=ROUNDED)


@needs(VECTORS, "reference vectors")
def test_vecers_equation_has_six_digits():
    rows = json.loads(VECTORS.read_text())["asian_vecer"]
    assert len(rows) == 7
    for row in rows:
        assert vecer(flat_of(row)) == pytest.approx(row["published"], abs=1.5e-6)


@needs(VECTORS, "reference vectors")
def test_the_geometric_mean_of_fixings():
    (row,) = json.loads(VECTORS.read_text())["asian_geo"]
    times = [row["T"] * (which + 1) / row["fixings"] for which in range(row["fixings"])]
    assert geometric_discrete(flat_of(row), times) == pytest.approx(row["published"], abs=1e-10)


def test_the_geometric_mean_of_every_instant():
    found = geometric_continuous(Flat(False, 80, 85, 90 / 360, 0.05, -0.03, 0.2))
    assert found == pytest.approx(4.6922, abs=ROUNDED)
    many = geometric_discrete(TERMS, list(np.linspace(0.5 / 4000, 0.5, 4000)))
    assert geometric_continuous(TERMS) == pytest.approx(many, abs=2e-3)


@pytest.mark.parametrize("is_call", [True, False])
def test_every_instant_lies_between_two_moments_and_many_fixings(is_call):
    flat = TERMS._replace(is_call=is_call)
    middles = list((np.arange(100) + 0.5) * 0.005)
    many = sampled(fixings(flat, middles), Effort(2e-4, 2**13), seed=3)
    assert vecer(flat) == pytest.approx(many.value, abs=4 * many.error + 2e-3)
    assert levy(flat) == pytest.approx(vecer(flat), abs=0.02)


def test_without_drift_vecer_takes_the_limit():
    flat = TERMS._replace(dividend=TERMS.rate)
    near = flat._replace(dividend=flat.rate - 1e-6)
    assert vecer(flat) == pytest.approx(vecer(near), abs=1e-4)
    call, put = vecer(flat), vecer(flat._replace(is_call=False))
    forward = 100.0 * flat.discount
    assert call - put == pytest.approx(forward - 100 * flat.discount, abs=1e-9)


def test_a_mean_that_is_paid_already_is_linear():
    flat = TERMS._replace(years=0.1)
    rich = levy(flat, elapsed=0.4, average=150.0)
    assert rich == pytest.approx(flat.discount * (0.8 * 150 + 0.2 * 100.2 - 100), abs=0.01)
    assert levy(flat._replace(is_call=False), elapsed=0.4, average=150.0) == 0


@pytest.mark.parametrize("times", [[], [0.0, 0.5], [0.5, 0.4]])
def test_fixings_that_cannot_come_are_refused(times):
    with pytest.raises(Malformed):
        fixings(TERMS, times)


def test_levys_pole_is_refused():
    with pytest.raises(Malformed):
        levy(TERMS._replace(rate=0.0, dividend=TERMS.vol**2))
