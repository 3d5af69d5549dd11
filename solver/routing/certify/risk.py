"""What one unit of an instrument adds to a greek or a scenario, recomputed by the checker itself.

Integers on the common grids; Black-76 on the surface, a strike's volatility as it is now. Formulas
of the shocks: solver.pricing.scenarios says where they come from.
"""

from math import erfc, exp, log, pi, sqrt

from solver.domain.calendar import DAY, YEAR
from solver.domain.errors import Unproven
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import PPM, WAD
from solver.domain.program import Scenario
from solver.domain.snapshot import Snapshot
from solver.routing.certify.marks import GRID, delta_of, smile

GAMMA_GRID = 10**6
GREEKS = ("delta", "gamma", "vega", "theta")


def greek_of(instrument: int, greek: str, snapshot: Snapshot) -> int:
    """Returns delta, gamma, vega (per 1.0) or theta (per year) of one unit, 1e18."""
    if greek == "delta":
        return delta_of(instrument, snapshot)
    if greek not in GREEKS:
        raise Unproven(f"{greek} is no greek here")
    asked = Instrument.unpack(instrument)
    if asked.kind in (Kind.PERP, Kind.BASE) or asked.expiry <= snapshot.time:
        return 0
    price, strike, vol, years = _terms(asked, snapshot)
    deviation = vol * sqrt(years)
    d1 = log(price / strike) / deviation + 0.5 * deviation
    density = exp(-0.5 * d1 * d1) / sqrt(2 * pi)
    if greek == "gamma":
        return round(density / (price * deviation) * 1e12) * GAMMA_GRID
    worth = (
        price * density * sqrt(years) if greek == "vega" else -_decay(price, density, vol, years)
    )
    return round(worth * 1e8) * GRID


def profit_of(instrument: int, scenario: Scenario, snapshot: Snapshot) -> int:
    """Returns what one unit wins in a scenario, counted at its damping, 1e18 settlement units."""
    asked = Instrument.unpack(instrument)
    underlying = snapshot.underlying(asked.market)
    if underlying is None:
        raise Unproven(f"market {asked.market} is not in this snapshot")
    now, moved = underlying.price / WAD, underlying.price / WAD * (1 + scenario.spot_ppm / PPM)
    if asked.kind in (Kind.PERP, Kind.BASE):
        won = moved - now
    elif asked.kind not in (Kind.CALL, Kind.PUT):
        raise Unproven(f"{asked.kind.name} has no value here")
    elif asked.expiry <= snapshot.time:
        is_fixed = asked.expiry in dict(underlying.expiry_prices)
        won = 0.0 if is_fixed else _payoff(asked, moved) - _payoff(asked, now)
    else:
        _, strike, vol, years = _terms(asked, snapshot)
        shocked = _shocked(vol, (asked.expiry - snapshot.time) / DAY, scenario.vol)
        won = _value(asked, moved, strike, shocked * sqrt(years))
        won -= _value(asked, now, strike, vol * sqrt(years))
    return round(won * scenario.damp_ppm / PPM * 1e8) * GRID


def _terms(asked: Instrument, snapshot: Snapshot) -> tuple[float, float, float, float]:
    """Returns price, present strike, volatility and years."""
    underlying = snapshot.underlying(asked.market)
    if underlying is None or asked.kind not in (Kind.CALL, Kind.PUT):
        raise Unproven(f"{asked.kind.name} of market {asked.market} has no value here")
    seconds, price = asked.expiry - snapshot.time, underlying.price / WAD
    strike, vol = smile(underlying.surface, asked.strike / WAD, price, seconds)
    return price, strike, vol, seconds / YEAR


def _decay(price: float, density: float, vol: float, years: float) -> float:
    return price * density * vol / (2 * sqrt(years))


def _shocked(vol: float, days: float, way: int) -> float:
    much: float = (30 / max(days, 1.0)) ** (0.30 if days <= 30 else 0.13)
    if way > 0:
        return max(vol * (1 + 0.5 * much), 0.4)
    return vol if way == 0 else vol * max(0.0, 1 - 0.3 * much)


def _value(asked: Instrument, price: float, strike: float, deviation: float) -> float:
    sign = 1 if asked.kind is Kind.CALL else -1
    if price <= 0 or deviation <= 0:
        return max(sign * (price - strike), 0.0)
    d1 = log(price / strike) / deviation + 0.5 * deviation
    near, far = (0.5 * erfc(-sign * d * sqrt(0.5)) for d in (d1, d1 - deviation))
    return max(sign * (price * near - strike * far), 0.0)


def _payoff(asked: Instrument, price: float) -> float:
    sign = 1 if asked.kind is Kind.CALL else -1
    return max(sign * (price - asked.strike / WAD), 0.0)
