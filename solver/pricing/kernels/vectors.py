"""Black-76 of many options in numpy: the formulas of `formula` over whole arrays.

Work is cut in pieces that stay in the processor's cache: a third faster from some 10,000 on.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from solver.pricing.kernels import formula
from solver.pricing.kernels.formula import DENSITY_MAX, DEVIATION_MAX, DEVIATION_MIN, PRICE_MIN

PIECE = 8_192

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def prices(columns: Floats, out: Floats) -> None:
    """Sets `out` to the discounted values; the rows of `columns` are forward, strike, years, vol,
    discount and sign (1 for calls, -1 for puts)."""
    for (F, K, T, vol, D, sign), piece in _pieces(columns, out):
        piece[:] = D * _values(F, K, vol * np.sqrt(T), sign)


def greeks(columns: Floats, out: Floats) -> None:
    """Sets the eight rows of `out` to what `formula.greeks` returns of the same rows."""
    for rows, piece in _pieces(columns, out):
        regular = is_regular(rows[0], rows[1], rows[3] * np.sqrt(rows[2]))
        if regular.all():
            _greeks(rows, piece)
            continue
        part = np.empty((out.shape[0], np.count_nonzero(regular)))
        _greeks(rows[:, regular], part)
        piece[:, regular] = part
        for i in np.flatnonzero(~regular):
            F, K, T, vol, D, sign = (float(x) for x in rows[:, i])
            piece[:, i] = formula.discounted(formula.greeks(F, K, T, vol, sign), D, T)


def log_ratio(F: Floats, K: Floats) -> Floats:
    """Returns `formula.log_ratio` of each."""
    ratio = F / K
    beyond, exact = ratio - 1.0, (F - K) / K
    is_one = beyond == 0
    logged = np.log(ratio)
    mended = logged * (exact / np.where(is_one, 1.0, beyond))
    out: Floats = np.where(np.abs(beyond) > formula.NEAR, logged, np.where(is_one, exact, mended))
    return out


def is_regular(F: Floats, K: Floats, deviation: Floats) -> Flags:
    """Returns `formula.is_regular` of each."""
    has_prices = (F >= PRICE_MIN) & (K >= PRICE_MIN)
    out: Flags = has_prices & (deviation > DEVIATION_MIN) & (deviation < DEVIATION_MAX)
    return out


def _values(F: Floats, K: Floats, deviation: Floats, sign: Floats) -> Floats:
    """Returns `formula.value` of each."""
    intrinsic, most = np.maximum(sign * (F - K), 0.0), np.where(sign > 0, F, K)
    regular = is_regular(F, K, deviation)
    is_mixed = not regular.all()
    forward, strike, dev = F, K, deviation
    if is_mixed:
        forward, strike, dev = (np.where(regular, x, 1.0) for x in (F, K, deviation))
    d1 = log_ratio(forward, strike) / dev + 0.5 * dev
    out: Floats = np.minimum(intrinsic + _beyond(forward, strike, d1, dev), most)
    if is_mixed:
        is_wide = (deviation >= DEVIATION_MAX) & (np.minimum(F, K) >= PRICE_MIN)
        out = np.where(regular, out, np.where(is_wide, most, intrinsic))
    return out


def _beyond(F: Floats, K: Floats, d1: Floats, deviation: Floats) -> Floats:
    """Returns the value beyond the intrinsic one: that of the out-of-the-money side."""
    side = np.where(F < K, 1.0, -1.0)
    out: Floats = side * (F * ndtr(side * d1) - K * ndtr(side * (d1 - deviation)))
    return np.maximum(out, 0.0)


def _greeks(rows: Floats, out: Floats) -> None:
    F, K, T, vol, D, sign = rows
    root = np.sqrt(T)
    deviation = vol * root
    d1 = log_ratio(F, K) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    density = D * DENSITY_MAX * np.exp(-0.5 * d1 * d1)
    intrinsic = np.maximum(sign * (F - K), 0.0)
    value = np.minimum(intrinsic + _beyond(F, K, d1, deviation), np.where(sign > 0, F, K))
    price, vega = D * value, F * density * root
    has = (D > 0) & (D != 1) & (T > formula.YEARS_MIN)
    rate = -np.log(np.where(has, D, 1.0)) / np.where(has, T, 1.0)
    out[0] = price
    out[1] = D * sign * ndtr(sign * d1)
    out[2] = density / (F * deviation)
    out[3] = vega
    out[4] = -0.5 * F * density * vol / root + rate * price
    out[5] = -T * price
    out[6] = -density * d2 / vol
    out[7] = vega * d1 * d2 / vol


def _pieces(columns: Floats, out: Floats) -> Iterator[tuple[Floats, Floats]]:
    for start in range(0, columns.shape[1], PIECE):
        piece = slice(start, start + PIECE)
        yield columns[:, piece], out[..., piece]
