"""A recorded chain as a market of its own: what it listed, and the surface its quotes make.

The maker quotes the same file row by row; marks come from the surface alone, so that a maker's
price and the mark it is judged by differ by the error of the fit.
"""

import math
from collections.abc import Iterable, Iterator
from statistics import median
from typing import NamedTuple

from adapters.recorded import OptionChain, OptionRow, read_chains
from solver.domain.calendar import YEAR
from solver.domain.errors import Refused
from solver.domain.numbers import WAD
from solver.domain.surface import Surface
from solver.pricing.black import price_and_greeks
from solver.pricing.implied import implied_volatility
from solver.pricing.surface.fit import VolQuote, fit, with_errors

SPREAD_MAX = 0.5  # half-spread over volatility: wider says nothing
NEAR_MONEY = 0.02  # |ln(K/F)| within which both sides' options count
JUDGED_DELTA = 0.10  # errors are told of options from 10 to 90 delta
JUDGED_HALF_SPREAD = 0.05  # and of quotes that know their own volatility to five points


class RecordedMarket(NamedTuple):
    """What one currency's chain gives a market: strikes 1e18 by expiry, unix seconds."""

    series: tuple[tuple[int, tuple[int, ...]], ...]
    surface: Surface

    @property
    def expiries(self) -> tuple[int, ...]:
        """Every recorded expiry."""
        return tuple(expiry for expiry, _ in self.series)

    @property
    def strikes(self) -> tuple[int, ...]:
        """Every strike recorded at any expiry."""
        return tuple(sorted({strike for _, strikes in self.series for strike in strikes}))


def recorded_markets(path: str, at: int, symbols: Iterable[str]) -> dict[str, RecordedMarket]:
    """Returns the market of each symbol. Raises NotFound, Malformed or Infeasible."""
    chains = read_chains(path, at, symbols)
    return {symbol: market_of(chain) for symbol, chain in chains.items()}


def market_of(chain: OptionChain) -> RecordedMarket:
    """Returns what was listed and the fitted surface with its errors. Raises Infeasible."""
    strikes: dict[int, set[int]] = {}
    for row in chain.rows:
        strikes.setdefault(row.expiry, set()).add(row.strike)
    series = tuple((expiry, tuple(sorted(found))) for expiry, found in sorted(strikes.items()))
    quotes = list(quotes_of(chain))
    surface = fit(quotes, carries_of(chain), chain.time)
    return RecordedMarket(series, with_errors(surface, [q for q in quotes if is_judged(q)]))


def carries_of(chain: OptionChain) -> dict[int, float]:
    """Returns forward / index - 1 by seconds to expiry: the median over rows, each its own."""
    found: dict[int, list[float]] = {}
    for row in chain.rows:
        carry = row.forward / row.index_price - 1
        found.setdefault(row.expiry - chain.time, []).append(carry)
    return {seconds: median(values) for seconds, values in found.items()}


def quotes_of(chain: OptionChain) -> Iterator[VolQuote]:
    """Yields the options quoted on both sides, out of the money or near it: the rest repeats them
    with wider spreads."""
    for row in chain.rows:
        k = math.log(row.strike / row.forward)
        if (k if row.is_call else -k) < -NEAR_MONEY or row.bid is None or row.ask is None:
            continue
        seconds = row.expiry - chain.time
        try:
            low, high = (_volatility(row, coin, seconds) for coin in (row.bid, row.ask))
        except Refused:  # below intrinsic: there is no volatility to learn from
            continue
        quote = VolQuote(seconds, k, (low + high) / 2, (high - low) / 2)
        if 0 <= quote.half_spread <= SPREAD_MAX * quote.vol:
            yield quote


def is_judged(quote: VolQuote) -> bool:
    """True of the quotes that errors are told of."""
    years = quote.seconds / YEAR
    delta = price_and_greeks(1.0, math.exp(quote.log_moneyness), years, quote.vol, "call").delta
    is_central = JUDGED_DELTA <= delta <= 1 - JUDGED_DELTA
    return is_central and quote.half_spread <= JUDGED_HALF_SPREAD


def _volatility(row: OptionRow, coin: int, seconds: int) -> float:
    forward, right = row.forward / WAD, "call" if row.is_call else "put"
    price = coin / WAD * forward
    return implied_volatility(price, forward, row.strike / WAD, seconds / YEAR, right)
