"""Options that live between two prices, in closed form.

M. Ikeda, N. Kunitomo, "Pricing options with curved boundaries", Mathematical Finance 2 (1992), flat
boundaries: a sum over images, of which those count that some path could reach. Watched at every
instant, no rebate.
"""

import math
from typing import NamedTuple

from scipy.special import log_ndtr

from solver.domain.errors import Malformed
from solver.pricing.exotics.flat import Flat, require, vanilla

DEVIATIONS = 9.0  # an image farther away than this weighs less than 1e-18
IMAGES_MAX = 200


class Corridor(NamedTuple):
    """Dies at either price, or with `is_in` comes to life there."""

    low: float
    high: float
    is_in: bool = False


def double_barrier_price(flat: Flat, corridor: Corridor) -> float:
    """Returns the value of an option with two barriers, settlement units. Raises Malformed."""
    require(flat)
    low, high = corridor.low, corridor.high
    if not (0 < low < high < math.inf):
        raise Malformed("two barriers are two rising prices", field="barrier")
    plain = vanilla(flat)
    if not low < flat.spot < high:
        return plain if corridor.is_in else 0.0
    alive = max(_alive(flat, corridor), 0.0)
    return max(plain - alive, 0.0) if corridor.is_in else min(alive, plain)


def _alive(flat: Flat, corridor: Corridor) -> float:
    """Returns the value of what is paid on paths that stay inside."""
    strike = min(max(flat.strike, corridor.low), corridor.high)
    ends = (strike, corridor.high) if flat.is_call else (corridor.low, strike)
    if ends[0] >= ends[1]:
        return 0.0
    stock = flat.spot * flat.growth * _stays(flat, corridor, ends, 1)
    cash = flat.strike * flat.discount * _stays(flat, corridor, ends, 0)
    return flat.sign * (stock - cash)


def _stays(flat: Flat, corridor: Corridor, ends: tuple[float, float], measure: int) -> float:
    """Returns the probability to stay inside and end between `ends`, under the measure of cash (0)
    or of the underlying (1)."""
    width = math.log(corridor.high / corridor.low)
    images = min(math.ceil(DEVIATIONS * flat.deviation / width / 2) + 2, IMAGES_MAX)
    tilt = 2 * flat.carry / flat.vol**2 - 1 + 2 * measure
    drift = (flat.carry + (measure - 0.5) * flat.vol**2) * flat.years
    home = math.log(flat.spot)
    total = 0.0
    for n in range(-images, images + 1):
        shift = 2 * n * width
        kept = home + shift
        mirrored = 2 * math.log(corridor.low) - home - shift
        for weight, start in ((1, kept), (-1, mirrored)):
            lower, upper = ((math.log(end) - start - drift) / flat.deviation for end in ends)
            scale = (
                n * width * tilt
                if weight > 0
                else tilt * (math.log(corridor.low) - home - n * width)
            )
            total += weight * _scaled(scale, lower, upper)
    return total


def _scaled(log_scale: float, lower: float, upper: float) -> float:
    """Returns exp(log_scale) times the normal mass of an interval, without overflow."""
    if lower > 0:
        lower, upper = -upper, -lower
    top, bottom = float(log_ndtr(upper)), float(log_ndtr(lower))
    gap = -math.expm1(bottom - top)
    return math.exp(log_scale + top + math.log(gap)) if gap > 0 else 0.0
