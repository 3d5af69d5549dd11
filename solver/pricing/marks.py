"""The mark of every instrument as an integer: what floats become before anyone decides by them.

Option values leave Black-76 on a grid of 1e-8, half to even, so that two machines whose last bit
differs still agree. Perps and base are worth the oracle's price; options have the volatility and
the forward of the market's surface. An Asian option is sampled: its mark has a standard error.
"""

import math

from solver.domain.calendar import YEAR
from solver.domain.errors import Malformed, NotFound
from solver.domain.instrument import ASIAN_KINDS, FIXINGS, RIGHT_OF, Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.risk import Fixing
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import Surface
from solver.pricing.black import Greeks, price_and_greeks
from solver.pricing.exotics.asian import asian_greeks, asian_mark
from solver.pricing.surface import slice_at, volatility

GRID_PLACES = 8


def to_wad(value: float, places: int = GRID_PLACES) -> int:
    """Returns `value` as 1e18 on the grid of 10**-places, half to even."""
    return round(value * 10.0**places) * int(10 ** (18 - places))


def underlying_of(instrument: Instrument, snapshot: Snapshot) -> Underlying:
    """Returns the instrument's market. Raises NotFound."""
    underlying = snapshot.underlying(instrument.market)
    if underlying is None:
        raise NotFound(f"market {instrument.market} is not in this snapshot", field="market")
    return underlying


def valuation_price(instrument: Instrument, underlying: Underlying) -> int:
    """Returns the price the instrument is valued at, 1e18: that a call's or put's expiry was fixed
    at, else the feed. An Asian option's fixings are its own, whatever the expiry's price is."""
    if instrument.kind not in (Kind.CALL, Kind.PUT):
        return underlying.price
    fixed = dict(underlying.expiry_prices)
    return fixed.get(instrument.expiry, underlying.price)


def intrinsic(instrument: Instrument, price: int) -> int:
    """Returns the payoff of one option at `price`, that of the mean for an Asian one, 1e18."""
    sign = 1 if instrument.kind in (Kind.CALL, Kind.ASIAN_CALL) else -1
    return max(sign * (price - instrument.strike), 0)


def mean_at(fixing: Fixing, price: int) -> int:
    """Returns the mean of a series' fixings if all that are open were at `price`, 1e18, down."""
    return (fixing.total + (FIXINGS - fixing.fixed) * price) // FIXINGS


def option_greeks(instrument: Instrument, underlying: Underlying, time: int) -> Greeks:
    """Returns floats of one option at the market's surface; `time` in unix seconds."""
    price = valuation_price(instrument, underlying)
    fixing = underlying.fixing_of(instrument.expiry)
    return greeks_at(instrument, underlying.surface, price, time, fixing)


def greeks_at(
    instrument: Instrument,
    surface: Surface,
    price: int,
    time: int,
    fixing: Fixing | None = None,
) -> Greeks:
    """Returns floats of one option while the underlying is at `price` (1e18), delta and gamma per
    unit of the underlying, theta at unchanged carry. `fixing` is what an Asian series has averaged,
    None for nothing. Raises Malformed for what is no option.
    """
    if instrument.kind in ASIAN_KINDS:
        known = fixing or Fixing(instrument.expiry, 0, 0)
        if instrument.expiry > time:
            return asian_greeks(instrument, surface, price, time, known)
        return Greeks(intrinsic(instrument, mean_at(known, price)) / WAD, 0.0, 0.0, 0.0, 0.0)
    if instrument.kind not in (Kind.CALL, Kind.PUT):
        raise Malformed(f"{instrument.kind.name} has no closed form here", field="instrument")
    seconds, spot, strike = max(instrument.expiry - time, 0), price / WAD, instrument.strike / WAD
    found = slice_at(surface, seconds)
    vol = volatility(found, strike, spot, seconds)
    right = RIGHT_OF[instrument.kind]
    return price_and_greeks(spot, found.present(strike), seconds / YEAR, vol, right)


def mark_of(instrument: Instrument | int, snapshot: Snapshot) -> int:
    """Returns the mark, 1e18 settlement units. Raises NotFound without the market.

    An option past its expiry is worth its intrinsic value at the fixed price, or at the feed until
    one is fixed: exact, no float.
    """
    return mark_and_error(instrument, snapshot)[0]


def mark_and_error(instrument: Instrument | int, snapshot: Snapshot) -> tuple[int, int]:
    """Returns `mark_of` and its standard error, both 1e18, the error up: 0 for what is exact."""
    if isinstance(instrument, int):
        instrument = Instrument.unpack(instrument)
    underlying = underlying_of(instrument, snapshot)
    if not instrument.is_option:
        return underlying.price, 0
    price, fixing = valuation_price(instrument, underlying), underlying.fixing_of(instrument.expiry)
    if instrument.kind in ASIAN_KINDS:
        if instrument.expiry <= snapshot.time:
            return intrinsic(instrument, mean_at(fixing, price)), 0
        found = asian_mark(instrument, underlying.surface, price, snapshot.time, fixing)
        return to_wad(found.value), math.ceil(found.error * 10**GRID_PLACES) * 10 ** (
            18 - GRID_PLACES
        )
    if instrument.expiry <= snapshot.time:
        return intrinsic(instrument, price), 0
    return to_wad(option_greeks(instrument, underlying, snapshot.time).price), 0
