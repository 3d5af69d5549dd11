"""Smiles on grids of moneyness, in arrays: what arbitrage is looked for on.

The grid is dense over five at-the-money deviations either way, and goes on to where nothing is
quoted any more.
"""

import math

import numpy as np
from numpy.typing import NDArray

from solver.pricing.surface.smile import Slice, Smile

DEVIATIONS, STEPS = 5, 100  # log-moneyness looked at closely, in at-the-money deviations
FAR, FAR_STEPS = 3.0, 60  # and the rest of it, in log-moneyness

Floats = NDArray[np.float64]


def grid_of(found: Slice) -> Floats:
    """Returns the moneyness that a slice is looked at on."""
    near = DEVIATIONS * math.sqrt(max(found.theta, 0.0))
    far = np.linspace(near, max(FAR, 2 * near), FAR_STEPS + 1)[1:]
    return np.concatenate([-far[::-1], np.linspace(-near, near, 2 * STEPS + 1), far])


def curve(smile: Smile, k: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns total variance and its first two derivatives."""
    base, theta, psi, tilt, shift = smile
    j = k - shift
    inner = psi * psi * j * j + 2 * tilt * theta * j + theta * theta
    root = np.sqrt(np.maximum(inner, 0.0))
    safe = np.where(root > 0, root, np.inf)
    bend = 0.5 * theta * theta * (psi * psi - tilt * tilt)
    slope = 0.5 * (tilt + (psi * psi * j + tilt * theta) / safe)
    return base + 0.5 * (theta + tilt * j + root), slope, bend / safe**3


def variances(found: Slice, k: Floats) -> Floats:
    """Returns `Slice.variance` of each."""
    return _mixed(found, k)[0]


def densities(found: Slice, k: Floats) -> Floats:
    """Returns `Slice.density` of each."""
    return density(*_mixed(found, k), k)


def density(variance: Floats, slope: Floats, bend: Floats, k: Floats) -> Floats:
    """Returns `smile.density` of each."""
    leaning = 1 - k * slope / (2 * variance)
    out: Floats = leaning * leaning - slope * slope / 4 * (1 / variance + 0.25) + bend / 2
    return out


def _mixed(found: Slice, k: Floats) -> tuple[Floats, Floats, Floats]:
    early, late = curve(found.early, k), curve(found.late, k)
    rest = 1 - found.share
    variance, slope, bend = (
        rest * one + found.share * other for one, other in zip(early, late, strict=True)
    )
    return variance + found.level, slope, bend
