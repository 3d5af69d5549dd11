"""From the words people use to what is listed: symbols, addresses and instrument names."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from solver.domain.calendar import DAY
from solver.domain.errors import Expired, Malformed
from solver.domain.ids import AccountId, address
from solver.domain.instrument import (
    KIND_OF_RIGHT,
    Instrument,
    Kind,
    Token,
    format_name,
    parse_name,
)
from solver.domain.numbers import WAD, format_decimal
from solver.domain.snapshot import Snapshot, Underlying
from solver.pricing.greeks import delta_of

SHOWN_PLACES = 4  # of delta and moneyness in what people read

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Book(NamedTuple):
    """One market's listed options, and which of them somebody bids for or offers."""

    underlying: Underlying
    time: int
    bid: frozenset[int]
    offered: frozenset[int]

    def is_quoted(self, instrument: Instrument, side: str) -> bool:
        """Returns whether a maker takes the other side of `side`."""
        return instrument.id in (self.offered if side == "buy" else self.bid)

    def expiries(self) -> list[int]:
        """Returns the expiries that still trade, unix seconds, ascending."""
        return sorted(expiry for expiry in self.underlying.expiries if expiry > self.time)

    def contracts(self, right: str, expiry: int) -> Iterator[Instrument]:
        """Yields every listed contract of one right and expiry, strikes ascending."""
        kind = KIND_OF_RIGHT[right]
        for strike in sorted(self.underlying.strikes_of(kind, expiry)):
            yield Instrument(self.underlying.market, kind, expiry, strike)

    def quoted(self, right: str, side: str, expiry: int) -> list[Instrument]:
        """Returns the contracts of one expiry that a maker trades, strikes ascending."""
        return [each for each in self.contracts(right, expiry) if self.is_quoted(each, side)]


class Described(NamedTuple):
    """A contract as people compare it: delta without its sign, days left, strike / price."""

    instrument: str
    delta: str
    days: str
    moneyness: str


def book_of(underlying: Underlying, own: AccountId, snapshot: Snapshot) -> Book:
    """Returns what is listed in a market and quoted by anyone but the account itself."""
    others = [ladder for ladder in snapshot.ladders if ladder.maker != own]
    return Book(
        underlying,
        snapshot.time,
        frozenset(ladder.instrument for ladder in others if ladder.bids),
        frozenset(ladder.instrument for ladder in others if ladder.asks),
    )


def described(instrument: Instrument, underlying: Underlying, time: int) -> Described:
    """Returns what people compare a contract by; `time` in unix seconds. Rounded to read."""
    return Described(
        format_name(instrument, underlying.symbol),
        _short(abs(delta_of(instrument, underlying, time)), WAD),
        format_decimal((instrument.expiry - time) * 100 // DAY, 2),
        _short(instrument.strike, underlying.price),
    )


def token_of(text: str, snapshot: Snapshot, field: str) -> Token:
    """Returns the listed token with that symbol or address. Raises Malformed."""
    listed = {token.address: token for token in snapshot.tokens}
    listed |= {u.base.address: u.base for u in snapshot.underlyings}
    listed[snapshot.settlement_token.address] = snapshot.settlement_token
    if _ADDRESS.fullmatch(text):
        meant = address(text, field)
        found = [listed[meant]] if meant in listed else []
    else:
        found = [token for token in listed.values() if token.symbol == text]
    if len(found) != 1:
        problem = "is not listed here" if not found else "is the symbol of several; use an address"
        raise Malformed(f"{text[:64]!r} {problem}", code="tokenNotListed", field=field)
    return found[0]


def underlying_of(symbol: str, snapshot: Snapshot, field: str) -> Underlying:
    """Returns the market called `symbol`. Raises Malformed."""
    found = next((u for u in snapshot.underlyings if u.symbol == symbol), None)
    if found is None:
        detail = f"{symbol[:64]!r} is not an underlying here"
        raise Malformed(detail, code="unknownInstrument", field=field)
    return found


def instrument_of(
    name: str,
    kinds: tuple[Kind, ...],
    snapshot: Snapshot,
    field: str,
    *,
    is_held: bool = False,
) -> tuple[Instrument, Underlying]:
    """Returns a named instrument of one of `kinds` and its market; one held may be listed no more.

    Raises Malformed or Expired.
    """
    try:
        instrument = parse_name(name, {u.symbol: u.market for u in snapshot.underlyings})
    except Malformed as error:
        raise Malformed(error.detail, code=error.code, field=field) from None
    underlying = next(u for u in snapshot.underlyings if u.market == instrument.market)
    if instrument.kind not in kinds:
        wanted = " or ".join(kind.name.lower() for kind in kinds)
        raise Malformed(f"{name[:64]} is not a {wanted}", field=field)
    if instrument.is_option:
        if instrument.expiry <= snapshot.time:
            raise Expired(f"{name[:64]} has expired", code="instrumentExpired", field=field)
        if not is_held:
            _check_listed(name, instrument, underlying, field)
    return instrument, underlying


def price_of(token: Token, snapshot: Snapshot) -> int | None:
    """Returns settlement units per whole token, 1e18, where the chain itself has a mark."""
    if token.address == snapshot.settlement_token.address:
        return WAD
    underlying = snapshot.underlying_of(token.address)
    return underlying.price if underlying else None


def _check_listed(name: str, instrument: Instrument, underlying: Underlying, field: str) -> None:
    if instrument.strike not in underlying.strikes_of(instrument.kind, instrument.expiry):
        raise Malformed(f"{name[:64]} is not listed", code="instrumentNotListed", field=field)


def _short(numerator: int, denominator: int) -> str:
    """Returns a ratio with few places, half up."""
    scale = 10**SHOWN_PLACES
    return format_decimal((2 * numerator * scale // denominator + 1) // 2, SHOWN_PLACES)
