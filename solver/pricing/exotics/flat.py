"""The world of the closed forms: one volatility, one rate and one dividend yield, for ever."""

import math
from typing import NamedTuple

from scipy.special import log_ndtr

from solver.domain.errors import Malformed
from solver.pricing.black import price_and_greeks

VOL_MIN, VARIANCE_MAX = (
    1e-4,
    400.0,
)  # sigma, and sigma^2 T: beyond them the closed forms lose digits
RATE_MAX = 10.0


class Flat(NamedTuple):
    """An option's terms in a flat world; years, rates and volatility annual, continuous."""

    is_call: bool
    spot: float
    strike: float
    years: float
    rate: float
    dividend: float
    vol: float

    @property
    def carry(self) -> float:
        """Haug's b, the drift of the spot."""
        return self.rate - self.dividend

    @property
    def discount(self) -> float:
        """Value now of one unit at expiry."""
        return math.exp(-self.rate * self.years)

    @property
    def growth(self) -> float:
        """Value now of one unit of the underlying at expiry, by its spot."""
        return math.exp(-self.dividend * self.years)

    @property
    def forward(self) -> float:
        """Settlement units at expiry."""
        return self.spot * math.exp(self.carry * self.years)

    @property
    def deviation(self) -> float:
        """sigma sqrt(T)."""
        return self.vol * math.sqrt(self.years)

    @property
    def sign(self) -> int:
        """1 for a call, -1 for a put."""
        return 1 if self.is_call else -1


def require(flat: Flat) -> None:
    """Raises Malformed unless the closed forms hold for `flat`: positive spot, time and volatility,
    a strike that is not negative, rates that are rates."""
    positive = (flat.spot, flat.years, flat.vol)
    is_sane = (
        all(0 < x < math.inf for x in positive)
        and 0 <= flat.strike < math.inf
        and flat.vol >= VOL_MIN
        and flat.vol * flat.vol * flat.years <= VARIANCE_MAX
        and max(abs(flat.rate), abs(flat.dividend)) <= RATE_MAX
    )
    if not is_sane:
        raise Malformed("no closed form for these terms", field="option")


def vanilla(flat: Flat) -> float:
    """Returns the European option (Black 1976 on the forward)."""
    right = "call" if flat.is_call else "put"
    return price_and_greeks(
        flat.forward, flat.strike, flat.years, flat.vol, right, discount=flat.discount
    ).price


def cash_or_nothing(flat: Flat, cash: float) -> float:
    """Returns the option that pays `cash` in the money (Reiner-Rubinstein 1991)."""
    return cash * flat.discount * normal(flat.sign * (_d1(flat) - flat.deviation))


def asset_or_nothing(flat: Flat) -> float:
    """Returns the option that pays the underlying in the money (Cox-Rubinstein 1985)."""
    return flat.spot * flat.growth * normal(flat.sign * _d1(flat))


def normal(x: float) -> float:
    """Returns the normal distribution, accurate in relative terms in the lower tail."""
    return 0.5 * math.erfc(-x * math.sqrt(0.5))


def tilted(log_scale: float, x: float) -> float:
    """Returns exp(log_scale) N(x): bounded where it is used, though its factors are not."""
    return math.exp(min(log_scale + float(log_ndtr(x)), 700.0))


def _d1(flat: Flat) -> float:
    if flat.strike == 0:
        return math.inf
    return math.log(flat.forward / flat.strike) / flat.deviation + flat.deviation / 2
