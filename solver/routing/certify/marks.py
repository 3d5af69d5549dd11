"""What tokens and derivatives are worth at the snapshot's marks, recomputed by the checker itself.

Integers, but for option values: those are Black-76 on the surface, on the common grid of 1e-8, of
Asian options on the moments of their mean.
"""

from math import erfc, exp, log, sqrt

from solver.domain.calendar import YEAR
from solver.domain.errors import Unproven
from solver.domain.ids import Address
from solver.domain.instrument import ASIAN_KINDS, FIXINGS, Instrument, Kind, fixing_times
from solver.domain.numbers import PPM, WAD, div_down, div_up
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import PPB, Knot, Surface

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
    if instrument.kind in ASIAN_KINDS:
        return _asian(instrument, underlying, snapshot.time)
    sign = 1 if instrument.kind is Kind.CALL else -1
    if instrument.expiry <= snapshot.time:
        fixed = dict(underlying.expiry_prices).get(instrument.expiry)
        payoff = sign * ((underlying.price if fixed is None else fixed) - instrument.strike)
        return max(payoff, 0), 0 if fixed is not None or payoff <= 0 else sign * WAD
    seconds, forward = instrument.expiry - snapshot.time, underlying.price / WAD
    strike, vol = smile(underlying.surface, instrument.strike / WAD, forward, seconds)
    deviation = vol * sqrt(seconds / YEAR)
    side = 1 if forward < strike else -1  # the one out of the money is worth no intrinsic value
    d1 = log(forward / strike) / deviation + 0.5 * deviation
    near, far = (0.5 * erfc(-side * d * sqrt(0.5)) for d in (d1, d1 - deviation))
    price = max(side * (forward * near - strike * far), 0.0)
    if side != sign:
        price, near = price + sign * (forward - strike), 1 - near
    return round(price * 1e8) * GRID, round(sign * near * 1e8) * GRID


def _asian(instrument: Instrument, underlying: Underlying, time: int) -> tuple[int, int]:
    """Mark and delta by the lognormal with the mean's first two moments (Turnbull-Wakeman 1991), a
    fixing due and not yet recorded at the feed. What signers attest is sampled: close, not equal.
    """
    sign, price = 1 if instrument.kind is Kind.ASIAN_CALL else -1, underlying.price
    fixing = underlying.fixing_of(instrument.expiry)
    coming = [at - time for at in fixing_times(instrument.expiry) if at > time]
    known = fixing.total + max(FIXINGS - len(coming) - fixing.fixed, 0) * price
    if not coming:
        payoff = sign * (known // FIXINGS - instrument.strike)
        left = sign * (FIXINGS - fixing.fixed) * WAD // FIXINGS
        return max(payoff, 0), left if payoff > 0 else 0
    spot, strike = price / WAD, (FIXINGS * instrument.strike - known) / len(coming) / WAD
    carries = [spot / smile(underlying.surface, spot, spot, at)[0] for at in coming]
    forwards = [spot * carry for carry in carries]
    first, scale = sum(forwards) / len(coming), len(coming) / FIXINGS / carries[-1]
    if strike <= 0:
        linear = scale * max(sign * (first - strike), 0.0)
        return round(linear * 1e8) * GRID, round(max(sign, 0) * scale * first / spot * 1e8) * GRID
    width = _width(underlying.surface, forwards, coming, (strike / first, spot))
    d1 = log(first / strike) / width + 0.5 * width
    near, far = (0.5 * erfc(-sign * d * sqrt(0.5)) for d in (d1, d1 - width))
    value = scale * max(sign * (first * near - strike * far), 0.0)
    return round(value * 1e8) * GRID, round(sign * scale * near * first / spot * 1e8) * GRID


def _width(
    surface: Surface, forwards: list[float], seconds: list[int], at: tuple[float, float]
) -> float:
    """Returns the deviation of the log of the fixings' mean. Every fixing has the surface's
    variance at one moneyness, never less than the one before it; `at` is (moneyness, spot)."""
    variances: list[float] = []
    for forward, left in zip(forwards, seconds, strict=True):
        vol = smile(surface, at[0] * forward, at[1], left)[1]
        variances.append(max(vol * vol * left / YEAR, *variances[-1:], 0.0))
    second = sum(
        one * other * exp(min(variances[i], variances[j]))
        for i, one in enumerate(forwards)
        for j, other in enumerate(forwards)
    )
    return sqrt(log(second / sum(forwards) ** 2))


def smile(surface: Surface, strike: float, price: float, seconds: int) -> tuple[float, float]:
    """Returns the strike's present value and its volatility on the common grid of 1e-9.

    Raises Unproven where the surface gives none: without knots, at a price or strike of 0.
    """
    if not surface.knots or price <= 0 or strike <= 0:
        raise Unproven("this market has no surface, or nothing on it is worth anything")
    zero, last = Knot(0, 0, 0, 0), surface.knots[-1]
    if seconds >= last.seconds:
        longer = seconds / last.seconds
        carry = last.carry_ppb / PPB * longer
        k = log(strike / (price * (1 + carry)))
        variance = _variance(last, k) + (longer - 1) * _variance(last, 0.0)
    else:
        late = next(knot for knot in surface.knots if seconds < knot.seconds)
        early = next((knot for knot in reversed(surface.knots) if knot.seconds <= seconds), zero)
        share = (seconds - early.seconds) / (late.seconds - early.seconds)
        carry = early.carry_ppb / PPB + share * (late.carry_ppb - early.carry_ppb) / PPB
        k = log(strike / (price * (1 + carry)))
        variance = (1 - share) * _variance(early, k) + share * _variance(late, k)
    vol = round(sqrt(max(variance, 0.0) * YEAR / seconds) * 1e9) / 1e9
    if vol == 0:
        raise Unproven("the surface is flat at a volatility of 0")
    return strike / (1 + carry), vol


def _variance(knot: Knot, k: float) -> float:
    """Returns the total variance of one tenor's raw SVI."""
    theta, psi, j = knot.theta_ppb / PPB, knot.psi_ppb / PPB, k - knot.shift_ppb / PPB
    tilt = knot.rho_ppm / PPM * psi
    root = sqrt(max(psi * psi * j * j + 2 * tilt * theta * j + theta * theta, 0.0))
    return knot.base_ppb / PPB + 0.5 * (theta + tilt * j + root)
