"""Pyth: a price with its own confidence, pushed by anyone; its age is judged by the aggregation."""

from adapters.base import (
    PLACES_MAX,
    Answers,
    Call,
    PricedMarket,
    PriceSample,
    selector,
    signed,
    words,
)
from solver.domain.numbers import WAD

slug = "pyth"
cls = "oracleNet"

PRICE = selector("getPriceUnsafe(bytes32)")


def calls(market: PricedMarket) -> tuple[Call, ...]:
    """Returns the feed's newest price."""
    return (Call(market.pyth, PRICE + bytes.fromhex(market.pyth_id[2:])),)


def parse(market: PricedMarket, answers: Answers) -> PriceSample | None:
    """Returns the price; None when the feed is unknown, not positive, or of an absurd unit."""
    found = words(answers[calls(market)[0]])
    if len(found) != 4:
        return None
    price, confidence, exponent = signed(found[0], 64), found[1], signed(found[2], 32)
    if abs(exponent) > PLACES_MAX or _wad(price, exponent) <= 0:
        return None
    return PriceSample(slug, cls, _wad(price, exponent), _wad(confidence, exponent), found[3])


def _wad(mantissa: int, exponent: int) -> int:
    """Returns mantissa x 10**exponent at 1e18, rounded down."""
    if exponent >= 0:
        return int(mantissa * WAD * 10**exponent)
    return int(mantissa * WAD // 10**-exponent)
