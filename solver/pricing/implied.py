"""Volatility from a price: the inverse of Black-76, safe for every price there is.

Newton on the out-of-the-money option, whose value has no intrinsic part to drown in, held inside a
bracket by bisection: it ends at the last bit or after a fixed number of steps.
"""

import math

from solver.domain.errors import Refused
from solver.pricing.black import DEVIATION_MAX, price_and_greeks

STEPS_MAX = 100
ACCURACY = 1e-15  # of the deviation, relative
PUT_OF = {"call": "put", "put": "call"}


def implied_volatility(
    price: float, forward: float, strike: float, years: float, right: str
) -> float:
    """Returns the annual volatility at which undiscounted Black-76 is worth `price`.

    0 at the intrinsic value exactly. Raises Refused (priceOutOfBounds) below it, at or above what
    the option can be worth, and where there is no time left; Malformed as Black-76.
    """
    floor = price_and_greeks(forward, strike, years, 0.0, right).price
    ceiling = forward if right == "call" else strike
    if not (floor <= price < ceiling and years > 0 and min(forward, strike) > 0):
        raise Refused(
            f"no volatility gives {price!r}: a {right} is worth {floor!r} to {ceiling!r}",
            code="priceOutOfBounds",
            field="price",
        )
    value = price - floor  # the other side's option at the same strike, by parity
    if value == 0:
        return 0.0
    other = right if floor == 0 else PUT_OF[right]
    return _deviation(value, forward, strike, other) / math.sqrt(years)


def _deviation(value: float, forward: float, strike: float, right: str) -> float:
    """Returns sigma sqrt(T) of an out-of-the-money option, by Newton on ln(price) in a bracket."""
    low, high = 0.0, DEVIATION_MAX
    guess = _start(value, forward, strike)
    target = math.log(value)
    for _ in range(STEPS_MAX):
        found = price_and_greeks(forward, strike, 1.0, guess, right)
        if found.price < value:
            low = guess
        else:
            high = guess
        step = guess
        if found.price > 0 and found.vega > 0:
            step = guess - (math.log(found.price) - target) * found.price / found.vega
        if not low < step < high:
            step = 0.5 * (low + high)
        if abs(step - guess) <= ACCURACY * guess:
            return step
        guess = step
    return guess


def _start(value: float, forward: float, strike: float) -> float:
    """Returns the deviation where price is steepest, sqrt(2 |ln(F/K)|), or Brenner-Subrahmanyam's
    at the money."""
    steepest = math.sqrt(2 * abs(math.log(forward / strike)))
    near = value * math.sqrt(2 * math.pi) / math.sqrt(forward * strike)
    return min(max(steepest, near, 1e-8), DEVIATION_MAX / 2)
