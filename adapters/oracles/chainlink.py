"""Chainlink: the last round of an AggregatorV3; a new one comes when the price moved enough."""

from adapters.base import Answers, Call, PricedMarket, PriceSample, selector, signed, words
from solver.domain.numbers import PPM, WAD

slug = "chainlink"
cls = "oracleNet"

ROUND, DECIMALS = selector("latestRoundData()"), selector("decimals()")
CONFIDENCE_PPM = 1_000  # the feed states none; reporters stay silent within a tenth of a percent


def calls(market: PricedMarket) -> tuple[Call, ...]:
    """Returns the round and its unit."""
    return Call(market.feed, ROUND), Call(market.feed, DECIMALS)


def parse(market: PricedMarket, answers: Answers) -> PriceSample | None:
    """Returns the round's price; None without a positive answer."""
    found, unit = (words(answers[call]) for call in calls(market))
    if len(found) != 5 or len(unit) != 1:
        return None
    answer, updated_at = signed(found[1]), found[3]
    if answer <= 0:
        return None
    price = answer * WAD // 10 ** unit[0]
    return PriceSample(slug, cls, price, price * CONFIDENCE_PPM // PPM, updated_at)
