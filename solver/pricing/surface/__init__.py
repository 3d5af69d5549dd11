"""Reads a surface: slices at any tenor, implied volatility at any strike, and what has arbitrage.

Linear interpolation of theta, psi and rho psi keeps a surface free of arbitrage between knots that
are (J. Corbetta, P. Cohort, I. Laachir, C. Martini, "Robust calibration and arbitrage-free
interpolation of SSVI slices", Decisions in Economics and Finance 42 (2019)).
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from solver.domain.calendar import YEAR
from solver.domain.numbers import PPM
from solver.domain.surface import PPB, Knot, Surface

VOL_GRID = 1e9  # volatility leaves on steps of 1e-9: whoever computes it again finds the same
GRID_DEVIATIONS, GRID_STEPS = 5, 100  # log-moneyness looked at, in at-the-money deviations


class Slice(NamedTuple):
    """Floats of one tenor: theta, psi, rho psi, carry."""

    theta: float
    psi: float
    tilt: float
    carry: float

    def variance(self, k: float) -> float:
        """Returns total implied variance at log-moneyness ln(K / F)."""
        return 0.5 * (self.theta + self.tilt * k + self._root(k))

    def density(self, k: float) -> float:
        """Returns Durrleman's g(k): negative where a butterfly would cost less than nothing."""
        root = self._root(k)
        rise = self.psi * self.psi * k + self.tilt * self.theta
        slope = 0.5 * (self.tilt + rise / root)
        bend = 0.5 * self.theta * self.theta * (self.psi * self.psi - self.tilt * self.tilt)
        return density(k, self.variance(k), slope, bend / root**3)

    def present(self, strike: float) -> float:
        """Returns the strike times price / forward: Black-76 on the price with this strike is the
        discounted Black-76 on the forward, and its delta and gamma are those of the price."""
        return strike / (1 + self.carry)

    def _root(self, k: float) -> float:
        cross = 2 * self.tilt * self.theta * k
        return math.sqrt(max(self.psi * self.psi * k * k + cross + self.theta * self.theta, 0.0))


def density(k: float, variance: float, slope: float, curvature: float) -> float:
    """Returns g(k) of a smile of total variance and its two derivatives (Gatheral-Jacquier 2.1)."""
    leaning = 1 - k * slope / (2 * variance)
    return leaning * leaning - slope * slope / 4 * (1 / variance + 0.25) + curvature / 2


def slice_at(surface: Surface, seconds: int) -> Slice:
    """Returns the slice of a tenor of at least one second; a surface without knots has no vol."""
    knots = surface.knots
    if not knots:
        return Slice(0.0, 0.0, 0.0, 0.0)
    seconds = max(seconds, 1)
    last = knots[-1]
    if seconds >= last.seconds:
        theta, psi, tilt, carry = _slice(last)
        longer = seconds / last.seconds
        return Slice(theta * longer, psi, tilt, carry * longer)
    index = bisect_right(knots, seconds, key=_tenor)
    below, above = knots[index - 1] if index else Knot(0, 0, 0, 0), knots[index]
    share = (seconds - below.seconds) / (above.seconds - below.seconds)
    pairs = zip(_slice(below), _slice(above), strict=True)
    return Slice(*(low + share * (high - low) for low, high in pairs))


def implied_volatility(surface: Surface, strike: float, price: float, seconds: int) -> float:
    """Returns annual volatility at a strike while the underlying is at `price`, on a grid of 1e-9.

    Strike and price are in settlement units; without one of them the at-the-money volatility.
    """
    return volatility(slice_at(surface, seconds), strike, price, seconds)


def volatility(found: Slice, strike: float, price: float, seconds: int) -> float:
    """Returns `implied_volatility` of the slice at `seconds`."""
    k = 0.0
    if price > 0 and strike > 0:
        k = math.log(strike / (price * (1 + found.carry)))
    vol = math.sqrt(found.variance(k) * YEAR / max(seconds, 1))
    return round(vol * VOL_GRID) / VOL_GRID


def at_the_money_ppm(surface: Surface, seconds: int) -> int:
    """Returns the volatility of a strike at the forward, ppm."""
    theta = slice_at(surface, seconds).theta
    return round(math.sqrt(theta * YEAR / max(seconds, 1)) * PPM)


def violations(surface: Surface) -> tuple[str, ...]:
    """Returns which sufficient conditions against arbitrage fail, in exact integers.

    Butterfly: psi (1 + |rho|) <= 4 and psi^2 (1 + |rho|) <= 4 theta (Gatheral-Jacquier 4.2).
    Calendar: psi rises at least as rho moves, psi / theta does not rise (Hendriks-Martini 3.5).
    """
    bad = [told for knot in surface.knots for told in _butterfly(knot)]
    bad += [told for early, late in pairwise(surface.knots) for told in _calendar(early, late)]
    return tuple(bad)


def density_min(surface: Surface) -> float:
    """Returns the least g(k) over a grid of every knot, of tenors between them and beyond."""
    return min((s.density(k) for s in _slices(surface) for k in _moneyness(s)), default=1.0)


def calendar_min(surface: Surface) -> float:
    """Returns the least rise of total variance to the next tenor at equal moneyness, over a grid,
    as a share of the variance."""
    return min(
        (
            late.variance(k) / early.variance(k) - 1
            for early, late in pairwise(_slices(surface))
            for k in _moneyness(late)
        ),
        default=0.0,
    )


def _tenor(knot: Knot) -> int:
    return knot.seconds


def _slice(knot: Knot) -> Slice:
    psi = knot.psi_ppb / PPB
    return Slice(knot.theta_ppb / PPB, psi, knot.rho_ppm / PPM * psi, knot.carry_ppb / PPB)


def _butterfly(knot: Knot) -> Iterator[str]:
    widened = knot.psi_ppb * (PPM + abs(knot.rho_ppm))  # 1e15
    if knot.theta_ppb <= 0 or knot.psi_ppb < 0 or abs(knot.rho_ppm) >= PPM:
        yield f"{knot.seconds} s: theta, psi or rho is out of range"
    elif widened > 4 * PPB * PPM or knot.psi_ppb * widened > 4 * knot.theta_ppb * PPB * PPM:
        yield f"{knot.seconds} s: butterfly"


def _calendar(early: Knot, late: Knot) -> Iterator[str]:
    if early.seconds >= late.seconds or early.theta_ppb > late.theta_ppb:
        yield f"{late.seconds} s: tenor and variance do not rise"
    for sign in (1, -1):
        first, then = PPM + sign * early.rho_ppm, PPM + sign * late.rho_ppm
        if late.psi_ppb * then < early.psi_ppb * first:
            yield f"{late.seconds} s: calendar, a wing falls"
    if late.psi_ppb * early.theta_ppb > early.psi_ppb * late.theta_ppb:
        yield f"{late.seconds} s: calendar, steepness rises"


def _slices(surface: Surface) -> list[Slice]:
    tenors = [knot.seconds for knot in surface.knots]
    if not tenors:
        return []
    middles = [(early + late) // 2 for early, late in pairwise(tenors)]
    outside = [max(tenors[0] // 10, 1), max(tenors[0] // 2, 1), tenors[-1] * 2]
    return [slice_at(surface, seconds) for seconds in sorted({*tenors, *middles, *outside})]


def _moneyness(found: Slice) -> list[float]:
    step = GRID_DEVIATIONS * math.sqrt(found.theta) / GRID_STEPS
    return [step * count for count in range(-GRID_STEPS, GRID_STEPS + 1)]
