"""Black-76 on a forward: value and greeks, with every limit of its inputs defined.

Undiscounted unless `discount` is given. Source: F. Black, "The pricing of commodity contracts",
J. Financial Economics 3 (1976). Floats: callers turn results into integers and say how.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from solver.domain.errors import Malformed

DEVIATION_MAX = 24.0  # sigma * sqrt(T) from which N(d1) = 1 and N(d2) = 0 to the last bit
DEVIATION_MIN = 1e-13  # below: the value differs from intrinsic by less than a bit
INPUT_MAX = 1e30  # larger is refused, and prices below its inverse are 0: no ratio can overflow
PRICE_MIN = 1 / INPUT_MAX
RIGHTS = ("call", "put")

_DOMAIN = f"Black-76 takes inputs from 0 to {INPUT_MAX:.0e}"
_SQRT_HALF = math.sqrt(0.5)
_SQRT_TWO_PI = math.sqrt(2 * math.pi)


class Greeks(NamedTuple):
    """One unit of an option. Delta and gamma per forward, vega per 1.0 of vol, theta per year."""

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float


def price_and_greeks(
    forward: float, strike: float, years: float, vol: float, right: str, *, discount: float = 1.0
) -> Greeks:
    """Returns value and forward greeks; `right` is call or put. Raises Malformed.

    Limits: years 0 or vol 0 is intrinsic; strike 0 the forward; forward 0 the strike;
    vol * sqrt(years) >= 24 the forward (call) or the strike (put).
    """
    _require(forward, strike, years, vol, discount)
    sign = _sign(right)
    deviation = vol * math.sqrt(years)
    is_price_zero = min(forward, strike) < PRICE_MIN
    if is_price_zero or not DEVIATION_MIN < deviation < DEVIATION_MAX:
        limit = _limit(forward, strike, years, deviation, sign)
        return _discounted(limit, discount, years)
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    density = math.exp(-0.5 * d1 * d1) / _SQRT_TWO_PI
    price = discount * sign * (forward * _cdf(sign * d1) - strike * _cdf(sign * d2))
    price = max(price, 0.0)
    decay = -discount * forward * density * vol / (2 * math.sqrt(years))
    return Greeks(
        price=price,
        delta=discount * sign * _cdf(sign * d1),
        gamma=discount * density / (forward * deviation),
        vega=discount * forward * density * math.sqrt(years),
        theta=decay + _rate(discount, years) * price,
    )


def prices(
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    is_call: ArrayLike,
    *,
    discount: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    """Returns values only, element by element over broadcast arrays; same limits as above.

    Raises Malformed when any element is negative, not finite or above INPUT_MAX.
    """
    floats = [np.asarray(x, dtype=np.float64) for x in (forward, strike, years, vol, discount)]
    if not all(np.all((x >= 0) & (x <= INPUT_MAX)) for x in floats):
        raise Malformed(_DOMAIN)
    F, K, T, v, D, call = np.broadcast_arrays(*floats, np.asarray(is_call, dtype=bool))
    deviation = v * np.sqrt(T)
    sign = np.where(call, 1.0, -1.0)
    has_prices = (F >= PRICE_MIN) & (K >= PRICE_MIN)
    is_regular = has_prices & (deviation > DEVIATION_MIN) & (deviation < DEVIATION_MAX)
    safe = np.where(is_regular, deviation, 1.0)
    ratio = np.where(is_regular, F, 1.0) / np.where(is_regular, K, 1.0)
    d1 = np.log(ratio) / safe + 0.5 * safe
    regular = sign * (F * ndtr(sign * d1) - K * ndtr(sign * (d1 - safe)))
    saturated = np.where(call, F, K)
    intrinsic = np.maximum(sign * (F - K), 0.0)
    is_saturated = has_prices & (deviation >= DEVIATION_MAX)
    value = np.where(is_regular, regular, np.where(is_saturated, saturated, intrinsic))
    out: NDArray[np.float64] = np.maximum(D * value, 0.0)
    return out


def _limit(forward: float, strike: float, years: float, deviation: float, sign: int) -> Greeks:
    """Undiscounted limits; gamma is 0 where it is a spike, delta 1/2 exactly at the money."""
    if deviation >= DEVIATION_MAX and min(forward, strike) >= PRICE_MIN:
        is_call = sign > 0
        return Greeks(forward if is_call else strike, 1.0 if is_call else 0.0, 0.0, 0.0, 0.0)
    price = max(sign * (forward - strike), 0.0)
    if forward == strike:
        half = 0.5 if forward > 0 else 0.0
        vega = forward * math.sqrt(years) / _SQRT_TWO_PI
        return Greeks(0.0, sign * half, 0.0, vega, 0.0)
    is_in_the_money = sign * (forward - strike) > 0
    return Greeks(price, float(sign) if is_in_the_money else 0.0, 0.0, 0.0, 0.0)


def _discounted(limit: Greeks, discount: float, years: float) -> Greeks:
    price = discount * limit.price
    return Greeks(
        price,
        discount * limit.delta,
        discount * limit.gamma,
        discount * limit.vega,
        _rate(discount, years) * price,
    )


def _rate(discount: float, years: float) -> float:
    """Returns the flat rate that `discount` implies, 0 when there is no time or no value."""
    return -math.log(discount) / years if years > 0 and discount > 0 else 0.0


def _cdf(x: float) -> float:
    """Returns the normal distribution, accurate in relative terms in the lower tail."""
    return 0.5 * math.erfc(-x * _SQRT_HALF)


def _sign(right: str) -> int:
    if right not in RIGHTS:
        raise Malformed(f"Black-76 prices call and put, not {right[:20]!r}", field="right")
    return 1 if right == "call" else -1


def _require(*inputs: float) -> None:
    if not all(0 <= x <= INPUT_MAX for x in inputs):  # False for NaN
        raise Malformed(_DOMAIN)
