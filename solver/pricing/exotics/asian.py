"""Options on the mean of fixings: what the chain settles, sampled, and its greeks.

The mean of lognormal prices has no closed form. The sampled price takes the same payoff on their
geometric mean as control, whose value is exact (A. Kemna, T. Vorst, "A pricing method for options
based on average asset values", J. Banking & Finance 14 (1990)). Greeks and shocked values come
from the lognormal with the mean's first two moments (S. Turnbull, L. Wakeman, "A quick algorithm
for pricing European average options", J. Financial and Quantitative Analysis 26 (1991)).

Every fixing has the surface's total variance at one moneyness, that of the strike against the mean
forward: without calendar arbitrage it rises in time, so it is the clock of one Brownian motion.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from solver.domain.calendar import YEAR
from solver.domain.instrument import FIXINGS, Instrument, Kind, fixing_times
from solver.domain.numbers import WAD
from solver.domain.risk import Fixing
from solver.domain.surface import Surface
from solver.pricing.black import Greeks, price_and_greeks
from solver.pricing.exotics.sampling import Effort, Estimate, Floats, accuracy, estimate, principal
from solver.pricing.surface import slice_at, volatility

MODEL = "asianArithmetic"
SEED = 20_260_101  # of marks: one set of points a count of open fixings, so prices move smoothly
VARIANCE_MIN = 1e-18  # of the mean: below, it is its forward
FORWARD_MIN = 1e-24  # below: the price is zero, in 1e18 and here


class Average(NamedTuple):
    """What is open of max(+-(mean - K), 0): worth discount x weight x E max(+-(mean of the open
    fixings - strike), 0). `strike` is below zero when what is fixed pays already; times in years.
    """

    is_call: bool
    strike: float
    weight: float
    discount: float
    forwards: tuple[float, ...]
    variances: tuple[float, ...]
    years: tuple[float, ...]

    @property
    def forward(self) -> float:
        """The mean forward of the open fixings."""
        return sum(self.forwards) / len(self.forwards)

    @property
    def scale(self) -> float:
        """Units of the present value of one unit of the mean of the open fixings."""
        return self.discount * self.weight


def asian_mark(
    instrument: Instrument, surface: Surface, price: int, time: int, fixing: Fixing
) -> Estimate:
    """Returns value and standard error, settlement units, of one Asian option that has an open
    fixing: `price` 1e18, `time` unix seconds. The same inputs give the same bits."""
    return _marked(average_of(instrument, surface, price, time, fixing))


def asian_greeks(
    instrument: Instrument, surface: Surface, price: int, time: int, fixing: Fixing
) -> Greeks:
    """Returns the sampled price with the greeks of the moment match, per unit of the underlying."""
    average = average_of(instrument, surface, price, time, fixing)
    return _greeks(average, price / WAD)._replace(price=_marked(average).value)


def asian_value(
    instrument: Instrument, surface: Surface, price: int, time: int, fixing: Fixing, *, base: int
) -> float:
    """Returns the value while the underlying is at `price`, 1e18, without sampling there: the
    moment match and, in proportion to vega, what sampling found it to miss at `base`, where this is
    `asian_mark`. Nearer to sampling than 1e-4 of the price, which is all that a mark asks of it."""
    average = average_of(instrument, surface, price, time, fixing)
    found = _greeks(average, price / WAD)
    missed, vega = _missed(instrument, surface, base, time, fixing)
    if not vega or not found.vega:
        return found.price
    return max(found.price + missed * min(found.vega / vega, 1.0), 0.0)


def average_of(
    instrument: Instrument, surface: Surface, price: int, time: int, fixing: Fixing
) -> Average:
    """Returns what is open at `time`. A fixing whose time has passed unrecorded counts at `price`;
    when none is open `forwards` is empty and `strike` is what the mean pays less than."""
    coming = [at for at in fixing_times(instrument.expiry) if at > time]
    passed = FIXINGS - len(coming)
    known = fixing.total + max(passed - fixing.fixed, 0) * price
    lacking = FIXINGS * instrument.strike - known
    is_call = instrument.kind is Kind.ASIAN_CALL
    if not coming:
        return Average(is_call, lacking / FIXINGS / WAD, 1.0, 1.0, (), (), ())
    spot, strike = price / WAD, lacking / len(coming) / WAD
    slices = [(slice_at(surface, at - time), at - time) for at in coming]
    forwards = [spot * (1 + found.carry) for found, _ in slices]
    ratio = strike * len(forwards) / sum(forwards) if spot > 0 else 0.0
    variances, least = [], 0.0
    for (found, seconds), forward in zip(slices, forwards, strict=True):
        vol = volatility(found, ratio * forward, spot, seconds)
        least = max(least, vol * vol * seconds / YEAR)
        variances.append(least)
    return Average(
        is_call,
        strike,
        len(coming) / FIXINGS,
        1 / (1 + slices[-1][0].carry),
        tuple(forwards),
        tuple(variances),
        tuple(seconds / YEAR for _, seconds in slices),
    )


def mark_terms(average: Average) -> tuple[Effort, int]:
    """Returns the effort and the seed that a mark is sampled with."""
    return Effort(accuracy(average.forward)), SEED + len(average.forwards)


def sampled(average: Average, effort: Effort, seed: int) -> Estimate:
    """Returns value and standard error by randomised quasi-Monte Carlo with the geometric control;
    exact, of no points, where the payoff is linear or nothing is uncertain."""
    if _is_linear(average):
        gain = _sign(average) * (average.forward - average.strike)
        return Estimate(average.scale * max(gain, 0.0), 0.0, 0)
    least = effort._replace(accuracy=effort.accuracy / average.scale)
    found = estimate(_residual(average), len(average.forwards), least, seed)
    value = geometric(average) + found.value
    return Estimate(average.scale * max(value, 0.0), average.scale * found.error, found.points)


def geometric(average: Average) -> float:
    """Returns E max(+-(geometric mean - strike), 0), exact (Kemna-Vorst 1990), undiscounted."""
    variances = np.array(average.variances)
    deviation = math.sqrt(np.minimum.outer(variances, variances).mean())
    log_mean = float((np.log(average.forwards) - variances / 2).mean())
    forward = math.exp(log_mean + deviation**2 / 2)
    right = "call" if average.is_call else "put"
    return price_and_greeks(forward, average.strike, 1.0, deviation, right).price


def matched(average: Average, moves: Floats, vols: Floats) -> Floats:
    """Returns values by two moments when every forward is times `moves` (rows) and the fixings'
    annual volatilities are `vols` (rows x open fixings); strikes and what is fixed stay."""
    forwards = np.array(average.forwards) * np.asarray(moves)[:, None]
    variances = np.maximum.accumulate(vols**2 * np.array(average.years), axis=1)
    first = forwards.mean(axis=1)
    shared = np.exp(np.minimum(variances[:, :, None], variances[:, None, :]))
    second = np.einsum("ri,rij,rj->r", forwards, shared, forwards) / forwards.shape[1] ** 2
    strike, sign = average.strike, _sign(average)
    if strike <= 0:
        linear: Floats = average.scale * np.maximum(sign * (first - strike), 0.0)
        return linear
    safe = np.maximum(first, 1e-300)
    deviation = np.sqrt(np.maximum(np.log(second / safe**2), VARIANCE_MIN))
    d1 = np.log(safe / strike) / deviation + deviation / 2
    value = sign * (first * ndtr(sign * d1) - strike * ndtr(sign * (d1 - deviation)))
    out: Floats = average.scale * np.maximum(value, 0.0)
    return out


def vols_of(average: Average) -> Floats:
    """Returns the annual volatility of each open fixing."""
    out: Floats = np.sqrt(np.array(average.variances) / np.array(average.years))
    return out


@lru_cache(maxsize=1024)
def _missed(
    instrument: Instrument, surface: Surface, price: int, time: int, fixing: Fixing
) -> tuple[float, float]:
    """Returns what the moment match lacks of the sampled price, and its vega."""
    average = average_of(instrument, surface, price, time, fixing)
    found = _greeks(average, price / WAD)
    return _marked(average).value - found.price, found.vega


@lru_cache(maxsize=4096)
def _marked(average: Average) -> Estimate:
    return sampled(average, *mark_terms(average))


def _residual(average: Average) -> Callable[[Floats], Floats]:
    """Returns the payoff on the arithmetic mean less that on the geometric mean, by path."""
    variances = np.array(average.variances)
    motion = principal(variances).T
    shift = np.log(average.forwards) - variances / 2
    sign, strike = _sign(average), average.strike

    def residual(normals: Floats) -> Floats:
        logs = normals @ motion
        logs += shift
        mean = np.exp(logs.mean(axis=1))
        paid = np.maximum(sign * (np.exp(logs, out=logs).mean(axis=1) - strike), 0.0)
        out: Floats = paid - np.maximum(sign * (mean - strike), 0.0)
        return out

    return residual


def _greeks(average: Average, spot: float) -> Greeks:
    """Returns Black-76 of the moment match, price too, by the chain rule: W = ln(M2 / M1^2) moves
    with each fixing's variance, and all of these fall alike as time passes."""
    forward, sign, scale = average.forward, _sign(average), average.scale
    gain = sign * (forward - average.strike)
    growth = forward / spot if spot > 0 else 1.0
    slope = sign * scale * growth if gain > 0 else 0.0
    linear = Greeks(scale * max(gain, 0.0), slope, 0.0, 0.0, 0.0)
    if _is_linear(average):
        return linear
    forwards, variances = np.array(average.forwards), np.array(average.variances)
    shared = np.minimum.outer(variances, variances)
    moments = np.outer(forwards, forwards) * np.exp(shared)
    width = math.log(moments.mean() / forward**2)
    if width <= VARIANCE_MIN:
        return linear
    right = "call" if average.is_call else "put"
    one = price_and_greeks(forward, average.strike, 1.0, math.sqrt(width), right)
    per_width = scale * one.vega / (2 * math.sqrt(width))
    years = np.array(average.years)
    steeper = 2 * np.sqrt(variances * years)  # of each variance in its volatility
    is_row = variances[:, None] <= variances[None, :]
    per_vol = np.where(is_row, steeper[:, None], steeper[None, :])
    return Greeks(
        price=scale * one.price,
        delta=scale * one.delta * growth,
        gamma=scale * one.gamma * growth**2,
        vega=per_width * float((moments * per_vol).sum() / moments.sum()),
        theta=-per_width * average.variances[0] / average.years[0],
    )


def _is_linear(average: Average) -> bool:
    """True when nothing that moves can change the sign of the payoff."""
    is_sure = average.strike <= 0 or average.forward <= FORWARD_MIN
    return is_sure or average.variances[-1] <= VARIANCE_MIN


def _sign(average: Average) -> int:
    return 1 if average.is_call else -1
