"""One tenor's smile: raw SVI in its natural letters, and whether a butterfly on it is free.

w(k) = base + (theta + tilt j + sqrt(psi^2 j^2 + 2 tilt theta j + theta^2)) / 2 with j = k - shift
and tilt = rho psi (J. Gatheral, A. Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative
Finance 14 (2014), 3.1). Base and shift 0 are one tenor of eSSVI.
"""

import math
from typing import NamedTuple

from solver.domain.numbers import PPM
from solver.domain.surface import PPB, Knot


class JumpWings(NamedTuple):
    """At the money variance, its skew, the put and call wings' slopes, the least variance; a year
    each (Gatheral-Jacquier 3.3)."""

    variance: float
    skew: float
    put: float
    call: float
    least: float


class Smile(NamedTuple):
    """Floats of one tenor."""

    base: float
    theta: float
    psi: float
    tilt: float
    shift: float

    def variance(self, k: float) -> float:
        """Returns total implied variance at log-moneyness ln(K / F)."""
        j = k - self.shift
        return self.base + 0.5 * (self.theta + self.tilt * j + self._root(j))

    def slopes(self, k: float) -> tuple[float, float]:
        """Returns the first two derivatives of the variance."""
        j = k - self.shift
        root = self._root(j) or math.inf
        bend = 0.5 * self.theta * self.theta * (self.psi * self.psi - self.tilt * self.tilt)
        rise = self.psi * self.psi * j + self.tilt * self.theta
        return 0.5 * (self.tilt + rise / root), bend / root**3

    def jump_wings(self, years: float) -> JumpWings:
        """Returns the same smile in traders' letters."""
        at_the_money, (slope, _) = self.variance(0.0), self.slopes(0.0)
        root = math.sqrt(at_the_money)
        wings = (0.5 * (self.psi - self.tilt) / root, 0.5 * (self.psi + self.tilt) / root)
        least = self.base + self.theta * (1 - self._rho() ** 2)
        return JumpWings(at_the_money / years, 0.5 * slope / root, *wings, least / years)

    def _rho(self) -> float:
        return self.tilt / self.psi if self.psi else 0.0

    def _root(self, j: float) -> float:
        cross = 2 * self.tilt * self.theta * j
        return math.sqrt(max(self.psi * self.psi * j * j + cross + self.theta * self.theta, 0.0))


class Slice(NamedTuple):
    """One tenor: the smiles of the knots around it, how far it is to the later one, what its
    variance is above theirs, and its carry."""

    early: Smile
    late: Smile
    share: float
    level: float
    carry: float

    @property
    def theta(self) -> float:
        """Total variance at the money."""
        return self.variance(0.0)

    def variance(self, k: float) -> float:
        """Returns total implied variance at log-moneyness ln(K / F)."""
        late = self.share * self.late.variance(k)
        return self.level + (1 - self.share) * self.early.variance(k) + late

    def density(self, k: float) -> float:
        """Returns Durrleman's g(k): negative where a butterfly would cost less than nothing."""
        pairs = zip(self.early.slopes(k), self.late.slopes(k), strict=True)
        slope, bend = ((1 - self.share) * one + self.share * other for one, other in pairs)
        return density(k, self.variance(k), slope, bend)

    def present(self, strike: float) -> float:
        """Returns the strike times price / forward: Black-76 on the price with this strike is the
        discounted Black-76 on the forward, and its delta and gamma are those of the price."""
        return strike / (1 + self.carry)


NOTHING = Smile(0.0, 0.0, 0.0, 0.0, 0.0)


def of_knot(knot: Knot) -> Smile:
    """Returns the smile of a surface's knot."""
    psi = knot.psi_ppb / PPB
    tilt = knot.rho_ppm / PPM * psi
    return Smile(knot.base_ppb / PPB, knot.theta_ppb / PPB, psi, tilt, knot.shift_ppb / PPB)


def raw(a: float, b: float, rho: float, m: float, sigma: float) -> Smile:
    """Returns the smile w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)), b above 0."""
    wide, psi = math.sqrt(1 - rho * rho), 2 * b
    theta = sigma * psi / wide
    return Smile(a - 0.5 * theta * wide * wide, theta, psi, rho * psi, m + rho * theta / psi)


def density(k: float, variance: float, slope: float, curvature: float) -> float:
    """Returns g(k) of a smile of total variance and its two derivatives (Gatheral-Jacquier 2.1):
    negative where a butterfly would cost less than nothing."""
    leaning = 1 - k * slope / (2 * variance)
    return leaning * leaning - slope * slope / 4 * (1 / variance + 0.25) + curvature / 2
