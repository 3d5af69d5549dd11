"""Uniswap v3's geometric mean over ten minutes; the pool's distance from it is its confidence."""

from eth_abi.abi import encode as abi_encode

from adapters.base import (
    Answers,
    Call,
    PricedMarket,
    PriceSample,
    selector,
    signed,
    words,
)
from solver.domain.numbers import BPS, WAD, div_up
from solver.routing.curves.ticks import TICK_MAX, TICK_MIN, ratio_at

slug = "uniswap_twap"
cls = "dexTwap"

WINDOW_S = 600
CONFIDENCE_BPS_MIN = 5
MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
OBSERVE, SLOT0 = selector("observe(uint32[])"), selector("slot0()")
BLOCK_TIME = selector("getCurrentBlockTimestamp()")


def calls(market: PricedMarket) -> tuple[Call, ...]:
    """Returns the sums of ticks at both ends, the tick now and the block's time."""
    window = OBSERVE + abi_encode(["uint32[]"], [[WINDOW_S, 0]])
    return (
        Call(market.twap_pool, window),
        Call(market.twap_pool, SLOT0),
        Call(MULTICALL3, BLOCK_TIME),
    )


def parse(market: PricedMarket, answers: Answers) -> PriceSample | None:
    """Returns the mean; None while the pool remembers less than the window, or nothing real."""
    sums, slot0, time = (words(answers[call]) for call in calls(market))
    if len(sums) < 5 or len(slot0) != 7 or len(time) != 1 or not slot0[0]:
        return None
    first, last = sums[3], sums[4]  # after two offsets and the length of the first list
    mean = (signed(last, 56) - signed(first, 56)) // WINDOW_S
    if not TICK_MIN <= mean <= TICK_MAX:
        return None
    price = _price(market, ratio_at(mean))
    off = abs(_price(market, slot0[0]) - price)
    return PriceSample(slug, cls, price, max(off, div_up(price * CONFIDENCE_BPS_MIN, BPS)), time[0])


def _price(market: PricedMarket, root_x96: int) -> int:
    """Returns settlement units 1e18 per whole base, from sqrt(token1/token0) x 2**96, down."""
    square = root_x96 * root_x96
    unit = WAD * 10**market.base.decimals
    if market.base.address < market.quote.address:
        return int(unit * square // (10**market.quote.decimals << 192))
    return int((unit << 192) // (10**market.quote.decimals * square))
