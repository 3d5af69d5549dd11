"""What one unit of every option of a market is worth in every row, in floats: the only pricing.

Rows are the scenarios' own, then the value now and the two of the basis contingency. Scenario
formulas after Derive's PMRM_2; an Asian option takes its moment match's change on its own mark.
"""

import math

import numpy as np
from numpy.typing import NDArray

from solver.domain.calendar import DAY, YEAR
from solver.domain.errors import Broken
from solver.domain.instrument import FIXINGS, Instrument
from solver.domain.numbers import WAD
from solver.margin.portfolio.parameters import Parameters, Skew
from solver.margin.portfolio.shocks import ABSOLUTE, DOWN, LINEAR, NONE, UP, Shock
from solver.margin.portfolio.terms import MarketTerms, OptionTerms
from solver.pricing.black import prices
from solver.pricing.exotics.asian import Average, asian_mark, average_of, matched, vols_of

Floats = NDArray[np.float64]

TURN_DAYS = 30
NOW = Shock("now", WAD)


class Strips:
    """Columns of one market's vanilla options, as arrays over them."""

    def __init__(self, market: MarketTerms, options: list[OptionTerms], p: Parameters) -> None:
        series = [market.series[option.series] for option in options]
        self.strike = np.array([option.strike / WAD for option in options])
        self.vol = np.array([option.vol for option in options])
        self.is_call = np.array([option.is_call for option in options], dtype=bool)
        self.variable = np.array([s.variable for s in series])
        self.fixed = np.array([s.fixed for s in series])
        self.discount = np.array([s.discount for s in series])
        seconds = np.array([float(max(s.seconds, 0)) for s in series])
        self.years = seconds / YEAR
        much = widening(seconds, p)
        self.up = 1 + market.vol_up / WAD * much
        self.down = np.maximum(0.0, 1 - market.vol_down / WAD * much)


def all_rows(shocks: tuple[Shock, ...], p: Parameters) -> tuple[Shock, ...]:
    """Returns the rows of the values: the scenarios, now, basis up, basis down."""
    return (*shocks, NOW, Shock("basis up", p.basis_up), Shock("basis down", p.basis_down))


def vanilla_values(market: MarketTerms, options: list[OptionTerms], p: Parameters) -> Floats:
    """Returns rows x options, settlement units; Malformed where Black-76 refuses an input."""
    strips = Strips(market, options, p)
    rows = all_rows(market.shocks.rows, p)
    spots = np.array([row.spot / WAD for row in rows])[:, None]
    vols = np.stack([shocked_vols(row, strips, p) for row in rows])
    forwards = strips.variable * spots + strips.fixed
    return prices(
        forwards, strips.strike, strips.years, vols, strips.is_call, discount=strips.discount
    )


def asian_values(market: MarketTerms, option: OptionTerms, p: Parameters) -> tuple[Floats, float]:
    """Returns values by row and the standard error of the mark, settlement units."""
    instrument, underlying = Instrument.unpack(option.id), market.underlying
    if underlying is None:
        raise Broken("an Asian option is priced by its market's surface")
    rows = all_rows(market.shocks.rows, p)
    time = instrument.expiry - market.series[option.series].seconds
    known = (instrument, underlying.surface, underlying.price, time)
    fixing = underlying.fixing_of(instrument.expiry)
    average = average_of(*known, fixing)
    spots = np.array([row.spot / WAD for row in rows])
    if not average.forwards:
        return _paid(average, (FIXINGS - fixing.fixed) * underlying.price / WAD, spots), 0.0
    if average.forward <= 0:  # no price left to move
        sure = -average.strike if average.is_call else average.strike
        return np.full(len(rows), average.scale * max(sure, 0.0)), 0.0
    seconds = float(instrument.expiry - time)
    own = vols_of(average)
    ratio = average.forward / average.strike if average.strike > 0 else 1.0
    vols = np.stack([_asian_vols(row, own, ratio, seconds, (market, p)) for row in rows])
    values = matched(average, spots, vols)
    mark = asian_mark(*known, fixing)
    return np.maximum(values + (mark.value - values[-3]), 0.0), mark.error


def _paid(average: Average, due: float, spots: Floats) -> Floats:
    """Returns what is paid once the mean is over: fixings that are `due` (their sum) stand at the
    feed until somebody records them, and move with it as a call does whose expiry is not fixed."""
    mean_less_strike = due * (spots - 1) / FIXINGS - average.strike
    out: Floats = np.maximum(mean_less_strike if average.is_call else -mean_less_strike, 0.0)
    return out


def widening(seconds: Floats, p: Parameters) -> Floats:
    """Returns m = (30 d / max(T, 1 d))^p: short tenors' volatility moves more."""
    days = seconds / DAY
    power = np.where(days <= TURN_DAYS, p.vol_short / WAD, p.vol_long / WAD)
    out: Floats = (TURN_DAYS / np.maximum(days, p.vol_days_min / WAD)) ** power
    return out


def tilt(k: Floats, years: Floats, skew: Skew, p: Parameters) -> Floats:
    """Returns the factor on volatility of a strike at k = ln(K / F); for the absolute skew |k|."""
    root = np.sqrt(years)
    cap = skew.base / WAD + skew.slope / WAD * root
    width = np.maximum(p.width_min / WAD, root * (p.width / WAD + p.width_slope / WAD * root))
    raw = k * cap / width
    bounded = np.where(k >= 0, np.minimum(cap, raw), np.maximum(-cap, raw))
    out: Floats = np.maximum(1 + bounded, 0.0)
    return out


def shocked_vols(row: Shock, strips: Strips, p: Parameters) -> Floats:
    """Returns the volatilities of a row."""
    if row.skew:
        forward = strips.variable + strips.fixed
        safe = np.where((forward > 0) & (strips.strike > 0), forward, 1.0)
        k = np.log(np.where(safe == forward, strips.strike, 1.0) / safe)
        return strips.vol * _tilted(row.skew, k, strips.years, p)
    if row.vol == UP:
        return np.maximum(strips.vol * strips.up, p.vol_min / WAD)
    return strips.vol * strips.down if row.vol == DOWN else strips.vol


def _tilted(skew: str, k: Floats, years: Floats, p: Parameters) -> Floats:
    if skew == LINEAR:
        return tilt(k, years, p.linear, p)
    assert skew == ABSOLUTE
    return tilt(np.abs(k), years, p.absolute, p)


def _asian_vols(
    row: Shock, own: Floats, ratio: float, seconds: float, terms: tuple[MarketTerms, Parameters]
) -> Floats:
    """Every fixing's volatility moves as that of an option of the whole series would."""
    market, p = terms
    if row.skew:
        k, years = np.array([-math.log(ratio)]), np.array([seconds / YEAR])
        return own * _tilted(row.skew, k, years, p)
    much = float(widening(np.array([seconds]), p)[0])
    if row.vol == UP:
        return np.maximum(own * (1 + market.vol_up / WAD * much), p.vol_min / WAD)
    assert row.vol in (DOWN, NONE)
    return own * max(0.0, 1 - market.vol_down / WAD * much) if row.vol == DOWN else own
