"""Options on the mean of a price in a flat world: closed forms, moment matches, and one equation.

Nobody trades these here; they are what the sampled price of a series is judged by, and the way to
a mean that is taken at every instant.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import solve_banded

from solver.domain.errors import Malformed
from solver.pricing.black import price_and_greeks
from solver.pricing.exotics.asian import Average, geometric, matched, vols_of
from solver.pricing.exotics.flat import Flat, require
from solver.pricing.exotics.sampling import Floats

GRID, STEPS, SMOOTHING = 2_000, 400, 4  # of Vecer's equation; fully implicit steps at the kink
SAME = 1e-7  # rates and drifts nearer than this have the value of their limit
EDGE_DEVIATIONS = 8.0


def fixings(flat: Flat, times: Sequence[float], *, fixed: int = 0, total: float = 0.0) -> Average:
    """Returns the option on the mean of fixings at `times` (years from now, rising, none at 0) and
    of `fixed` earlier ones whose sum is `total`. Paid at `flat.years`. Raises Malformed."""
    require(flat)
    if not times or times[0] <= 0 or list(times) != sorted(times):
        raise Malformed("fixings are taken at rising times to come", field="fixings")
    at, count = np.array(times), len(times) + fixed
    return Average(
        flat.is_call,
        (count * flat.strike - total) / len(times),
        len(times) / count,
        flat.discount,
        tuple(flat.spot * np.exp(flat.carry * at)),
        tuple(flat.vol**2 * at),
        tuple(at),
    )


def geometric_discrete(flat: Flat, times: Sequence[float]) -> float:
    """Returns the option on the geometric mean of fixings (Kemna-Vorst 1990; Haug 2007, 4.20)."""
    average = fixings(flat, times)
    return average.scale * geometric(average)


def geometric_continuous(flat: Flat) -> float:
    """Returns the option on the geometric mean of every instant from now to expiry: lognormal with
    volatility sigma / sqrt 3 and carry (b - sigma^2 / 6) / 2 (Kemna-Vorst 1990)."""
    require(flat)
    carry = 0.5 * (flat.carry - flat.vol**2 / 6)
    return _black(flat, flat.spot * math.exp(carry * flat.years), flat.vol**2 / 3 * flat.years)


def turnbull_wakeman(flat: Flat, times: Sequence[float]) -> float:
    """Returns the arithmetic option on fixings by the lognormal of its first two moments
    (Turnbull-Wakeman 1991; Haug 2007, 4.20.3)."""
    average = fixings(flat, times)
    return float(matched(average, np.ones(1), vols_of(average)[None, :])[0])


def levy(flat: Flat, elapsed: float = 0.0, average: float = 0.0) -> float:
    """Returns the arithmetic option on every instant by two moments: `flat.years` are left of a
    period of which `elapsed` years had the mean `average`.

    Source: E. Levy, "Pricing European average rate currency options", J. International Money and
    Finance 11 (1992); Haug 2007, 4.20.2. Raises Malformed.
    """
    require(flat)
    years, carry, square = flat.years, flat.carry, flat.vol**2
    whole = years + elapsed
    share = years / whole
    strike = flat.strike - elapsed / whole * average
    forward = flat.spot * share * _mean_growth(carry, years)
    if strike <= 0:
        return flat.discount * max(flat.sign * (forward - strike), 0.0)
    # 2 / T^2 of the integral over u < v of e^{(b + s^2) u} e^{b v}
    rising = _mean_growth(2 * carry + square, years)
    second = _double_mean(carry, square, years, rising)
    return _black(
        flat._replace(strike=strike),
        forward,
        math.log(second * (flat.spot * share) ** 2 / forward**2),
    )


def vecer(flat: Flat) -> float:
    """Returns the arithmetic option on every instant from now to expiry, by one parabolic equation
    in one dimension: u_t + s^2 (q(t) - z)^2 u_zz / 2 = 0, u(T, z) = max(z, 0), worth S u(0, z_0).

    Source: J. Vecer, "Unified Asian pricing", Risk 15 (2002). Crank-Nicolson after four implicit
    steps; six digits. Raises Malformed.
    """
    require(flat)
    at = np.linspace(0.0, flat.years, STEPS + 1)
    held = _held(flat, at) * np.exp(-flat.dividend * at)
    start = float(held[0]) - flat.discount * flat.strike / flat.spot
    edge = abs(start) + EDGE_DEVIATIONS * flat.deviation * max(float(held[0]), abs(start))
    z = np.linspace(-edge, edge, GRID + 1)
    value = np.maximum(z, 0.0)
    value[GRID // 2] = (z[1] - z[0]) / 8  # the mean of the kink over its cell
    for step in range(STEPS, 0, -1):
        is_smooth = step <= STEPS - SMOOTHING
        value = _back(
            value,
            z,
            flat.vol**2,
            (at[step] - at[step - 1], held[step - 1 : step + 1]),
            0.5 if is_smooth else 1.0,
        )
    call = flat.spot * float(CubicSpline(z, value)(start))
    return call if flat.is_call else call - flat.spot * start


def _back(
    value: Floats, z: Floats, square: float, step: tuple[float, Floats], implicit: float
) -> Floats:
    """Returns the values one step earlier; linear beyond both edges."""
    length, (early, late) = step
    rate = 0.5 * square * length / (z[1] - z[0]) ** 2
    inner = slice(1, -1)
    bend = value[2:] - 2 * value[inner] + value[:-2]
    right = value.copy()
    right[inner] += (1 - implicit) * rate * (late - z[inner]) ** 2 * bend
    weight = implicit * rate * (early - z) ** 2
    weight[[0, -1]] = 0.0
    bands = np.zeros((3, len(z)))
    bands[0, 1:], bands[1], bands[2, :-1] = -weight[:-1], 1 + 2 * weight, -weight[1:]
    out: Floats = solve_banded((1, 1), bands, right, overwrite_ab=True, check_finite=False)
    return out


def _held(flat: Flat, at: Floats) -> Floats:
    """Returns the units of the underlying that replicate what is left of the mean."""
    left = flat.years - at
    if abs(flat.carry) < SAME:
        out: Floats = left / flat.years * np.exp(-flat.rate * left)
        return out
    out = (np.exp(-flat.dividend * left) - np.exp(-flat.rate * left)) / (flat.carry * flat.years)
    return out


def _mean_growth(rate: float, years: float) -> float:
    """Returns the mean of e^{rate t} over the years."""
    x = rate * years
    return math.expm1(x) / x if abs(x) > SAME else 1 + x / 2


def _double_mean(carry: float, square: float, years: float, rising: float) -> float:
    """Returns E of the squared mean of a price that starts at 1 (Levy's M over T^2)."""
    width = (carry + square) * years
    if abs(width) < SAME:
        raise Malformed("no closed form at a drift of -sigma^2", field="rate")
    return 2 * (rising - _mean_growth(carry, years)) / width


def _black(flat: Flat, forward: float, variance: float) -> float:
    right = "call" if flat.is_call else "put"
    deviation = math.sqrt(max(variance, 0.0))
    return (
        price_and_greeks(forward, flat.strike, 1.0, deviation, right, discount=1.0).price
        * flat.discount
    )
