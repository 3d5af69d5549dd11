"""Bends each tenor of a fitted surface nearer to its quotes, with the two letters eSSVI lacks.

A tenor's five raw SVI parameters are free as long as no butterfly on it is free, and it stays above
the tenor before and below the one after: so the surface it began from always is an answer, and
every tenor can only come nearer to its quotes. A tenor that fails the dense grid in the integers it
is written in goes back towards where it was.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from solver.domain.numbers import PPM
from solver.domain.surface import PPB, Knot, Surface
from solver.pricing.surface import calendar_min, density_min, violations
from solver.pricing.surface.grid import DEVIATIONS, FAR, Floats, curve, density
from solver.pricing.surface.smile import Smile, of_knot

SWEEPS = 2  # the second, with both neighbours bent
STEPS_MAX = 15
TOLERANCE = 1e-4
SOFT = 1.0  # half-spreads beyond which a miss counts by its size, no more by its square
DENSITY_MARGIN, RISE_MARGIN = 0.01, 1e-3  # kept from the bounds between points of the grid
FINE = 300.0  # half-spreads that a whole unit outside the bounds costs
BACK = (1.0, 0.7, 0.4, 0.15)  # how much of a bend is kept, until it is lawful
QUOTES_MIN = 6  # of a tenor: it has five parameters


class Marks(NamedTuple):
    """One tenor's quotes in arrays: log-moneyness, volatility, what a miss is measured in."""

    years: float
    k: Floats
    vol: Floats
    spread: Floats


def bent(surface: Surface, marks: Sequence[Marks]) -> Surface:
    """Returns the surface with every tenor as near to its marks as the law allows; it has no
    arbitrage if the given one has none. `marks` are in the order of the knots."""
    knots = list(surface.knots)
    for _ in range(SWEEPS):
        for i, quotes in enumerate(marks):
            if len(quotes.k) >= QUOTES_MIN:
                knots[i] = _bent(knots, i, quotes)
    return surface._replace(knots=tuple(knots))


def _bent(knots: Sequence[Knot], i: int, quotes: Marks) -> Knot:
    was = knots[i]
    before = of_knot(knots[i - 1]) if i else None
    after = of_knot(knots[i + 1]) if i + 1 < len(knots) else None
    start = _letters(of_knot(was))
    k = _coarse(of_knot(was))
    low_curve = curve(before, k)[0] if before else None
    high_curve = curve(after, k)[0] if after else None

    def misses(x: Floats) -> Floats:
        smile = _smile(x)
        model = np.sqrt(np.maximum(curve(smile, quotes.k)[0], 1e-12) / quotes.years)
        off = (model - quotes.vol) / quotes.spread
        soft = np.sign(off) * np.sqrt(2 * SOFT * (np.sqrt(SOFT * SOFT + off * off) - SOFT))
        variance, slope, bend = curve(smile, k)
        safe = np.maximum(variance, 1e-9)
        fines = [np.minimum(density(safe, slope, bend, k) - DENSITY_MARGIN, 0.0)]
        fines.append(np.minimum(variance / safe - 1 + 1e-9, 0.0))
        if low_curve is not None:
            fines.append(np.minimum(variance / low_curve - 1 - RISE_MARGIN, 0.0))
        if high_curve is not None:
            fines.append(np.minimum(high_curve / safe - 1 - RISE_MARGIN, 0.0))
        wings = 4.0 - np.array([smile.psi - smile.tilt, smile.psi + smile.tilt])  # Lee's bound
        fines.append(np.minimum(wings, 0.0))
        return np.concatenate([soft, *(FINE * fine for fine in fines)])

    solved = least_squares(
        misses, start, x_scale="jac", tr_solver="exact", max_nfev=STEPS_MAX, ftol=TOLERANCE
    )
    for share in BACK:
        knot = _knot(was, _smile(start + share * (solved.x - start)))
        if _is_better(knot, was, quotes) and _is_lawful(knots, i, knot):
            return knot
    return was


def _letters(smile: Smile) -> Floats:
    """Returns what is searched over: logs of theta and psi, atanh of rho, base, shift."""
    rho = smile.tilt / smile.psi if smile.psi else 0.0
    logs = np.log([max(smile.theta, 1e-9), max(smile.psi, 1e-9)])
    return np.array([*logs, np.arctanh(rho), smile.base, smile.shift])


def _smile(x: Floats) -> Smile:
    theta, psi = (float(each) for each in np.exp(np.clip(x[:2], -20, 2)))
    rho = float(np.tanh(x[2]))
    return Smile(float(x[3]), theta, psi, rho * psi, float(x[4]))


def _coarse(smile: Smile) -> Floats:
    """Returns the moneyness at which the bounds are felt: most of it near the money."""
    near = DEVIATIONS * np.sqrt(max(smile.variance(0.0), 1e-9))
    side = [np.geomspace(near / 20, near, 16), np.geomspace(near, max(FAR, 2 * near), 9)[1:]]
    half = np.concatenate(side)
    return np.concatenate([-half[::-1], [0.0], half])


def _knot(was: Knot, smile: Smile) -> Knot:
    return was._replace(
        theta_ppb=round(smile.theta * PPB),
        psi_ppb=round(smile.psi * PPB),
        rho_ppm=round(smile.tilt / smile.psi * PPM),
        base_ppb=round(smile.base * PPB),
        shift_ppb=round(smile.shift * PPB),
    )


def _is_better(knot: Knot, was: Knot, quotes: Marks) -> bool:
    return _cost(knot, quotes) < _cost(was, quotes)


def _cost(knot: Knot, quotes: Marks) -> float:
    variance = np.maximum(curve(of_knot(knot), quotes.k)[0], 0.0)
    off = (np.sqrt(variance / quotes.years) - quotes.vol) / quotes.spread
    return float(np.sqrt(SOFT * SOFT + off * off).sum())


def _is_lawful(knots: Sequence[Knot], i: int, knot: Knot) -> bool:
    near = Surface((*knots[max(i - 1, 0) : i], knot, *knots[i + 1 : i + 2]))
    return not violations(near) and density_min(near) > 0 and calendar_min(near) >= 0
