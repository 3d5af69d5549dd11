"""From the words people use to what is listed: symbols, addresses and instrument names."""

import re

from solver.domain.errors import Expired, Malformed
from solver.domain.instrument import Instrument, Kind, Token, parse_name
from solver.domain.numbers import WAD
from solver.domain.snapshot import Snapshot, Underlying

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def token_of(text: str, snapshot: Snapshot, field: str) -> Token:
    """Returns the listed token with that symbol or address. Raises Malformed."""
    listed = {token.address: token for token in snapshot.tokens}
    listed |= {u.base.address: u.base for u in snapshot.underlyings}
    listed[snapshot.settlement_token.address] = snapshot.settlement_token
    if _ADDRESS.fullmatch(text):
        found = [listed[text.lower()]] if text.lower() in listed else []
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
        raise Malformed(f"{symbol[:64]!r} is not an underlying here", field=field)
    return found


def instrument_of(
    name: str, kinds: tuple[Kind, ...], snapshot: Snapshot, field: str
) -> tuple[Instrument, Underlying]:
    """Returns a named instrument of one of `kinds` and its market. Raises Malformed or Expired."""
    try:
        instrument = parse_name(name, {u.symbol: u.market for u in snapshot.underlyings})
    except Malformed as error:
        raise Malformed(error.detail, field=field) from None
    underlying = next(u for u in snapshot.underlyings if u.market == instrument.market)
    if instrument.kind not in kinds:
        wanted = " or ".join(kind.name.lower() for kind in kinds)
        raise Malformed(f"{name[:64]} is not a {wanted}", field=field)
    if instrument.is_option:
        _check_listed(name, instrument, underlying, snapshot.time, field)
    return instrument, underlying


def price_of(token: Token, snapshot: Snapshot) -> int | None:
    """Returns settlement units per whole token, 1e18, where the chain itself has a mark."""
    if token.address == snapshot.settlement_token.address:
        return WAD
    underlying = snapshot.underlying_of(token.address)
    return underlying.price if underlying else None


def _check_listed(
    name: str, instrument: Instrument, underlying: Underlying, time: int, field: str
) -> None:
    if instrument.expiry <= time:
        raise Expired(f"{name[:64]} has expired", code="instrumentExpired", field=field)
    is_listed = instrument.expiry in underlying.expiries and instrument.strike in underlying.strikes
    if not is_listed:
        raise Malformed(f"{name[:64]} is not listed", code="instrumentNotListed", field=field)
