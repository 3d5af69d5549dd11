"""The best gain on X + Y - bend/(X*Y) = level, a stable curve of two balances, from above.

Every point of a concave curve lies on one side of its tangents, so one tangent near the optimum
proves the bound; in 60 digits, with more added than their roundings can amount to.
"""

from decimal import Context, Decimal
from math import log, sqrt
from typing import NamedTuple

REAL = Context(prec=60)
SEARCH_STEPS, POLISH_STEPS = 60, 3
SLACK = Decimal("1e-45")  # of the terms summed: far above the error of their operations
_ONE = Decimal(1)


class Line(NamedTuple):
    """What two balances X, Y may become: X + Y - bend/(X*Y) = level; they are `held` now."""

    bend: Decimal
    level: Decimal
    held: tuple[Decimal, Decimal]


def gain_up(line: Line, paid: Decimal, worth: Decimal) -> Decimal:
    """Returns at least the best of worth*(Y now - Y - 1) - paid*(X - X now) on the line.

    At any X, Y with z = bend/(X*Y) the tangent plane of slopes a = 1 + z/X, b = 1 + z/Y holds every
    point of the line at a*X' + b*Y' >= level + 3*z. With r = min(paid/a, worth/b) what remains,
    (paid - r*a)*X' + (worth - r*b)*Y', is at least (paid - r*a)*(X now).
    """
    held_in, held_out = line.held
    ratio = REAL.divide(paid, worth)
    if float(ratio) == 0.0:  # as good as a gift: all of the balance
        return REAL.multiply(worth, held_out)
    x, y = _touching(line, ratio)
    pull = REAL.divide(line.bend, REAL.multiply(x, y))
    slope_in = REAL.add(_ONE, REAL.divide(pull, x))
    slope_out = REAL.add(_ONE, REAL.divide(pull, y))
    rate = min(REAL.divide(paid, slope_in), REAL.divide(worth, slope_out))
    left = REAL.multiply(rate, REAL.multiply(slope_in, held_in))
    sold = REAL.multiply(rate, REAL.add(line.level, REAL.multiply(pull, 3)))
    out = REAL.multiply(worth, REAL.subtract(held_out, _ONE))
    size = REAL.add(REAL.add(REAL.abs(left), REAL.abs(sold)), out)
    return REAL.fma(SLACK, size, REAL.add(out, REAL.subtract(left, sold)))


def _touching(line: Line, ratio: Decimal) -> tuple[Decimal, Decimal]:
    """Returns X, Y near the optimum: the slopes 1 + z/X and 1 + z/Y have the prices' ratio.

    Only how tight the bound is depends on it: floats find the point, Newton's method sharpens it.
    """
    x, y = map(REAL.create_decimal, _searched(line, float(ratio)))
    for _ in range(POLISH_STEPS):
        pull = REAL.divide(line.bend, REAL.multiply(x, y))
        in_x, in_y = REAL.divide(pull, x), REAL.divide(pull, y)
        off = REAL.subtract(REAL.subtract(REAL.add(x, y), pull), line.level)
        tilt = REAL.subtract(REAL.add(_ONE, in_x), REAL.multiply(ratio, REAL.add(_ONE, in_y)))
        x_tilt = REAL.divide(REAL.fma(ratio, in_y, REAL.multiply(in_x, -2)), x)
        y_tilt = REAL.divide(REAL.subtract(REAL.multiply(ratio, REAL.multiply(in_y, 2)), in_x), y)
        x_off, y_off = REAL.add(_ONE, in_x), REAL.add(_ONE, in_y)
        whole = REAL.subtract(REAL.multiply(x_off, y_tilt), REAL.multiply(y_off, x_tilt))
        if whole == 0:
            break
        step_x = REAL.subtract(REAL.multiply(off, y_tilt), REAL.multiply(y_off, tilt))
        step_y = REAL.subtract(REAL.multiply(x_off, tilt), REAL.multiply(off, x_tilt))
        next_x = REAL.subtract(x, REAL.divide(step_x, whole))
        next_y = REAL.subtract(y, REAL.divide(step_y, whole))
        if next_x <= 0 or next_y <= 0:
            break
        x, y = next_x, next_y
    return x, y


def _searched(line: Line, ratio: float) -> tuple[float, float]:
    """Bisects ln X between now and where the slope has passed the price, in floats."""
    bend, level = float(line.bend), float(line.level)

    def other(x: float) -> float:
        half, product = (level - x) / 2, bend / x
        root = sqrt(half * half + product)
        return half + root if half > 0 else product / (root - half)

    def excess(x: float) -> float:
        y = other(x)
        pull = bend / (x * y)
        return log((1 + pull / x) / (1 + pull / y) / ratio)

    low = float(line.held[0])
    high, steps = 2 * low, 0
    while excess(high) > 0 and steps < SEARCH_STEPS:
        low, high, steps = high, 2 * high, steps + 1
    for _ in range(SEARCH_STEPS):
        middle = sqrt(low * high)
        if not low < middle < high:
            break
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low, other(low)
