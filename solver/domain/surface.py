"""A volatility surface as integers, so that a snapshot hashes and replays bit for bit.

Each knot is one tenor of raw SVI in its natural letters (J. Gatheral, A. Jacquier, "Arbitrage-free
SVI volatility surfaces", Quantitative Finance 14 (2014)):
w(k) = base + (theta + rho psi j + sqrt((psi j + rho theta)^2 + (1 - rho^2) theta^2)) / 2,
j = ln(K / F) - shift. Without base and shift it is one tenor of eSSVI (S. Hendriks, C. Martini,
"The extended SSVI volatility surface", J. Computational Finance 22 (2019)).
"""

from typing import NamedTuple

from solver.domain.calendar import YEAR

PPB = 10**9


class Knot(NamedTuple):
    """One tenor: total variance (theta, at the money where base and shift are 0), steepness (psi),
    correlation (rho), what the forward is above the price, as a share of the price, and how far
    the smile is lifted (base, of total variance) and moved (shift, of log-moneyness)."""

    seconds: int
    theta_ppb: int
    psi_ppb: int
    rho_ppm: int
    carry_ppb: int = 0
    base_ppb: int = 0
    shift_ppb: int = 0


class Surface(NamedTuple):
    """Knots by rising tenor. Between them total variance at each moneyness and carry are linear in
    time; before the first the smile's volatility stays, after the last the at-the-money volatility
    does, all variances rising alike.

    `time` is when it was recorded, unix seconds, 0 for what is built in; the errors are of its fit
    at quoted options of 10 to 90 delta, in parts per million of volatility (10_000 = one point).
    """

    knots: tuple[Knot, ...] = ()
    time: int = 0
    rms_ppm: int = 0
    worst_ppm: int = 0


def flat(vol_ppm: int) -> Surface:
    """Returns the same volatility for every strike and tenor; 650_000 is 65 %."""
    return Surface((Knot(YEAR, vol_ppm * vol_ppm // 1000, 0, 0),))
