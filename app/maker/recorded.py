"""Quotes as they were recorded: each option's own bid and ask, carried to the present.

A recorded coin price becomes a volatility at that row's own forward. It is valued again at the
present price and time, so that at the recorded instant the quote is coin times index, to rounding
away from the maker's loss. A side that was missing stays missing, and so do whole options.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from adapters.recorded import OptionChain, OptionRow, read_chains
from solver.domain.calendar import YEAR
from solver.domain.errors import Refused
from solver.domain.instrument import RIGHT_OF, Instrument, Kind
from solver.domain.numbers import WAD
from solver.pricing.black import price_and_greeks
from solver.pricing.implied import implied_volatility

SYMBOLS = ("ETH", "BTC")  # whose options Deribit lists in coin
MAKER_SIZE = 50  # contracts a side, unless the maker is told


class Side(NamedTuple):
    """One recorded price: Black-76 at `vol` and, in coin, what no volatility explains (a bid below
    intrinsic value)."""

    vol: float
    excess: float


class Recorded(NamedTuple):
    """One option: forward over index of its row, and the sides that were quoted."""

    basis: float
    bid: Side | None
    ask: Side | None


class Present(NamedTuple):
    """Dollars of one unit now, None where nobody quoted; delta of the base."""

    bid: float | None
    ask: float | None
    delta: float


class RecordedQuotes:
    """The quotes of some markets' chains, by symbol. `size` is in contracts, a side."""

    def __init__(self, chains: Mapping[str, OptionChain], size: float) -> None:
        self.size = size
        self._quotes = {
            (symbol, *_key(row)): _recorded(row, chain.time)
            for symbol, chain in chains.items()
            for row in chain.rows
        }

    @classmethod
    def read(cls, path: str, at: int, symbols: Iterable[str], size: float) -> "RecordedQuotes":
        """Returns the quotes in a file nearest to `at`. Raises NotFound or Malformed."""
        return cls(read_chains(path, at, symbols), size)

    def has(self, instrument: Instrument, symbol: str) -> bool:
        """True where at least one side was quoted."""
        found = self._quotes.get(_name(instrument, symbol))
        return found is not None and (found.bid is not None or found.ask is not None)

    def present(self, instrument: Instrument, symbol: str, spot: float, time: int) -> Present:
        """Returns the option's quotes at a price and time; empty for what was not recorded."""
        found = self._quotes.get(_name(instrument, symbol))
        sides = [side for side in (found.bid, found.ask) if side] if found else []
        if found is None or not sides or instrument.expiry <= time:
            return Present(None, None, 0.0)
        vol = sum(side.vol for side in sides) / len(sides)
        args = (spot * found.basis, instrument.strike / WAD, (instrument.expiry - time) / YEAR)
        right = RIGHT_OF[instrument.kind]
        return Present(
            _dollars(found.bid, args, right, spot),
            _dollars(found.ask, args, right, spot),
            price_and_greeks(*args, vol, right).delta,
        )


def _name(instrument: Instrument, symbol: str) -> tuple[str, Kind, int, int]:
    return symbol, instrument.kind, instrument.expiry, instrument.strike


def _key(row: OptionRow) -> tuple[Kind, int, int]:
    return Kind.CALL if row.is_call else Kind.PUT, row.expiry, row.strike


def _recorded(row: OptionRow, time: int) -> Recorded:
    sides = (None if coin is None else _side(row, coin, time) for coin in (row.bid, row.ask))
    return Recorded(row.forward / row.index_price, *sides)


def _side(row: OptionRow, coin: int, time: int) -> Side:
    forward, strike, years = row.forward / WAD, row.strike / WAD, (row.expiry - time) / YEAR
    right = "call" if row.is_call else "put"
    try:
        vol = implied_volatility(coin / WAD * forward, forward, strike, years, right)
    except Refused:
        vol = 0.0
    explained = price_and_greeks(forward, strike, years, vol, right).price / forward
    return Side(vol, coin / WAD - explained)


def _dollars(
    side: Side | None, args: tuple[float, float, float], right: str, spot: float
) -> float | None:
    if side is None:
        return None
    coin = price_and_greeks(*args, side.vol, right).price / args[0] + side.excess
    return max(coin, 0.0) * spot
