"""Volatility from one price: the inverse of Black-76, safe for every price there is.

The out-of-the-money option is what is inverted, whose value has no intrinsic part to drown in, by
the steps of `kernels.inverse`: exact to the last bits that the price itself has.
"""

import math

from solver.domain.errors import Malformed, Refused
from solver.pricing.black import sign_of
from solver.pricing.kernels import DOMAIN
from solver.pricing.kernels.formula import INPUT_MAX
from solver.pricing.kernels.inverse import volatility


def implied_volatility(
    price: float, forward: float, strike: float, years: float, right: str
) -> float:
    """Returns the annual volatility at which undiscounted Black-76 is worth `price`.

    0 at the intrinsic value, or below it by no more than rounding. Raises Refused
    (priceOutOfBounds) below it, at or above what the option can be worth, and where there is no
    time or price left; Malformed as Black-76.
    """
    sign = sign_of(right)
    if not all(0 <= x <= INPUT_MAX for x in (forward, strike, years)):  # False for NaN
        raise Malformed(DOMAIN)
    found = volatility(price, forward, strike, years, sign) if price >= 0 else -math.inf
    if found < 0:
        floor, ceiling = max(0.0, sign * (forward - strike)), forward if sign > 0 else strike
        raise Refused(
            f"no volatility gives {price!r}: a {right} is worth {floor!r} to {ceiling!r}",
            code="priceOutOfBounds",
            field="price",
        )
    return found
