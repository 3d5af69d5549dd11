"""From quoted volatilities to a surface that has no arbitrage, however bad the quotes are.

All tenors are fitted together over parameters in a box, of which every point is free of arbitrage
(A. Mingone, "No arbitrage global parametrization for the eSSVI volatility surface", Quantitative
Finance 22 (2022)): theta_i = p_i theta_(i-1) + rise_i, psi_i a share of what its neighbours leave.
Then each tenor is bent as raw SVI (`refine`). Missing quotes are simply not there; wide ones weigh
little.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from solver.domain.calendar import DAY, YEAR
from solver.domain.errors import Infeasible
from solver.domain.numbers import PPM
from solver.domain.surface import PPB, Knot, Surface
from solver.pricing.surface import (
    at_the_money_ppm,
    calendar_min,
    density_min,
    slice_at,
    violations,
)
from solver.pricing.surface.refine import Marks, bent

QUOTES_MIN = 4  # of a tenor: it has three parameters of its own
HALF_SPREAD_MIN = 0.003  # volatility: a tighter quote weighs no more
RHO_MAX, SHARE_MIN = 0.97, 0.002
VOL_MIN, VOL_MAX = 0.02, 8.0  # of a tenor's own forward volatility
AGED = 0.05  # about a day's move of the at-the-money volatility, as a share of it
STEPS_MAX = 100
TOLERANCE = 1e-5
EDGE = 1 - 1e-5  # kept off the bounds, so that rounding to integers cannot cross them

Array = NDArray[np.float64]


class VolQuote(NamedTuple):
    """One option's middle volatility, half the spread between bid and ask in the same unit, and
    where it stands: seconds to expiry, ln(strike / forward)."""

    seconds: int
    log_moneyness: float
    vol: float
    half_spread: float


class Slices(NamedTuple):
    """Parameters of every tenor."""

    theta: Array
    psi: Array
    rho: Array


def fit(quotes: Sequence[VolQuote], carries: Mapping[int, float], time: int = 0) -> Surface:
    """Returns the surface nearest to the quotes; `carries` is forward / price - 1 by tenor.

    Tenors of fewer than four quotes are left out. Deterministic. Raises Infeasible when no tenor is
    left, or if what was found had arbitrage: it is never returned.
    """
    tenors, rows = _usable(quotes)
    if not tenors:
        raise Infeasible("too few quotes for a surface", code="surfaceQuotes")
    index = np.array([tenors.index(quote.seconds) for quote in rows])
    k = np.array([quote.log_moneyness for quote in rows])
    vols = np.array([quote.vol for quote in rows])
    spreads = np.array([max(quote.half_spread, HALF_SPREAD_MIN) for quote in rows])
    years = np.array(tenors)[index] / YEAR
    steps = np.diff(np.array([0, *tenors])) / YEAR

    def misses(x: Array) -> Array:
        found = _slices(x, steps)
        theta, psi, tilt = found.theta[index], found.psi[index], (found.rho * found.psi)[index]
        root = np.sqrt(np.maximum(psi * psi * k * k + 2 * tilt * theta * k + theta * theta, 0))
        model = np.sqrt(0.5 * (theta + tilt * k + root) / years)
        out: Array = (model - vols) / spreads
        return out

    start, low, high = _box(tenors, rows)
    solved = least_squares(
        misses,
        start,
        bounds=(low, high),
        loss="soft_l1",
        x_scale="jac",
        tr_solver="lsmr",  # no dense factorisation: its threads spin where cores are busy
        max_nfev=STEPS_MAX,
        ftol=TOLERANCE,
    )
    surface = Surface(_knots(tenors, _slices(solved.x, steps), carries), time)
    if not violations(surface):
        marks = [
            Marks(s / YEAR, *(c[index == i] for c in (k, vols, spreads)))
            for i, s in enumerate(tenors)
        ]
        surface = bent(surface, marks)
    if violations(surface) or density_min(surface) < 0 or calendar_min(surface) < 0:
        raise Infeasible("the fitted surface has arbitrage", code="surfaceArbitrage")
    return surface


def fit_or_keep(
    quotes: Sequence[VolQuote], carries: Mapping[int, float], time: int, last: Surface
) -> Surface:
    """Returns the fitted surface or, where none can be, `last`, the last one fitted, `aged` to
    `time` (unix seconds). Raises Infeasible where there is no last one either."""
    try:
        return fit(quotes, carries, time)
    except Infeasible:
        if not last.knots:
            raise
        return aged(last, time)


def aged(surface: Surface, time: int) -> Surface:
    """Returns the surface with its errors grown by AGED of its volatility for each square root of a
    day since it was fitted: who quotes or margins by its errors trusts it less. Its `time` stays.
    """
    days = max(time - surface.time, 0) / DAY
    typical = median(at_the_money_ppm(surface, knot.seconds) for knot in surface.knots)
    more = math.ceil(AGED * typical * math.sqrt(days))
    return surface._replace(rms_ppm=surface.rms_ppm + more, worst_ppm=surface.worst_ppm + more)


def with_errors(surface: Surface, quotes: Sequence[VolQuote]) -> Surface:
    """Returns the surface with how far it is from quotes: root mean square and worst."""
    off = [abs(_vol(surface, quote) - quote.vol) for quote in quotes]
    if not off:
        return surface
    rms = math.sqrt(sum(each * each for each in off) / len(off))
    return surface._replace(rms_ppm=round(rms * PPM), worst_ppm=round(max(off) * PPM))


def _vol(surface: Surface, quote: VolQuote) -> float:
    variance = slice_at(surface, quote.seconds).variance(quote.log_moneyness)
    return math.sqrt(variance * YEAR / quote.seconds)


def _usable(quotes: Sequence[VolQuote]) -> tuple[list[int], list[VolQuote]]:
    """Returns the tenors with enough quotes and their quotes, in an order of their own."""
    good = sorted(q for q in quotes if q.seconds > 0 and 0 < q.vol < VOL_MAX and q.half_spread >= 0)
    counts = {q.seconds: 0 for q in good}
    for quote in good:
        counts[quote.seconds] += 1
    tenors = [seconds for seconds, count in sorted(counts.items()) if count >= QUOTES_MIN]
    return tenors, [quote for quote in good if quote.seconds in set(tenors)]


def _box(tenors: Sequence[int], rows: Sequence[VolQuote]) -> tuple[Array, Array, Array]:
    """Returns start, lowest and highest (rho, forward volatility, share) of every tenor in turn."""
    start, before, at = [], 0.0, 0
    for seconds in tenors:
        near = sorted((q for q in rows if q.seconds == seconds), key=lambda q: abs(q.log_moneyness))
        variance = median(q.vol for q in near[:QUOTES_MIN]) ** 2 * seconds / YEAR
        forward = math.sqrt(max(variance - before, 0.1 * variance) * YEAR / (seconds - at))
        start += [-0.1, min(max(forward, 2 * VOL_MIN), VOL_MAX / 2), 0.5]
        before, at = variance, seconds
    low = [-RHO_MAX, VOL_MIN, SHARE_MIN] * len(tenors)
    high = [RHO_MAX, VOL_MAX, 1 - SHARE_MIN] * len(tenors)
    return np.array(start), np.array(low), np.array(high)


def _slices(x: Array, steps: Array) -> Slices:
    """Returns the slices of a point of the box: butterflies by Gatheral-Jacquier 4.2, calendars by
    Hendriks-Martini 3.5, each tenor leaving room for those after it."""
    rho, forward, share = x[0::3], x[1::3], x[2::3]
    count = len(rho)
    ratio = np.ones(count)  # p_i: how much psi must rise for both wings to rise
    ratio[1:] = np.maximum((1 + rho[:-1]) / (1 + rho[1:]), (1 - rho[:-1]) / (1 - rho[1:])) / EDGE
    theta, psi, room = np.empty(count), np.empty(count), np.empty(count)
    rises, below = forward * forward * steps, 0.0
    for i in range(count):
        theta[i] = below = ratio[i] * below + rises[i]
    wide = 1 + np.abs(rho)
    widest = EDGE * np.minimum(4 / wide, 2 * np.sqrt(theta / wide))
    later = math.inf
    for i in range(count - 1, -1, -1):
        room[i] = later = min(widest[i], later / ratio[i + 1] if i + 1 < count else math.inf)
    for i in range(count):
        least = psi[i - 1] * ratio[i] if i else 0.0
        most = min(room[i], EDGE * psi[i - 1] * theta[i] / theta[i - 1]) if i else room[i]
        psi[i] = least + share[i] * max(most - least, 0.0)
    return Slices(theta, psi, rho)


def _knots(tenors: Sequence[int], found: Slices, carries: Mapping[int, float]) -> tuple[Knot, ...]:
    return tuple(
        Knot(
            seconds,
            round(found.theta[i] * PPB),
            round(found.psi[i] * PPB),
            round(found.rho[i] * PPM),
            round(carries.get(seconds, 0.0) * PPB),
        )
        for i, seconds in enumerate(tenors)
    )
