"""Sampled barriers: the closed form is met, in + out = plain, and steps do not matter."""

import math

import numpy as np
import pytest

from solver.domain.errors import Malformed
from solver.pricing.exotics.barrier import Barrier, barrier_price
from solver.pricing.exotics.bridge import Watched, sampled
from solver.pricing.exotics.flat import Flat, vanilla
from solver.pricing.exotics.sampling import Effort
from tests.solver.pricing.exotics.test_barrier import TERMS


def watched(flat: Flat, level: float, *, is_in: bool, steps: int) -> Watched:
    times = flat.years * np.arange(1, steps + 1) / steps
    return Watched(
        flat.is_call,
        level > flat.spot,
        is_in,
        flat.spot,
        flat.strike,
        level,
        flat.discount,
        tuple(flat.spot * np.exp(flat.carry * times)),
        tuple(flat.vol**2 * times),
    )


@pytest.mark.parametrize("level", [90.0, 95.0, 115.0])
@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("steps", [1, 6])
def test_the_closed_form_is_met(level, is_call, steps):
    flat = TERMS._replace(is_call=is_call)
    for is_in in (True, False):
        exact = barrier_price(flat, Barrier(level, level > 100, is_in))
        found = sampled(watched(flat, level, is_in=is_in, steps=steps), Effort(2e-3, 2**15), seed=1)
        assert abs(found.value - exact) <= 5 * found.error + 1e-9


def test_in_and_out_on_the_same_paths_make_the_plain_option():
    pair = [
        sampled(watched(TERMS, 95.0, is_in=is_in, steps=4), Effort(0.0, 2**14), seed=1)
        for is_in in (True, False)
    ]
    allowed = 4 * (pair[0].error + pair[1].error)
    assert abs(pair[0].value + pair[1].value - vanilla(TERMS)) <= allowed


def test_a_touched_barrier_is_refused():
    for level, is_up in ((101.0, False), (99.0, True), (100.0, True)):
        one = watched(TERMS, 95.0, is_in=False, steps=1)._replace(barrier=level, is_up=is_up)
        with pytest.raises(Malformed):
            sampled(one, Effort(0.1), seed=1)


def test_the_rest_of_the_term_structure_is_read():
    flat = watched(TERMS, 95.0, is_in=False, steps=2)
    early = flat._replace(variances=(0.8 * flat.variances[1], flat.variances[1]))
    found = sampled(early, Effort(1e-3, 2**16), seed=2)
    exact = barrier_price(TERMS, Barrier(95.0, is_up=False, is_in=False))
    assert math.isfinite(found.value)
    assert abs(found.value - exact) > 5 * found.error  # drift comes later than variance
