"""Hourly closes as days: what a day returned, and how much it moved within.

Hours nobody recorded carry the close before them: they move nothing, and the hour after a gap moves
all that the gap hid. A day counts from midnight to midnight UTC and only when its last hour is in.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.errors import Malformed

HOUR, HOURS = 3_600, 24

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Days(NamedTuple):
    """Whole days in order: number since 1970-01-01, log return from close to close, realised
    variance (the sum of squared hourly log returns), and those 24 hourly returns."""

    number: Ints
    returns: Floats
    variance: Floats
    hourly: Floats


def days_of(times: Ints, closes: Floats) -> Days:
    """Returns the days in hourly bars: `times` are unix seconds of each bar's open, any order, the
    first of two at one hour counts. Raises Malformed for a close that is no price, or for less than
    two days."""
    if not (np.isfinite(closes).all() and (closes > 0).all()):
        raise Malformed("a close is not a positive number", code="barsMalformed")
    hours, first = np.unique(np.asarray(times, np.int64) // HOUR, return_index=True)
    if len(hours) == 0 or hours[-1] - hours[0] < 2 * HOURS:
        raise Malformed("bars of at least two days are needed", code="barsTooFew")
    span = np.arange(hours[0], hours[-1] + 1)
    logs = np.log(closes[first][np.searchsorted(hours, span, side="right") - 1])
    begin = -(-span[0] // HOURS) * HOURS  # the day bars begin in is no whole day
    begin = begin if begin > span[0] else begin + HOURS  # a day needs the close before it
    count = int((span[-1] + 1 - begin) // HOURS)
    if count < 1:
        raise Malformed("bars of at least two days are needed", code="barsTooFew")
    offset = int(begin - span[0])
    hourly = np.diff(logs[offset - 1 : offset + count * HOURS]).reshape(count, HOURS)
    number = np.arange(begin // HOURS, begin // HOURS + count)
    return Days(number, hourly.sum(axis=1), (hourly**2).sum(axis=1), hourly)
