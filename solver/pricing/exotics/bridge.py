"""Single barriers under a term structure of volatility, where the closed form does not reach.

Paths are seen at a few times only; between two of them a Brownian bridge of variance v crosses a
barrier at distances a and b with probability exp(-2 a b / v), so each path carries the weight of
its survival and no step is too long (Beaglehole, Dybvig, Zhou, "Going to extremes", Financial
Analysts Journal 53 (1997)). No rebate.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from solver.domain.errors import Malformed
from solver.pricing.exotics.sampling import Effort, Estimate, Floats, estimate, principal

MODEL = "barrierBridge"


class Watched(NamedTuple):
    """A barrier option and what it is priced by: forwards and total variances at each step, the
    last at expiry. Within a step volatility and carry are flat."""

    is_call: bool
    is_up: bool
    is_in: bool
    spot: float
    strike: float
    barrier: float
    discount: float
    forwards: tuple[float, ...]
    variances: tuple[float, ...]


def sampled(watched: Watched, effort: Effort, seed: int) -> Estimate:
    """Returns value and standard error by randomised quasi-Monte Carlo with bridge weights.
    Raises Malformed for a spot that is not on the living side of the barrier."""
    if (watched.spot >= watched.barrier) == watched.is_up:
        raise Malformed("the barrier is already touched", field="barrier")
    least = effort._replace(accuracy=effort.accuracy / watched.discount)
    found = estimate(_weighted(watched), len(watched.forwards), least, seed)
    return found._replace(
        value=watched.discount * found.value, error=watched.discount * found.error
    )


def _weighted(watched: Watched) -> Callable[[Floats], Floats]:
    """Returns the payoff by path, times the probability that it is owed."""
    variances = np.array(watched.variances)
    motion, level = principal(variances).T, math.log(watched.barrier)
    steps = np.diff(variances, prepend=0.0)
    shift = np.log(watched.forwards) - variances / 2
    side = -1.0 if watched.is_up else 1.0
    start = side * (math.log(watched.spot) - level)
    sign = 1.0 if watched.is_call else -1.0

    def weighted(normals: Floats) -> Floats:
        distance = normals @ motion
        distance += shift - level
        paid = np.maximum(sign * (np.exp(distance[:, -1] + level) - watched.strike), 0.0)
        distance *= side
        before = np.concatenate([np.full((len(distance), 1), start), distance[:, :-1]], axis=1)
        crossed = np.exp(-2 * np.maximum(before, 0.0) * np.maximum(distance, 0.0) / steps)
        survival = np.prod(1 - crossed, axis=1)  # a step that ends beyond the barrier weighs 0
        out: Floats = paid * (1 - survival if watched.is_in else survival)
        return out

    return weighted
