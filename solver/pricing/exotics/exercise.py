"""Options exercised early on what has no grid: one price from below and one from above.

Below: exercise where the payoff beats a regression of what waiting brings (F. Longstaff, E.
Schwartz, "Valuing American options by simulation", Review of Financial Studies 14 (2001)), fitted
on some paths and followed on others, so that nothing is foreseen. Above: for any martingale M that
begins at 0, E max(payoff - M) is no less than the option (C. Rogers, "Monte Carlo valuation of
American options", Mathematical Finance 12 (2002)). Here M is that of the fitted value, its means
one step ahead sampled without bias (L. Andersen, M. Broadie, "Primal-dual simulation algorithm for
pricing multidimensional American options", Management Science 50 (2004)).
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from solver.domain.errors import Malformed
from solver.pricing.black import prices
from solver.pricing.exotics.flat import Flat, require
from solver.pricing.exotics.sampling import RANDOMISATIONS, Floats, normals, principal

STRATA = 8  # one step ahead
ENDS = 1  # the column of the option that waits till the end
DATES_MAX, POINTS_MAX = 512, 2**18
FITTED, AHEAD = 1, 2  # added to the seed: what is fitted is not followed


class Early(NamedTuple):
    """Exercisable at `dates` evenly spaced times, the last at expiry: on the price then, or with
    `is_mean` on the mean of the prices at the dates so far."""

    flat: Flat
    dates: int
    is_mean: bool = False


class Bounds(NamedTuple):
    """The value lies between, up to the standard errors; settlement units."""

    lower: float
    lower_error: float
    upper: float
    upper_error: float


class _Paths(NamedTuple):
    """Prices and what is exercised on, paths x dates."""

    spot: Floats
    level: Floats


def early_bounds(early: Early, points: int, seed: int) -> Bounds:
    """Returns both bounds by `points` paths fitted and as many followed, over 16 randomisations.

    The same seed gives the same bounds. Raises Malformed.
    """
    require(early.flat)
    each = points // RANDOMISATIONS
    is_power = each >= 1 and each & (each - 1) == 0
    if not (is_power and points <= POINTS_MAX and 1 <= early.dates <= DATES_MAX):
        raise Malformed("paths are 16 times a power of two, dates a few", field="points")
    waiting = _fitted(early, _paths(early, each, seed + FITTED))
    paths = _paths(early, each, seed)
    dates = np.arange(1, early.dates + 1)
    gains = _payoff(early, paths.level) * _discount(early) ** dates
    # the martingale costs nothing on the mean: below it only takes the noise away
    gains -= _martingale(early, paths, waiting, np.random.default_rng((seed, AHEAD)))
    return Bounds(*_told(_followed(early, paths, waiting, gains)), *_told(gains.max(axis=1)))


def _paths(early: Early, each: int, seed: int) -> _Paths:
    flat, count = early.flat, early.dates
    times = flat.years * np.arange(1, count + 1) / count
    motion = normals(count, 0, each, seed).reshape(-1, count) @ principal(times).T
    drift = (flat.carry - flat.vol**2 / 2) * times
    spot = flat.spot * np.exp(drift + flat.vol * motion)
    level = spot.cumsum(axis=1) / np.arange(1, count + 1) if early.is_mean else spot
    return _Paths(spot, level)


def _fitted(early: Early, paths: _Paths) -> list[Floats]:
    """Returns the coefficients of what waiting is worth at every date but the last. What the option
    without early exercise wins on the way is taken off first: it is most of the noise."""
    step = _discount(early)
    cash = _payoff(early, paths.level[:, -1])
    ends = cash
    found: list[Floats] = []
    for date in reversed(range(early.dates - 1)):
        cash, ends = cash * step, ends * step
        spot, level = paths.spot[:, date], paths.level[:, date]
        basis = _basis(early, date, spot, level)
        still = basis[:, ENDS] * early.flat.strike
        fitted = np.asarray(np.linalg.lstsq(basis, cash - ends + still, rcond=None)[0], np.float64)
        found.append(fitted)
        now = _payoff(early, level)
        is_over = (now > 0) & (now > basis @ fitted)
        cash, ends = np.where(is_over, now, cash), np.where(is_over, still, ends)
    return found[::-1]


def _followed(early: Early, paths: _Paths, waiting: list[Floats], gains: Floats) -> Floats:
    """Returns what each path gains when it exercises as fitted."""
    out = gains[:, -1]
    for date in reversed(range(early.dates - 1)):
        spot, level = paths.spot[:, date], paths.level[:, date]
        now = _payoff(early, level)
        is_over = (now > 0) & (now > _basis(early, date, spot, level) @ waiting[date])
        out = np.where(is_over, gains[:, date], out)
    return out


def _martingale(
    early: Early, paths: _Paths, waiting: list[Floats], ahead: np.random.Generator
) -> Floats:
    """Returns what the fitted value wins on the way beyond its mean, discounted, paths x dates."""
    flat, step = early.flat, _discount(early)
    length, count = flat.years / early.dates, len(paths.spot)
    drift, deviation = (flat.carry - flat.vol**2 / 2) * length, flat.vol * math.sqrt(length)
    won = np.empty_like(paths.spot)
    spot, total = np.full((count, 1), flat.spot), np.zeros((count, 1))
    for date in range(early.dates):
        within = ahead.random((count, 1))  # and its mirror image, in each stratum
        strata = (np.arange(STRATA) + np.stack([within, 1 - within])) / STRATA
        shocks = ndtri(np.clip(np.concatenate([*strata], axis=1), 1e-16, 1 - 1e-16))
        moved = spot * np.exp(drift + deviation * shocks)
        level = (total + moved) / (date + 1) if early.is_mean else moved
        expected = _value(early, date, moved, level, waiting).mean(axis=1)
        spot = paths.spot[:, date, None]
        total = total + spot
        found = _value(early, date, spot, paths.level[:, date, None], waiting)[:, 0]
        won[:, date] = step ** (date + 1) * (found - expected)
    return won.cumsum(axis=1)


def _value(early: Early, date: int, spot: Floats, level: Floats, waiting: list[Floats]) -> Floats:
    """Returns the fitted value at a date: the payoff, or what waiting is worth if that is more."""
    now = _payoff(early, level)
    if date == early.dates - 1:
        return now
    basis = _basis(early, date, spot.ravel(), level.ravel())
    out: Floats = np.maximum(now, (basis @ waiting[date]).reshape(now.shape))
    return out


def _basis(early: Early, date: int, spot: Floats, level: Floats) -> Floats:
    """Returns polynomials of price and level in strikes, and the option that waits till the end."""
    flat = early.flat
    x, y = spot / flat.strike, level / flat.strike
    left = flat.years * (1 - (date + 1) / early.dates)
    share = (date + 1) / early.dates if early.is_mean else 0.0
    reached = share * level + (1 - share) * spot * math.exp(flat.carry * left)
    vol = flat.vol * ((1 - share) / math.sqrt(3) if early.is_mean else 1.0)
    ends = prices(reached, flat.strike, left, vol, flat.is_call) / flat.strike
    columns = [np.ones_like(x), ends, x, x * x, x**3, ends * ends]
    if early.is_mean:
        columns += [y, y * y, y**3, x * y, x * x * y, x * y * y]
    return np.stack(columns, axis=1)


def _payoff(early: Early, level: Floats) -> Floats:
    out: Floats = np.maximum(early.flat.sign * (level - early.flat.strike), 0.0)
    return out


def _discount(early: Early) -> float:
    return math.exp(-early.flat.rate * early.flat.years / early.dates)


def _told(values: Floats) -> tuple[float, float]:
    means = values.reshape(RANDOMISATIONS, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1)) / math.sqrt(RANDOMISATIONS)
