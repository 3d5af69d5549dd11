"""Standard margin with any factors: the formulas of SIMPLE, free of one venue's constants.

After Derive's standard risk manager: shorts alone or the worst payoff of their expiry, whichever
asks for less. The contract's own twin, with its factors and roundings, is `solver.margin.simple`;
with `CONTRACT` this differs from it by what the contract rounds up per price, and no more.
"""

from collections.abc import Sequence
from typing import NamedTuple

from solver.domain.numbers import WAD, parse_decimal

_wad = parse_decimal

CUBE = WAD**3  # of sums: quantity x price x factor


class Level(NamedTuple):
    """What one of the two margins asks, 1e18: `naked` multiplies a call's price, `base` is the
    share of base collateral that counts, `put` lifts a put's maintenance."""

    perp: int
    naked: int
    base: int


class Factors(NamedTuple):
    """1e18. Short options: initial max(most - OTM / S, least) S, maintenance `kept` S, for puts at
    least `kept_mark` of the mark; initial of puts at least `put` times maintenance."""

    maintenance: Level
    initial: Level
    most: int
    least: int
    kept: int
    kept_mark: int
    put: int
    confidence_min: int = 0
    confidence_charge: int = 0
    peg_min: int = 0
    peg_factor: int = 0


CONTRACT = Factors(
    Level(_wad("0.065"), _wad("1.1"), _wad("0.8")),
    Level(_wad("0.1"), _wad("1.2"), _wad("0.75")),
    most=_wad("0.15"),
    least=_wad("0.13"),
    kept=_wad("0.09"),
    kept_mark=_wad("0.09"),
    put=_wad("1.05"),
)


class Option(NamedTuple):
    """Quantity is signed; strike and mark of one unit. 1e18."""

    strike: int
    is_call: bool
    quantity: int
    mark: int


class Expiry(NamedTuple):
    """Options of one expiry, its forward, and how sure their prices are, 1e18."""

    options: tuple[Option, ...]
    forward: int
    confidence: int = WAD


class Market(NamedTuple):
    """One underlying of an account: `perp_value` is what the perps are worth now. All 1e18."""

    spot: int
    expiries: tuple[Expiry, ...] = ()
    base: int = 0
    perps: int = 0
    perp_price: int = 0
    perp_value: int = 0
    spot_confidence: int = WAD
    perp_confidence: int = WAD


def standard_margin(
    markets: Sequence[Market], factors: Factors, *, is_initial: bool, stable: int = WAD
) -> int:
    """Returns the signed margin without cash, in units of 1e-54 settlement units, exact: negative
    is breached. `stable` is the price of the settlement token; only initial margin minds it."""
    return sum(_market(market, factors, stable, is_initial=is_initial) for market in markets)


def _market(market: Market, f: Factors, stable: int, *, is_initial: bool) -> int:
    level = f.initial if is_initial else f.maintenance
    total = market.perp_value * WAD * WAD
    total -= abs(market.perps) * market.perp_price * level.perp
    total += market.base * market.spot * level.base
    shorts = abs(market.perps)
    for expiry in market.expiries:
        alone = sum(_short(option, market.spot, f, is_initial) for option in expiry.options)
        total += max(alone, _together(expiry, level))
        shorts += sum(max(-option.quantity, 0) for option in expiry.options)
    if not is_initial:
        return total
    gap = max(f.peg_min - stable, 0) * f.peg_factor // WAD
    return total - _doubt(market, f) - shorts * market.spot * gap


def _short(option: Option, spot: int, f: Factors, is_initial: bool) -> int:
    """Returns the margin of one option on its own, at most 0; longs count nothing."""
    size = max(-option.quantity, 0)
    away = option.strike - spot if option.is_call else spot - option.strike
    initial = max(f.most * spot - max(away, 0) * WAD, f.least * spot)
    kept = f.kept * spot
    if not option.is_call:
        kept = max(kept, f.kept_mark * option.mark)
        initial = max(initial + option.mark * WAD, (kept + option.mark * WAD) * f.put // WAD)
        return -size * (initial if is_initial else kept + option.mark * WAD)
    return -size * ((initial if is_initial else kept) + option.mark * WAD)


def _together(expiry: Expiry, level: Level) -> int:
    """Returns the least payoff over {0, strikes}, at most 0, with naked calls at their factor."""
    options = expiry.options
    payoffs = (
        sum(o.quantity * max(s - o.strike if o.is_call else o.strike - s, 0) for o in options)
        for s in (0, *(option.strike for option in options))
    )
    calls = sum(option.quantity for option in options if option.is_call)
    return min(0, *payoffs) * WAD + min(calls, 0) * expiry.forward * level.naked


def _doubt(market: Market, f: Factors) -> int:
    """Returns what initial margin asks where a price is not sure."""

    def due(size: int, confidence: int) -> int:
        if confidence >= f.confidence_min:
            return 0
        return (WAD - confidence) * f.confidence_charge * size * market.spot // WAD

    spot = market.spot_confidence
    total = due(abs(market.perps), min(spot, market.perp_confidence)) + due(market.base, spot)
    for expiry in market.expiries:
        short = sum(max(-option.quantity, 0) for option in expiry.options)
        total += due(short, min(spot, expiry.confidence))
    return total
