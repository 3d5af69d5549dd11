"""What one market's grid is made of: forwards, volatilities and charges, read from a snapshot.

The grid knows no snapshot, so that other venues' cases can be put to it in their own numbers.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from solver.domain.calendar import YEAR
from solver.domain.instrument import ASIAN_KINDS, Instrument, Kind
from solver.domain.numbers import PPM, WAD, mul_up
from solver.domain.snapshot import Snapshot, Underlying
from solver.margin.portfolio.parameters import Charge, Parameters, validated_risk
from solver.margin.portfolio.shocks import Shocks, shocks
from solver.pricing.marks import underlying_of
from solver.pricing.surface import Slice, slice_at, volatility

CONFIDENCE_SHARE = 100  # a price that may be wrong by a hundredth of itself has confidence 0


class LinearTerms(NamedTuple):
    """A perp or a collateral. Per whole unit, 1e18: `moves` is what the shocks move, `mark` what it
    adds to equity, `notional` what the oracle may be wrong about, `exposure` units of underlying.
    `atoms` of it are one unit of 1e18."""

    id: int
    name: str
    moves: int
    mark: int
    charge: Charge
    notional: int
    confidence: int = WAD
    exposure: int = WAD
    gross: int = 0
    unit: int = 1


class SeriesTerms(NamedTuple):
    """One expiry: the part of its forward that moves and the part that a settlement's average has
    fixed already, discount factor and yearly rate."""

    expiry: int
    seconds: int
    variable: float
    fixed: float = 0.0
    discount: float = 1.0
    rate: float = 0.0
    confidence: int = WAD


class OptionTerms(NamedTuple):
    """A call or put; `series` is the index of its expiry. An Asian option is priced elsewhere."""

    id: int
    series: int
    strike: int
    is_call: bool
    vol: float
    is_asian: bool = False


class MarketTerms(NamedTuple):
    """One underlying. `price` is 1e18 and sure to `spread`; `vol_up` and `vol_down` are 1e18 of
    volatility at 30 days; `underlying` is asked about Asian options only."""

    number: int
    symbol: str
    price: int
    shocks: Shocks
    vol_up: int
    vol_down: int
    series: tuple[SeriesTerms, ...] = ()
    options: tuple[OptionTerms, ...] = ()
    linears: tuple[LinearTerms, ...] = ()
    daily: int = 0
    depth: int = 0
    spread: int = 0
    underlying: Underlying | None = None


def market_terms(
    instruments: Iterable[int], snapshot: Snapshot, parameters: Parameters
) -> tuple[MarketTerms, ...]:
    """Returns the terms of each market that the packed ids name, in order of ids.

    Raises NotFound for a market outside the snapshot, Malformed for unsound moving parameters.
    """
    held: dict[int, list[Instrument]] = {}
    for packed in sorted(set(instruments)):
        instrument = Instrument.unpack(packed)
        held.setdefault(instrument.market, []).append(instrument)
    return tuple(_market(held[market], snapshot, parameters) for market in sorted(held))


def confidence_score(underlying: Underlying) -> int:
    """Returns 1 - confidence / (price / 100), from 0 to 1, 1e18, rounded down."""
    if underlying.price <= 0:
        return 0
    doubt = mul_up(underlying.confidence, CONFIDENCE_SHARE * WAD, underlying.price)
    return max(WAD - doubt, 0)


def _market(
    instruments: list[Instrument], snapshot: Snapshot, parameters: Parameters
) -> MarketTerms:
    underlying = underlying_of(instruments[0], snapshot)
    risk, confidence = validated_risk(underlying.risk), confidence_score(underlying)
    expiries = sorted({i.expiry for i in instruments if i.is_option})
    slices = [slice_at(underlying.surface, expiry - snapshot.time) for expiry in expiries]
    series = tuple(
        _series(expiry, found, underlying, (snapshot.time, confidence))
        for expiry, found in zip(expiries, slices, strict=True)
    )
    place = {expiry: index for index, expiry in enumerate(expiries)}
    listed = sorted((i for i in instruments if i.is_option), key=_by_strike)
    now = (underlying.price / WAD, snapshot.time)
    options = tuple(_option(i, place[i.expiry], slices[place[i.expiry]], now) for i in listed)
    linears = tuple(
        _linear(i, underlying, parameters, confidence) for i in instruments if not i.is_option
    )
    scale = WAD // PPM
    return MarketTerms(
        underlying.market,
        underlying.symbol,
        underlying.price,
        shocks(risk, parameters),
        risk.vol_up * scale,
        risk.vol_down * scale,
        series,
        options,
        linears,
        risk.daily * scale,
        risk.depth,
        underlying.confidence,
        underlying,
    )


def _by_strike(option: Instrument) -> tuple[int, int, int]:
    """Calls and puts that net stand together: one pass over columns closes strikes and expiries."""
    return option.expiry, option.strike, option.kind in ASIAN_KINDS


def _series(expiry: int, found: Slice, underlying: Underlying, now: tuple[int, int]) -> SeriesTerms:
    """An expiry that is over is worth its fixed price, which no shock moves any more; until one is
    fixed, what the feed says. `now` is time and confidence."""
    spot, (time, confidence) = underlying.price / WAD, now
    seconds = expiry - time
    if seconds <= 0:
        fixed = dict(underlying.expiry_prices).get(expiry)
        if fixed is not None:
            return SeriesTerms(expiry, 0, 0.0, fixed / WAD, confidence=WAD)
        return SeriesTerms(expiry, 0, spot, confidence=confidence)
    forward, rate = spot * (1 + found.carry), carry_rate(found.carry, seconds)
    return SeriesTerms(expiry, seconds, forward, 0.0, 1 / (1 + found.carry), rate, confidence)


def carry_rate(carry: float, seconds: int) -> float:
    """Returns the continuous yearly interest that a forward off the price by `carry` implies."""
    return math.log1p(carry) * YEAR / seconds


def _option(
    instrument: Instrument, series: int, found: Slice, now: tuple[float, int]
) -> OptionTerms:
    """`now` is the price of the underlying and the time."""
    kind, (spot, time) = instrument.kind, now
    seconds = instrument.expiry - time
    is_asian = kind in ASIAN_KINDS
    is_call = kind in (Kind.CALL, Kind.ASIAN_CALL)
    vol = 0.0
    if seconds > 0 and not is_asian:
        vol = volatility(found, instrument.strike / WAD, spot, seconds)
    return OptionTerms(instrument.id, series, instrument.strike, is_call, vol, is_asian)


def _linear(
    instrument: Instrument, underlying: Underlying, parameters: Parameters, confidence: int
) -> LinearTerms:
    price, is_perp = underlying.price, instrument.kind is Kind.PERP
    rates = parameters.perp if is_perp else parameters.base
    charge = Charge(*(mul_up(price, rate) for rate in rates))
    return LinearTerms(
        instrument.id,
        "perps" if is_perp else "base",
        moves=price,
        mark=price - underlying.funding_index if is_perp else price,
        charge=charge,
        notional=price,
        confidence=confidence,
        gross=price if is_perp else 0,
        unit=1 if is_perp else 10 ** (18 - underlying.base.decimals),
    )
