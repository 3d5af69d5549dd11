"""The sampler: its error is honest, its work is bounded, its points are the seed's."""

import math

import numpy as np
import pytest

from solver.pricing.exotics import sampling
from solver.pricing.exotics.sampling import (
    POINTS_MAX,
    RANDOMISATIONS,
    Effort,
    accuracy,
    estimate,
    normals,
    principal,
)

DEVIATION = 0.5
EXACT = math.exp(DEVIATION**2 / 2)


def lognormal(points):
    return np.exp(DEVIATION * points.sum(axis=1) / math.sqrt(points.shape[1]))


@pytest.mark.parametrize("dimension", [1, 7, 20])
def test_the_error_covers_the_truth(dimension):
    misses = [
        abs(found.value - EXACT) / found.error
        for found in (estimate(lognormal, dimension, Effort(1.0), seed) for seed in range(12))
    ]
    assert max(misses) <= 5  # Student, 15 degrees of freedom
    assert sum(miss <= 2.2 for miss in misses) >= 8


def test_it_stops_at_the_accuracy_or_at_the_cap_and_draws_no_point_twice():
    first = estimate(lognormal, 3, Effort(1.0), seed=1)
    assert first.points == RANDOMISATIONS * 256
    finer = estimate(lognormal, 3, Effort(first.error / 10), seed=1)
    assert finer.error <= first.error / 10
    capped = estimate(lognormal, 3, Effort(0.0, 10_000), seed=1)
    assert capped.points == 8192
    joined = np.concatenate([normals(3, 0, 256, 1), normals(3, 256, 256, 1)], axis=1)
    assert capped.value == pytest.approx(lognormal(joined.reshape(-1, 3)).mean(), rel=1e-12)
    assert POINTS_MAX % RANDOMISATIONS == 0


def test_a_small_cap_is_kept():
    assert estimate(lognormal, 2, Effort(0.0, 100), seed=1).points == 64


def test_large_blocks_are_drawn_in_parts_that_join(monkeypatch):
    monkeypatch.setattr(sampling, "CELLS_MAX", 2**12)
    dimension, count = 12, 1024  # more cells than are held at once
    whole = np.concatenate([normals(dimension, start, 256, 9) for start in range(0, count, 256)], 1)
    found = estimate(lognormal, dimension, Effort(0.0, RANDOMISATIONS * count), seed=9)
    expected = lognormal(whole.reshape(-1, dimension)).mean()
    assert found.value == pytest.approx(expected, rel=1e-12)


def test_principal_directions_make_a_brownian_motion():
    variances = np.array([0.1, 0.15, 0.4, 0.9])
    motion = principal(variances)
    assert motion @ motion.T == pytest.approx(np.minimum.outer(variances, variances))
    lengths = (motion**2).sum(axis=0)
    assert list(lengths) == sorted(lengths, reverse=True)
    assert (motion[0] >= 0).all()


def test_the_accuracy_is_that_of_the_notional_or_of_the_spread():
    assert accuracy(4000) == pytest.approx(0.4)
    assert accuracy(4000, spread=20) == 1.0
