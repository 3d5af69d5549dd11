"""Domain values in the words of the API: human decimals, instrument names, RFC 3339 times."""

from typing import Any

from solver.domain.account import Account, Position
from solver.domain.calendar import rfc3339
from solver.domain.errors import NotFound
from solver.domain.health import Health
from solver.domain.instrument import Instrument, Kind, Token, format_name
from solver.domain.numbers import format_decimal
from solver.domain.route import MarginFigures
from solver.domain.snapshot import Snapshot
from solver.pricing.greeks import account_greeks
from solver.pricing.marks import mark_of

HEALTH_PLACES = 4
Json = dict[str, Any]


def wad(value: int) -> str:
    """Returns a 1e18 integer as a decimal string."""
    return format_decimal(value)


def ppm(value: int) -> str:
    """Returns parts per million as a decimal string of the ratio."""
    return format_decimal(value, 6)


def amount(atoms: int, token: Token) -> str:
    """Returns token atoms as whole tokens."""
    return format_decimal(atoms, token.decimals)


def amount_of(atoms: int, address: str, snapshot: Snapshot) -> str:
    """Returns atoms of a listed token as whole tokens, of any other as atoms."""
    token = token_at(address, snapshot)
    return amount(atoms, token) if token else str(atoms)


def token_at(address: str, snapshot: Snapshot) -> Token | None:
    """Returns a token the snapshot knows, also a market's base."""
    base = snapshot.underlying_of(address)
    return snapshot.token(address) or (base.base if base else None)


def name_of(instrument_id: int, snapshot: Snapshot) -> str:
    """Returns an instrument's human name; one outside the snapshot keeps its number."""
    instrument = Instrument.unpack(instrument_id)
    underlying = snapshot.underlying(instrument.market)
    return format_name(instrument, underlying.symbol) if underlying else str(instrument_id)


def quantity_of(position: Position, snapshot: Snapshot) -> str:
    """Returns contracts, or whole tokens of base collateral."""
    instrument = Instrument.unpack(position.instrument)
    underlying = snapshot.underlying(instrument.market)
    if instrument.kind is Kind.BASE and underlying:
        return amount(position.quantity, underlying.base)
    return wad(position.quantity)


def margin(figures: MarginFigures, token: Token) -> Json:
    """Returns margin in settlement units, and health as a ratio rounded down."""
    health = None
    if figures.requirement > 0:
        ratio = max(figures.equity, 0) * 10**HEALTH_PLACES // figures.requirement
        health = format_decimal(ratio, HEALTH_PLACES)
    return {
        "initial": amount(figures.initial, token),
        "maintenance": amount(figures.maintenance, token),
        "equity": amount(figures.equity, token),
        "requirement": amount(figures.requirement, token),
        "health": health,
    }


def health(found: Health) -> Json:
    """Returns where an account stands and since when."""
    since = rfc3339(found.since_ms // 1000) if found.since_ms else None
    return {"state": found.state, "since": since, "breaches": found.breaches}


def positions(account: Account, snapshot: Snapshot) -> list[Json]:
    """Returns every slot with its mark."""
    return [
        {
            "instrument": name_of(held.instrument, snapshot),
            "instrumentId": str(held.instrument),
            "quantity": quantity_of(held, snapshot),
            "mark": _mark(held.instrument, snapshot),
        }
        for held in account.positions
    ]


def greeks(account: Account, snapshot: Snapshot) -> list[Json]:
    """Returns the greeks of each market the account holds something in."""
    return [
        {
            "underlying": symbol_of(row.market, snapshot),
            "delta": wad(row.delta),
            "gamma": wad(row.gamma),
            "vega": wad(row.vega),
            "theta": wad(row.theta),
            "value": wad(row.value),
        }
        for row in account_greeks(account.positions, snapshot)
    ]


def symbol_of(market: int, snapshot: Snapshot) -> str:
    """Returns a market's symbol. Raises NotFound."""
    underlying = snapshot.underlying(market)
    if underlying is None:
        raise NotFound(f"market {market} is not listed")
    return underlying.symbol


def snapshot_view(snapshot: Snapshot, digest: bytes) -> Json:
    """Returns which state of the world an answer is about; `digest` is the snapshot's hash, which
    whoever holds the snapshot knows already."""
    return {
        "hash": "0x" + digest.hex(),
        "blockNumber": str(snapshot.block_number),
        "time": rfc3339(snapshot.time),
    }


def token_view(token: Token) -> Json:
    """Returns a token."""
    return {"address": token.address, "symbol": token.symbol, "decimals": token.decimals}


def _mark(instrument_id: int, snapshot: Snapshot) -> str | None:
    instrument = Instrument.unpack(instrument_id)
    if snapshot.underlying(instrument.market) is None:
        return None
    return wad(mark_of(instrument, snapshot))
