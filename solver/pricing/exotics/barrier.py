"""Options that come to life or die at one price, with a rebate, in closed form.

E. Reiner, M. Rubinstein, "Breaking down the barriers", Risk 4 (1991), in the six terms A to F of
E. Haug, "The Complete Guide to Option Pricing Formulas", 2nd ed. (2007), 4.17.1. Watched at every
instant. The rebate of an option that dies is paid when it does, that of one that never came to life
at expiry.
"""

import math
from typing import NamedTuple

from solver.domain.errors import Malformed
from solver.pricing.exotics.flat import Flat, normal, require, tilted, vanilla


class Barrier(NamedTuple):
    """`is_up` above the spot; `is_in` comes to life there, else it dies."""

    level: float
    is_up: bool
    is_in: bool
    rebate: float = 0.0


def barrier_price(flat: Flat, barrier: Barrier) -> float:
    """Returns the value of an option with one barrier, settlement units. Raises Malformed.

    Beyond the barrier it has happened: the rebate is due, or the option is a plain one.
    """
    require(flat)
    if not (0 < barrier.level < math.inf and barrier.rebate >= 0 and flat.strike > 0):
        raise Malformed("a barrier is a positive price", field="barrier")
    if (flat.spot >= barrier.level) if barrier.is_up else (flat.spot <= barrier.level):
        return vanilla(flat) if barrier.is_in else barrier.rebate
    terms = _Terms(flat, barrier)
    a, b, c, d = terms.a, terms.b, terms.c, terms.d
    over, under = {  # what comes to life, by the strike over or under the barrier
        (True, False): (c, a - b + d),
        (True, True): (a, b - c + d),
        (False, False): (b - c + d, a),
        (False, True): (a - b + d, c),
    }[flat.is_call, barrier.is_up]
    alive = over if flat.strike > barrier.level else under
    if barrier.is_in:
        return max(alive + terms.at_expiry, 0.0)
    return max(a - alive + terms.when_touched, 0.0)


class _Terms:
    """A to F of Haug 4.17.1; the powers of H/S times distributions, each accurate in its tail."""

    def __init__(self, flat: Flat, barrier: Barrier) -> None:
        self._flat, self._eta = flat, -1 if barrier.is_up else 1
        self._rebate, deviation = barrier.rebate, flat.deviation
        self._mu = flat.carry / flat.vol**2 - 0.5
        self._log = math.log(barrier.level / flat.spot)
        drift = (1 + self._mu) * deviation
        moneyness = math.log(flat.spot / flat.strike)
        x1, x2 = moneyness / deviation + drift, -self._log / deviation + drift
        y1 = (2 * self._log + moneyness) / deviation + drift
        y2 = self._log / deviation + drift
        self._x2, self._y2 = x2, y2
        self.a, self.b = self._plain(x1), self._plain(x2)
        self.c, self.d = self._mirrored(y1), self._mirrored(y2)

    @property
    def at_expiry(self) -> float:
        """E: the rebate of an option that was never touched."""
        flat, eta = self._flat, self._eta
        alive = normal(eta * (self._x2 - flat.deviation))
        died = self._tilted(2 * self._mu, eta * (self._y2 - flat.deviation))
        return self._rebate * flat.discount * (alive - died)

    @property
    def when_touched(self) -> float:
        """F: the rebate at the first touch. For very negative rates the root may be imaginary."""
        flat, eta = self._flat, self._eta
        square = self._mu**2 + 2 * flat.rate / flat.vol**2
        if self._rebate == 0:
            return 0.0
        if square < 0:
            raise Malformed("no closed form for a rebate at this rate", field="rate")
        root = math.sqrt(square)
        z = self._log / flat.deviation + root * flat.deviation
        first = self._tilted(self._mu + root, eta * z)
        second = self._tilted(self._mu - root, eta * (z - 2 * root * flat.deviation))
        return self._rebate * (first + second)

    def _plain(self, x: float) -> float:
        flat = self._flat
        phi = flat.sign
        stock = flat.spot * flat.growth * normal(phi * x)
        return phi * (stock - flat.strike * flat.discount * normal(phi * (x - flat.deviation)))

    def _mirrored(self, y: float) -> float:
        flat, eta = self._flat, self._eta
        stock = flat.spot * flat.growth * self._tilted(2 * self._mu + 2, eta * y)
        cash = self._tilted(2 * self._mu, eta * (y - flat.deviation))
        return flat.sign * (stock - flat.strike * flat.discount * cash)

    def _tilted(self, exponent: float, x: float) -> float:
        """Returns (H/S)^exponent N(x)."""
        return tilted(exponent * self._log, x)
