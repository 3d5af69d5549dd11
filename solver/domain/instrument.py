"""What can be held or traded: tokens, perps, options, and their packed ids and human names.

An instrument id is the contract's uint160: market(16) | kind(8) | expiry(40) | strike(96, 1e18).
Names are `ETH-PERP`, `ETH-20261225-4000-C` (expiry at 08:00 UTC of that day) and, of the Asian call
and put, `ETH-20261225-4000-AC` and `-AP`.
"""

import enum
from typing import NamedTuple

from solver.domain.calendar import DAY, day_of, seconds_of_day
from solver.domain.errors import Malformed
from solver.domain.ids import Address
from solver.domain.numbers import format_decimal, parse_decimal

EXPIRY_SECOND_OF_DAY = 8 * 3600
STRIKE_MAX = 2**96 - 1
QUANTITY_MAX = 2**95 - 1
FIXINGS = 7  # that an Asian option averages: one a day, the last at expiry


class Kind(enum.IntEnum):
    """The contract's instrument kinds."""

    PERP = 0
    CALL = 1
    PUT = 2
    BASE = 3
    ASIAN_CALL = 4
    ASIAN_PUT = 5


RIGHT_OF = {Kind.CALL: "call", Kind.PUT: "put", Kind.ASIAN_CALL: "asianCall"} | {
    Kind.ASIAN_PUT: "asianPut"
}
KIND_OF_RIGHT = {right: kind for kind, right in RIGHT_OF.items()}
ASIAN_KINDS = (Kind.ASIAN_CALL, Kind.ASIAN_PUT)
_LETTER = {Kind.CALL: "C", Kind.PUT: "P", Kind.ASIAN_CALL: "AC", Kind.ASIAN_PUT: "AP"}
_KIND_OF_LETTER = {letter: kind for kind, letter in _LETTER.items()}


class Token(NamedTuple):
    """An ERC-20. Amounts are atoms, 10**-decimals of a whole unit."""

    address: Address
    symbol: str
    decimals: int


class Instrument(NamedTuple):
    """A derivative or a base-collateral slot of one market. Strike is 1e18 settlement units."""

    market: int
    kind: Kind
    expiry: int = 0
    strike: int = 0

    @property
    def id(self) -> int:
        """The packed uint160."""
        return self.market << 144 | int(self.kind) << 136 | self.expiry << 96 | self.strike

    @property
    def is_option(self) -> bool:
        return self.kind in RIGHT_OF

    @classmethod
    def unpack(cls, packed: int) -> "Instrument":
        """Inverse of `id`."""
        kind = Kind(packed >> 136 & 0xFF)
        return cls(packed >> 144, kind, packed >> 96 & (2**40 - 1), packed & STRIKE_MAX)


def fixing_times(expiry: int) -> tuple[int, ...]:
    """Returns when the fixings of an Asian series are taken, unix seconds, ascending."""
    return tuple(expiry - DAY * days for days in reversed(range(FIXINGS)))


def format_name(instrument: Instrument, symbol: str) -> str:
    """Returns the human name of an instrument on the underlying called `symbol`."""
    if instrument.kind is Kind.PERP:
        return f"{symbol}-PERP"
    if instrument.kind is Kind.BASE:
        return f"{symbol}-BASE"
    strike = format_decimal(instrument.strike)
    return f"{symbol}-{day_of(instrument.expiry)}-{strike}-{_LETTER[instrument.kind]}"


def parse_name(name: str, market_of_symbol: dict[str, int]) -> Instrument:
    """Returns the instrument a name means. Raises Malformed, `unknownInstrument` for no name."""
    symbol, _, rest = name.partition("-")
    market = market_of_symbol.get(symbol)
    if market is None:
        raise _unknown(f"{symbol[:20]!r} is not an underlying here")
    if rest == "PERP":
        return Instrument(market, Kind.PERP)
    parts = rest.split("-")
    if len(parts) != 3 or parts[2] not in _KIND_OF_LETTER:
        example = f"{symbol}-20261225-4000-C"
        raise _unknown(f"{name[:60]!r} is not an instrument name such as {example}")
    expiry = seconds_of_day(parts[0]) + EXPIRY_SECOND_OF_DAY
    strike = parse_decimal(parts[1])
    if not 0 < strike <= STRIKE_MAX:
        raise Malformed(f"{parts[1]} is not a strike", field="instrument")
    return Instrument(market, _KIND_OF_LETTER[parts[2]], expiry, strike)


def _unknown(detail: str) -> Malformed:
    return Malformed(detail, code="unknownInstrument", field="instrument")
