"""Black-76 on a forward for one option: value and greeks, with every limit of its inputs defined.

Undiscounted unless `discount` is given. Source: F. Black, "The pricing of commodity contracts",
J. Financial Economics 3 (1976). Floats: callers turn results into integers and say how. Arrays of
options, and vanna, volga and rho, are `kernels`, of the same formulas.
"""

from typing import NamedTuple

from numpy.typing import ArrayLike

from solver.domain.errors import Malformed
from solver.pricing.kernels import DOMAIN, Floats, black_prices
from solver.pricing.kernels.formula import INPUT_MAX, discounted, greeks

RIGHTS = ("call", "put")


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
    vol * sqrt(years) >= 24 the forward (call) or the strike (put). Undiscounted values are never
    below intrinsic nor above what the option can be worth, not even by rounding.
    """
    inputs = (float(forward), float(strike), float(years), float(vol))
    if not all(0 <= x <= INPUT_MAX for x in (*inputs, discount)):  # False for NaN
        raise Malformed(DOMAIN)
    found = discounted(greeks(*inputs, sign_of(right)), float(discount), inputs[2])
    return Greeks(*found[:5])


def prices(
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    is_call: ArrayLike,
    *,
    discount: ArrayLike = 1.0,
) -> Floats:
    """Returns values only, element by element over broadcast arrays; same limits as above.

    Raises Malformed when any element is negative, not finite or above INPUT_MAX.
    """
    return black_prices(forward, strike, years, vol, is_call, discount=discount)


def sign_of(right: str) -> float:
    """Returns 1 for a call and -1 for a put. Raises Malformed for any other right."""
    if right not in RIGHTS:
        raise Malformed(f"Black-76 prices call and put, not {right[:20]!r}", field="right")
    return 1.0 if right == "call" else -1.0
