"""Black-76 of one option in plain arithmetic: what the scalar functions call and numba compiles.

Source: F. Black, "The pricing of commodity contracts", J. Financial Economics 3 (1976); the greeks
are its derivatives. Inputs are taken as they are: who calls has looked at them.
"""

import math

DEVIATION_MAX = 24.0  # sigma * sqrt(T) from which N(d1) = 1 and N(d2) = 0 to the last bit
DEVIATION_MIN = 1e-13  # below: the value differs from intrinsic by less than a bit
INPUT_MAX = 1e30  # larger is refused, and prices below its inverse are 0: no ratio can overflow
PRICE_MIN = 1 / INPUT_MAX
YEARS_MIN = 1e-12  # shorter: no rate is read from a discount over it
NEAR = 0.5  # forward / strike this close to 1: their difference is exact

SQRT_HALF = math.sqrt(0.5)
DENSITY_MAX = 1 / math.sqrt(2 * math.pi)

Greeks = tuple[float, float, float, float, float, float, float, float]


def cdf(x: float) -> float:
    """Returns the normal distribution, accurate in relative terms in the lower tail."""
    return 0.5 * math.erfc(-x * SQRT_HALF)


def log_ratio(forward: float, strike: float) -> float:
    """Returns ln(forward / strike), accurate in relative terms however near they are: the digits
    that the ratio lost, by the exact difference (W. Kahan's log1p)."""
    ratio = forward / strike
    beyond = ratio - 1.0
    if abs(beyond) > NEAR:
        return math.log(ratio)
    exact = (forward - strike) / strike
    return exact if beyond == 0 else math.log(ratio) * (exact / beyond)


def is_regular(forward: float, strike: float, deviation: float) -> bool:
    """Returns whether the formula holds as it stands: elsewhere the value is a limit."""
    has_prices = forward >= PRICE_MIN and strike >= PRICE_MIN
    return has_prices and DEVIATION_MIN < deviation < DEVIATION_MAX


def value(forward: float, strike: float, deviation: float, sign: float) -> float:
    """Returns the undiscounted value of a call (sign 1) or put (-1), `deviation` = vol sqrt(T).

    Intrinsic plus the option of the other side by parity, so never below it nor above its bound.
    """
    intrinsic = max(0.0, sign * (forward - strike))
    if not is_regular(forward, strike, deviation):
        is_wide = deviation >= DEVIATION_MAX and min(forward, strike) >= PRICE_MIN
        return (forward if sign > 0 else strike) if is_wide else intrinsic
    d1 = log_ratio(forward, strike) / deviation + 0.5 * deviation
    side = 1.0 if forward < strike else -1.0
    out = side * (forward * cdf(side * d1) - strike * cdf(side * (d1 - deviation)))
    return min(intrinsic + max(out, 0.0), forward if sign > 0 else strike)


def greeks(forward: float, strike: float, years: float, vol: float, sign: float) -> Greeks:
    """Returns undiscounted price, delta, gamma (per forward), vega (per 1.0 of vol), theta (per
    year), rho (per 1.0 of a rate that discounts, at this forward), vanna and volga."""
    root = math.sqrt(years)
    deviation = vol * root
    if not is_regular(forward, strike, deviation):
        price, delta, vega, vanna = _limits(forward, strike, root, deviation, sign)
        return price, delta, 0.0, vega, 0.0, -years * price, vanna, 0.0
    d1 = log_ratio(forward, strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    density = DENSITY_MAX * math.exp(-0.5 * d1 * d1)
    side = 1.0 if forward < strike else -1.0
    first = cdf(side * d1)
    price = max(side * (forward * first - strike * cdf(side * d2)), 0.0)
    if side != sign:
        price = min(price + sign * (forward - strike), forward if sign > 0 else strike)
        first = 1.0 - first if first < 0.5 else cdf(sign * d1)
    vega = forward * density * root
    return (
        price,
        sign * first,
        density / (forward * deviation),
        vega,
        -0.5 * forward * density * vol / root,
        -years * price,
        -density * d2 / vol,
        vega * d1 * d2 / vol,
    )


def discounted(found: Greeks, discount: float, years: float) -> Greeks:
    """Returns the greeks times the discount, theta at the flat rate that it implies: none where
    there is no time or no value."""
    price, delta, gamma, vega, theta, rho, vanna, volga = found
    rate = -math.log(discount) / years if years > YEARS_MIN and 0 < discount != 1 else 0.0
    theta = discount * (theta + rate * price)
    return (
        discount * price, discount * delta, discount * gamma, discount * vega,
        theta, discount * rho, discount * vanna, discount * volga,
    )  # fmt: skip


def _limits(
    forward: float, strike: float, root: float, deviation: float, sign: float
) -> tuple[float, float, float, float]:
    """Returns price, delta, vega and vanna where the formula has only limits; gamma is 0 where it
    is a spike, delta a half exactly at the money."""
    if deviation >= DEVIATION_MAX and min(forward, strike) >= PRICE_MIN:
        return (forward, 1.0, 0.0, 0.0) if sign > 0 else (strike, 0.0, 0.0, 0.0)
    if forward == strike:
        half = 0.5 * sign if forward > 0 else 0.0
        vanna = 0.5 * root * DENSITY_MAX if forward > 0 else 0.0
        return 0.0, half, forward * root * DENSITY_MAX, vanna
    price = max(0.0, sign * (forward - strike))
    return price, sign if price > 0 else 0.0, 0.0, 0.0
