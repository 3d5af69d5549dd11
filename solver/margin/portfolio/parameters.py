"""Every constant of PORTFOLIO margin, and which values of them anybody may set.

After Derive's PMRM_2 (scenario rows, discounts, contingencies). Fractions are 1e18, so that the
same numbers enter integers and floats. What prediction moves (spot and volatility ranges) is not
here but in `solver.domain.risk.MarketRisk`.
"""

from typing import NamedTuple

from solver.domain.errors import Malformed
from solver.domain.numbers import PPM, WAD, parse_decimal
from solver.domain.risk import MarketRisk

_wad = parse_decimal

SPOT_PPM_MAX = 900_000  # a larger shock has no price left to fall to
VOL_PPM_MAX = 5_000_000
CORRELATION_MAX = WAD // 2


class Tail(NamedTuple):
    """Spot at a multiple of itself, volatility up, and how much of the result counts."""

    spot: int
    damp: int


class Skew(NamedTuple):
    """A tilt of volatilities: v (1 + clip(k cap / k*, -cap, cap)), cap = base + slope sqrt(T)."""

    base: int = _wad("0.25")
    slope: int = _wad("-0.1")


class Discount(NamedTuple):
    """A share of an expiry's value: base exp(-+T (r rate + yearly)), r its interest, at least 0."""

    base: int
    rate: int
    yearly: int = _wad("0.08")


class Charge(NamedTuple):
    """A static charge: what maintenance asks, and what initial margin asks on top."""

    maintenance: int
    initial: int


class Parameters(NamedTuple):
    """Fractions 1e18. Defaults are the specification's; `validated` says what may be changed."""

    tails: tuple[Tail, ...] = (
        Tail(_wad("0.34"), _wad("0.21")),
        Tail(_wad("0.67"), _wad("0.42")),
        Tail(_wad("1.5"), _wad("0.2772")),
        Tail(_wad("2"), _wad("0.1386")),
        Tail(_wad("3"), _wad("0.0693")),
        Tail(_wad("4"), _wad("0.0462")),
        Tail(_wad("5"), _wad("0.03465")),
        Tail(_wad("6"), _wad("0.02772")),
    )
    vol_min: int = _wad("0.4")  # the least volatility that a shock upwards leaves
    vol_days_min: int = WAD  # m = (30 d / max(T, this))^p
    vol_short: int = _wad("0.30")  # p up to 30 days, and beyond
    vol_long: int = _wad("0.13")
    linear: Skew = Skew()
    absolute: Skew = Skew()
    width_min: int = _wad("0.01")  # k* = max(this, sqrt(T) (width + width_slope sqrt(T)))
    width: int = _wad("2.4")
    width_slope: int = 0
    asset: Discount = Discount(_wad("0.95"), WAD)  # what is worth something: at most all of it
    debt: Discount = Discount(_wad("1.04"), _wad("0.5"))  # what costs something: at least all of it
    basis_up: int = _wad("1.045")
    basis_down: int = _wad("0.955")
    basis_add: int = _wad("0.5")
    basis_yearly: int = 2 * WAD
    perp: Charge = Charge(_wad("0.03"), _wad("0.01"))
    naked: Charge = Charge(_wad("0.003"), _wad("0.002"))
    base: Charge = Charge(_wad("0.02"), _wad("0.01"))
    confidence_min: int = _wad("0.55")  # below it the oracle term is due
    confidence_charge: int = WAD
    peg_min: int = _wad("0.99")
    peg_factor: int = 4 * WAD
    maintenance_factor: int = _wad("0.8")
    initial_factor: int = WAD
    is_static_scaled: bool = False  # initial margin takes the static charge by its factor as well
    correlation: int = 0  # of opposite losses in two underlyings, credited
    impact: int = WAD  # eta of the concentration charge
    floor: int = _wad("0.01")  # of gross perp and short-option notional, as the contract


DEFAULT = Parameters()


def validated(parameters: Parameters) -> Parameters:
    """Returns the parameters. Raises Malformed `unsoundParameters` where an asset would count more
    than itself, a debt less, or maintenance more than initial margin."""
    p = parameters
    charges = (p.perp, p.naked, p.base)
    rules = {
        "tails": all(t.spot > 0 and 0 <= t.damp <= WAD for t in p.tails),
        "asset": 0 <= p.asset.base <= WAD and min(p.asset) >= 0,
        "debt": p.debt.base >= WAD and min(p.debt) >= 0,
        "vol": p.vol_min >= 0 and p.vol_days_min > 0 and min(p.vol_short, p.vol_long) >= 0,
        "linear": 0 <= p.linear.base <= WAD and p.linear.slope <= 0,
        "absolute": 0 <= p.absolute.base <= WAD and p.absolute.slope <= 0,
        "width": p.width_min > 0 and p.width > 0,
        "basis": 0 < p.basis_down <= WAD <= p.basis_up and min(p.basis_add, p.basis_yearly) >= 0,
        "charges": all(0 <= part <= WAD for charge in charges for part in charge),
        "confidence": 0 <= p.confidence_min <= WAD and 0 <= p.confidence_charge <= WAD,
        "peg": 0 <= p.peg_min <= WAD and p.peg_factor >= 0,
        "factors": 0 < p.maintenance_factor <= p.initial_factor,
        "correlation": 0 <= p.correlation <= CORRELATION_MAX,
        "floor": 0 <= p.floor <= WAD and p.impact >= 0,
    }
    for field, holds in rules.items():
        if not holds:
            raise _unsound(f"{field} is outside what is safe for the vault", field)
    return parameters


def validated_risk(risk: MarketRisk) -> MarketRisk:
    """Returns what prediction says. Raises Malformed `unsoundParameters` where an old position
    would have to hold more than a new one, or a shock leaves no price."""
    if not 0 < risk.spot_maintenance <= risk.spot_initial <= SPOT_PPM_MAX:
        raise _unsound("spot ranges are 0 < maintenance <= initial <= 90 %", "risk")
    if not (0 <= risk.vol_up <= VOL_PPM_MAX and 0 <= risk.vol_down <= PPM):
        raise _unsound("volatility ranges are 0 to 500 % up and 0 to 100 % down", "risk")
    if risk.daily < 0 or risk.depth < 0:
        raise _unsound("deviation and depth are not negative", "risk")
    return risk


def _unsound(detail: str, field: str) -> Malformed:
    return Malformed(detail, code="unsoundParameters", field=field)
