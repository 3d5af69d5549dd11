"""Reads a surface: slices at any tenor, implied volatility at any strike, and what has arbitrage.

Between knots total variance is linear in time at each moneyness: calendars stay free where the
knots' are (J. Gatheral, A. Jacquier, Quantitative Finance 14 (2014), lemma 2.1).
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

from solver.domain.calendar import YEAR
from solver.domain.numbers import PPM
from solver.domain.surface import PPB, Knot, Surface
from solver.pricing.surface.grid import densities, grid_of, variances
from solver.pricing.surface.smile import NOTHING, Slice, Smile, density, of_knot

__all__ = [
    "Slice", "Smile", "at_the_money_ppm", "calendar_min", "density", "density_min",
    "implied_volatility", "slice_at", "violations", "volatility",
]  # fmt: skip

VOL_GRID = 1e9  # volatility leaves on steps of 1e-9: whoever computes it again finds the same


def slice_at(surface: Surface, seconds: int) -> Slice:
    """Returns the slice of a tenor of at least one second; a surface without knots has no vol."""
    knots = surface.knots
    if not knots:
        return Slice(NOTHING, NOTHING, 0.0, 0.0, 0.0)
    seconds = max(seconds, 1)
    last = knots[-1]
    if seconds >= last.seconds:
        smile, longer = of_knot(last), seconds / last.seconds
        above = (longer - 1) * smile.variance(0.0)
        return Slice(NOTHING, smile, 1.0, above, last.carry_ppb / PPB * longer)
    index = bisect_right(knots, seconds, key=_tenor)
    early, later = knots[index - 1] if index else Knot(0, 0, 0, 0), knots[index]
    share = (seconds - early.seconds) / (later.seconds - early.seconds)
    carry = early.carry_ppb / PPB + share * (later.carry_ppb - early.carry_ppb) / PPB
    return Slice(of_knot(early), of_knot(later), share, 0.0, carry)


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
    """Returns what of a surface has arbitrage: of eSSVI in exact integers by sufficient conditions,
    of smiles lifted or moved on a dense grid, up to twenty times the forward and a twentieth.

    Butterfly: psi (1 + |rho|) <= 4 and psi^2 (1 + |rho|) <= 4 theta (Gatheral-Jacquier 4.2).
    Calendar: psi rises at least as rho moves, psi / theta does not rise (Hendriks-Martini 3.5).
    """
    bad = [told for knot in surface.knots for told in _butterfly(knot)]
    bad += [told for early, late in pairwise(surface.knots) for told in _calendar(early, late)]
    return tuple(bad)


def density_min(surface: Surface) -> float:
    """Returns the least g(k) over a grid of every knot, of tenors between them and beyond."""
    return min(
        (float(densities(found, grid_of(found)).min()) for found in _slices(surface)), default=1.0
    )


def calendar_min(surface: Surface) -> float:
    """Returns the least rise of total variance to the next tenor at equal moneyness, over a grid,
    as a share of the variance."""
    rises = (
        float((variances(late, k) / variances(early, k)).min()) - 1
        for early, late in pairwise(_slices(surface))
        for k in (grid_of(late),)
    )
    return min(rises, default=0.0)


def _tenor(knot: Knot) -> int:
    return knot.seconds


def _butterfly(knot: Knot) -> Iterator[str]:
    widened = knot.psi_ppb * (PPM + abs(knot.rho_ppm))  # 1e15
    if knot.theta_ppb <= 0 or knot.psi_ppb < 0 or abs(knot.rho_ppm) >= PPM:
        yield f"{knot.seconds} s: theta, psi or rho is out of range"
    elif widened > 4 * PPB * PPM or _is_dear(knot, widened):
        yield f"{knot.seconds} s: butterfly"


def _is_dear(knot: Knot, widened: int) -> bool:
    if _is_plain(knot):
        return knot.psi_ppb * widened > 4 * knot.theta_ppb * PPB * PPM
    found = slice_at(Surface((knot,)), knot.seconds)
    k = grid_of(found)
    return bool(variances(found, k).min() <= 0 or densities(found, k).min() < 0)


def _is_plain(knot: Knot) -> bool:
    return knot.base_ppb == knot.shift_ppb == 0


def _calendar(early: Knot, late: Knot) -> Iterator[str]:
    is_plain = _is_plain(early) and _is_plain(late)
    if early.seconds >= late.seconds or (is_plain and early.theta_ppb > late.theta_ppb):
        yield f"{late.seconds} s: tenor and variance do not rise"
    for sign in (1, -1):
        first, then = PPM + sign * early.rho_ppm, PPM + sign * late.rho_ppm
        if is_plain and late.psi_ppb * then < early.psi_ppb * first:
            yield f"{late.seconds} s: calendar, a wing falls"
    if is_plain and late.psi_ppb * early.theta_ppb > early.psi_ppb * late.theta_ppb:
        yield f"{late.seconds} s: calendar, steepness rises"
    if not is_plain and calendar_min(Surface((early, late))) < 0:
        yield f"{late.seconds} s: calendar, the smiles cross"


def _slices(surface: Surface) -> list[Slice]:
    tenors = [knot.seconds for knot in surface.knots]
    if not tenors:
        return []
    middles = [(early + late) // 2 for early, late in pairwise(tenors)]
    outside = [max(tenors[0] // 10, 1), max(tenors[0] // 2, 1), tenors[-1] * 2]
    return [slice_at(surface, seconds) for seconds in sorted({*tenors, *middles, *outside})]
