"""The mark of every instrument as an integer: what floats become before anyone decides by them.

Option values leave Black-76 on a grid of 1e-8, half to even, so that two machines whose last bit
differs still agree. Perps and base are worth the oracle's price; options have the volatility and
the forward of the market's surface.
"""

from solver.domain.calendar import YEAR
from solver.domain.errors import Malformed, NotFound
from solver.domain.instrument import RIGHT_OF, Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import Surface
from solver.pricing.black import Greeks, price_and_greeks
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
    """Returns the price the instrument is valued at, 1e18: an expiry's fixed one, else the feed."""
    if not instrument.is_option:
        return underlying.price
    fixed = dict(underlying.expiry_prices)
    return fixed.get(instrument.expiry, underlying.price)


def intrinsic(instrument: Instrument, price: int) -> int:
    """Returns the payoff of one call or put at `price`, 1e18."""
    sign = 1 if instrument.kind is Kind.CALL else -1
    return max(sign * (price - instrument.strike), 0)


def option_greeks(instrument: Instrument, underlying: Underlying, time: int) -> Greeks:
    """Returns floats of one option at the market's surface; `time` in unix seconds."""
    price = valuation_price(instrument, underlying)
    return greeks_at(instrument, underlying.surface, price, time)


def greeks_at(instrument: Instrument, surface: Surface, price: int, time: int) -> Greeks:
    """Returns floats of one option while the underlying is at `price` (1e18), delta and gamma per
    unit of the underlying, theta at unchanged carry. Raises Malformed for what is no call or put.
    """
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
    if isinstance(instrument, int):
        instrument = Instrument.unpack(instrument)
    underlying = underlying_of(instrument, snapshot)
    if not instrument.is_option:
        return underlying.price
    if instrument.expiry <= snapshot.time and instrument.kind in (Kind.CALL, Kind.PUT):
        return intrinsic(instrument, valuation_price(instrument, underlying))
    return to_wad(option_greeks(instrument, underlying, snapshot.time).price)
