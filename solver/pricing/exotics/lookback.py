"""Options on the highest or lowest price of their life, in closed form.

Floating strike: B. Goldman, H. Sosin, M. Gatto, "Path dependent options: buy at the low, sell at
the high", J. Finance 34 (1979). Fixed strike: A. Conze, R. Viswanathan, "Path dependent options:
the case of lookback options", J. Finance 46 (1991). Both are one expectation of how far the price
goes beyond a level (E. Haug, 2nd ed. (2007), 4.15). Watched at every instant.
"""

import math

from solver.domain.errors import Malformed
from solver.pricing.exotics.flat import Flat, normal, require, tilted

CARRY_MIN = 1e-6  # nearer to 0 the formula cancels: its values at both sides say more


def floating_lookback(flat: Flat, extreme: float) -> float:
    """Returns the call that buys at the lowest, or the put that sells at the highest price;
    `extreme` is the lowest or highest so far. The strike is not used. Raises Malformed.
    """
    _require(flat, extreme, is_high=not flat.is_call)
    now = flat.spot * flat.growth - extreme * flat.discount
    return flat.sign * now + beyond(flat, extreme, is_up=not flat.is_call)


def fixed_lookback(flat: Flat, extreme: float) -> float:
    """Returns the call on the highest, or the put on the lowest price; `extreme` is the highest or
    lowest so far. Raises Malformed."""
    _require(flat, extreme, is_high=flat.is_call)
    level = max(flat.strike, extreme) if flat.is_call else min(flat.strike, extreme)
    sure = flat.sign * (level - flat.strike) * flat.discount
    return sure + beyond(flat, level, is_up=flat.is_call)


def beyond(flat: Flat, level: float, *, is_up: bool) -> float:
    """Returns the value now of how far the price will have been above (`is_up`) or below `level`
    at most, for a level on that side of the spot."""
    side, carry = 1 if is_up else -1, flat.carry
    if abs(carry) < CARRY_MIN:
        aside = 2 * CARRY_MIN
        near = (flat._replace(dividend=flat.rate - b) for b in (-aside, aside))
        below, above = (beyond(one, level, is_up=is_up) for one in near)
        return below + (above - below) * (carry / aside + 1) / 2
    d1 = math.log(flat.spot / level) / flat.deviation
    d1 += (carry + flat.vol**2 / 2) * flat.years / flat.deviation
    plain = flat.spot * flat.growth * normal(side * d1)
    plain -= level * flat.discount * normal(side * (d1 - flat.deviation))
    ratio = -2 * carry / flat.vol**2 * math.log(flat.spot / level)
    back = tilted(ratio, side * (d1 - 2 * carry * math.sqrt(flat.years) / flat.vol))
    drawn = math.exp(carry * flat.years) * normal(side * d1) - back
    gain = flat.spot * flat.discount * flat.vol**2 / (2 * carry) * drawn
    return max(side * (plain + gain), 0.0)


def _require(flat: Flat, extreme: float, *, is_high: bool) -> None:
    require(flat)
    is_possible = extreme >= flat.spot if is_high else 0 < extreme <= flat.spot
    if not (is_possible and extreme < math.inf):
        side = "highest" if is_high else "lowest"
        raise Malformed(f"{extreme!r} cannot be the {side} price so far", field="extreme")
