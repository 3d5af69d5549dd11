"""Black-76 by mpmath at 50 digits: what kernels and benches are judged by."""

from typing import Any

import mpmath  # type: ignore[import-untyped]

DIGITS = 50


def exact_greeks(
    forward: float, strike: float, years: float, vol: float, is_call: bool, discount: float = 1.0
) -> dict[str, Any]:
    """Returns price and greeks by name, theta and rho at the rate that the discount implies."""
    with mpmath.workdps(DIGITS):
        F, K, T, v, D = (mpmath.mpf(x) for x in (forward, strike, years, vol, discount))
        sign, root = (1 if is_call else -1), mpmath.sqrt(T)
        d1 = mpmath.log(F / K) / (v * root) + v * root / 2
        d2 = d1 - v * root
        near, far = _cdf(sign * d1), _cdf(sign * d2)
        density = D * mpmath.npdf(d1)
        price, vega = D * sign * (F * near - K * far), F * density * root
        return {
            "price": price,
            "delta": D * sign * near,
            "gamma": density / (F * v * root),
            "vega": vega,
            "theta": -F * density * v / (2 * root) - mpmath.log(D) / T * price,
            "rho": -T * price,
            "vanna": -density * d2 / v,
            "volga": vega * d1 * d2 / v,
        }


def exact_value(forward: float, strike: float, deviation: float, is_call: bool) -> Any:
    """Returns the undiscounted value for vol sqrt(T)."""
    return exact_greeks(forward, strike, 1.0, deviation, is_call)["price"]


def exact_mills(a: float) -> Any:
    """Returns N(-a) / n(a) of the normal law."""
    with mpmath.workdps(DIGITS):
        x = mpmath.mpf(a)
        return _cdf(-x) / mpmath.npdf(x)


def _cdf(x: Any) -> Any:
    """Returns the normal distribution, in the lower tail without cancellation."""
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2
