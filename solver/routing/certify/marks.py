"""What tokens and derivatives are worth at the snapshot's marks, recomputed by the checker itself.

Integers, but for option values: those are Black-76 on the surface, on the common grid of 1e-8.
"""

from math import erfc, log, sqrt

from solver.domain.calendar import YEAR
from solver.domain.errors import Unproven
from solver.domain.ids import Address
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import PPM, WAD, div_down, div_up
from solver.domain.snapshot import Snapshot
from solver.domain.surface import PPB, Surface

GRID = 10**10  # option marks and deltas are multiples of this, 1e18


def token_value(token: Address, atoms: int, snapshot: Snapshot, *, is_up: bool) -> int:
    """Returns settlement atoms that tokens are worth at the mark. Raises Unproven without one."""
    if token == snapshot.settlement_token.address or atoms == 0:
        return atoms
    underlying = snapshot.underlying_of(token)
    if underlying is None:
        raise Unproven(f"nothing marks {token}: its slippage cannot be bounded")
    worth = atoms * underlying.price * 10**snapshot.settlement_token.decimals
    return (div_up if is_up else div_down)(worth, WAD * 10**underlying.base.decimals)


def unit_cost(instrument: int, price: int, snapshot: Snapshot) -> int:
    """Returns what one unit costs its buyer, 1e18: a perp only what it is off the mark."""
    is_perp = Instrument.unpack(instrument).kind is Kind.PERP
    return price - mark_of(instrument, snapshot) if is_perp else price


def mark_of(instrument: int, snapshot: Snapshot) -> int:
    """Returns the mark, 1e18 settlement units. Raises Unproven for what has none here."""
    return _mark_and_delta(Instrument.unpack(instrument), snapshot)[0]


def delta_of(instrument: int, snapshot: Snapshot) -> int:
    """Returns the delta of one unit, 1e18."""
    return _mark_and_delta(Instrument.unpack(instrument), snapshot)[1]


def _mark_and_delta(instrument: Instrument, snapshot: Snapshot) -> tuple[int, int]:
    underlying = snapshot.underlying(instrument.market)
    if underlying is None:
        raise Unproven(f"market {instrument.market} is not in this snapshot")
    if instrument.kind in (Kind.PERP, Kind.BASE):
        return underlying.price, WAD
    if instrument.kind not in (Kind.CALL, Kind.PUT):
        raise Unproven(f"{instrument.kind.name} has no value here")
    sign = 1 if instrument.kind is Kind.CALL else -1
    if instrument.expiry <= snapshot.time:
        fixed = dict(underlying.expiry_prices).get(instrument.expiry)
        payoff = sign * ((underlying.price if fixed is None else fixed) - instrument.strike)
        return max(payoff, 0), 0 if fixed is not None or payoff <= 0 else sign * WAD
    seconds, forward = instrument.expiry - snapshot.time, underlying.price / WAD
    strike, vol = smile(underlying.surface, instrument.strike / WAD, forward, seconds)
    deviation = vol * sqrt(seconds / YEAR)
    d1 = log(forward / strike) / deviation + 0.5 * deviation
    near, far = (0.5 * erfc(-sign * d * sqrt(0.5)) for d in (d1, d1 - deviation))
    price = max(sign * (forward * near - strike * far), 0.0)
    return round(price * 1e8) * GRID, round(sign * near * 1e8) * GRID


def smile(surface: Surface, strike: float, price: float, seconds: int) -> tuple[float, float]:
    """Returns the strike's present value and its volatility on the common grid of 1e-9.

    Raises Unproven where the surface gives none: without knots, at a price or strike of 0.
    """
    if not surface.knots or price <= 0 or strike <= 0:
        raise Unproven("this market has no surface, or nothing on it is worth anything")
    zero, last = (0, 0.0, 0.0, 0.0, 0.0), surface.knots[-1]
    rows = [
        (s, theta / PPB, psi / PPB, rho / PPM * psi / PPB, carry / PPB)
        for s, theta, psi, rho, carry in surface.knots
    ]
    if seconds >= last.seconds:
        _, theta, psi, tilt, carry = rows[-1]
        theta, carry = theta * seconds / last.seconds, carry * seconds / last.seconds
    else:
        late = next(row for row in rows if seconds < row[0])
        early = next((row for row in reversed(rows) if row[0] <= seconds), zero)
        share = (seconds - early[0]) / (late[0] - early[0])
        theta, psi, tilt, carry = (
            a + share * (b - a) for a, b in zip(early[1:], late[1:], strict=True)
        )
    k = log(strike / (price * (1 + carry)))
    root = sqrt(max(psi * psi * k * k + 2 * tilt * theta * k + theta * theta, 0.0))
    variance = 0.5 * (theta + tilt * k + root)
    vol = round(sqrt(max(variance, 0.0) * YEAR / seconds) * 1e9) / 1e9
    if vol == 0:
        raise Unproven("the surface is flat at a volatility of 0")
    return strike / (1 + carry), vol
