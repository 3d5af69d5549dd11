"""Chainlink: the last round of an AggregatorV3; a new one comes when the price moved enough."""

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
from solver.domain.numbers import PPM, WAD

slug = "chainlink"
cls = "oracleNet"

ROUND, DECIMALS = selector("latestRoundData()"), selector("decimals()")
CONFIDENCE_PPM = 1_000  # the feed states none; reporters stay silent within a tenth of a percent


def calls(market: PricedMarket) -> tuple[Call, ...]:
    """Returns the round and its unit."""
    return Call(market.feed, ROUND), Call(market.feed, DECIMALS)


def parse(market: PricedMarket, answers: Answers) -> PriceSample | None:
    """Returns the round's price; None without a positive answer, or for an absurd unit."""
    found, unit = (words(answers[call]) for call in calls(market))
    if len(found) != 5 or len(unit) != 1 or unit[0] > PLACES_MAX:
        return None
    answer, updated_at = signed(found[1]), found[3]
    price = answer * WAD // 10 ** unit[0]
    if price <= 0:
        return None
    return PriceSample(slug, cls, price, price * CONFIDENCE_PPM // PPM, updated_at)
