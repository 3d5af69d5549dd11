"""How volatile a price has been, and what a swap on that is worth now.

Annual volatilities of bars of equal length; `per_year` is how many there are in a year. What is
ahead is forecast in `solver.margin.predictive`, which sets requirements by it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.calendar import YEAR
from solver.domain.errors import Malformed
from solver.pricing.kernels import black_prices

HOURS = YEAR // 3600  # in a year, for hourly bars
TWO_LOG_TWO = 2 * math.log(2)

Floats = NDArray[np.float64]


class Bars(NamedTuple):
    """Prices of every bar: first, highest, lowest, last."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


def close_to_close(closes: Floats, per_year: float) -> float:
    """Returns the deviation of log returns around their mean. Raises Malformed below three."""
    closes = np.asarray(closes, dtype=np.float64)
    if len(closes) < 3 or not closes.min() > 0:
        raise Malformed("volatility needs three prices above 0", field="closes")
    return math.sqrt(float(np.var(np.diff(np.log(closes)), ddof=1)) * per_year)


def parkinson(bars: Bars, per_year: float) -> float:
    """Returns volatility from ranges, a fifth of the variance of close-to-close, blind to gaps and
    drift. Source: M. Parkinson, J. Business 53 (1980). Raises Malformed for no bars."""
    ranges = np.log(_checked(bars).high / bars.low)
    return math.sqrt(float(np.mean(ranges**2)) / (2 * TWO_LOG_TWO) * per_year)


def garman_klass(bars: Bars, per_year: float) -> float:
    """Returns volatility from ranges and closes, blind to gaps and drift. Source: M. Garman,
    M. Klass, J. Business 53 (1980). Raises Malformed for no bars."""
    ranges = np.log(_checked(bars).high / bars.low)
    moves = np.log(bars.close / bars.open)
    variance = float(np.mean(0.5 * ranges**2 - (TWO_LOG_TWO - 1) * moves**2))
    return math.sqrt(max(variance, 0.0) * per_year)


def yang_zhang(bars: Bars, per_year: float) -> float:
    """Returns volatility that sees gaps and no drift. Source: D. Yang, Q. Zhang, J. Business 73
    (2000). Raises Malformed below three bars: the first only gives a close to open from."""
    _checked(bars, 3)
    gaps = np.log(bars.open[1:] / bars.close[:-1])
    high, low, close = (np.log(x[1:] / bars.open[1:]) for x in (bars.high, bars.low, bars.close))
    count = len(gaps)
    share = 0.34 / (1.34 + (count + 1) / (count - 1))
    within = float(np.mean(high * (high - close) + low * (low - close)))  # Rogers-Satchell
    variance = float(np.var(gaps, ddof=1)) + share * float(np.var(close, ddof=1))
    return math.sqrt((variance + (1 - share) * within) * per_year)


class Quoted(NamedTuple):
    """One strike and its volatility."""

    strike: float
    vol: float


def fair_variance(
    spot: float, puts: Sequence[Quoted], calls: Sequence[Quoted], years: float, *, rate: float
) -> float:
    """Returns the annual variance at which a swap on it costs nothing, replicated by options.

    Strikes rise; the last put's is the first call's, where the log contract is split. Piecewise
    linear, with one more strike a step beyond either end. Source: K. Demeterfi, E. Derman,
    M. Kamal, J. Zou, "More than you ever wanted to know about volatility swaps" (1999).
    """
    if len(puts) < 2 or len(calls) < 2 or puts[-1].strike != calls[0].strike or not years > 0:
        raise Malformed("puts and calls must meet at a strike, two of each at least", field="puts")
    centre, discount = calls[0].strike, math.exp(-rate * years)
    worth = 0.0
    for quotes, is_call in ((calls, True), (puts[::-1], False)):
        strikes = np.array([quote.strike for quote in quotes])
        edge = np.append(strikes, 2 * strikes[-1] - strikes[-2])
        log_contract = 2 / years * ((edge - centre) / centre - np.log(edge / centre))
        slopes = np.abs(np.diff(log_contract) / np.diff(edge))
        vols = np.array([quote.vol for quote in quotes])
        prices = black_prices(spot / discount, strikes, years, vols, is_call, discount=discount)
        worth += float(np.diff(slopes, prepend=0.0) @ prices)
    linear = (spot / discount - centre) / centre + math.log(centre / spot)
    return 2 * rate - 2 / years * linear + worth / discount


def _checked(bars: Bars, least: int = 1) -> Bars:
    """Returns the bars. Raises Malformed unless every bar's low is above 0 and spans its prices."""
    arrays = [np.asarray(x, dtype=np.float64) for x in bars]
    if len({x.shape for x in arrays}) != 1 or arrays[0].size < least:
        raise Malformed(f"volatility needs {least} bars of four prices each", field="bars")
    first, high, low, last = arrays
    inner = np.minimum(first, last), np.maximum(first, last)
    if not (low.min() > 0 and (low <= inner[0]).all() and (inner[1] <= high).all()):
        raise Malformed("a bar's low and high must span its prices, above 0", field="bars")
    return Bars(*arrays)
