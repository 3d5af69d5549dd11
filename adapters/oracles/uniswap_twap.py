"""Uniswap v3's geometric mean over ten minutes; the pool's distance from it is its confidence.

The mean is taken of twelve-second steps of which none is further than 1 % from the one before: what
a price did for a block or two moves it by hardly anything. The first step is held to the median of
all, so that a window that begins in a spike is no exception.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low

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
STEP_S = 12
STEP_TICKS_MAX = 100  # 1.0001**100 is 1 %
AGES = tuple(range(WINDOW_S, -1, -STEP_S))
CONFIDENCE_BPS_MIN = 5
MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
OBSERVE, SLOT0 = selector("observe(uint32[])"), selector("slot0()")
BLOCK_TIME = selector("getCurrentBlockTimestamp()")


def calls(market: PricedMarket) -> tuple[Call, ...]:
    """Returns the sums of ticks at every step, the tick now and the block's time."""
    window = OBSERVE + abi_encode(["uint32[]"], [AGES])
    return (
        Call(market.twap_pool, window),
        Call(market.twap_pool, SLOT0),
        Call(MULTICALL3, BLOCK_TIME),
    )


def parse(market: PricedMarket, answers: Answers) -> PriceSample | None:
    """Returns the mean; None while the pool remembers less than the window, or nothing real."""
    sums, slot0, time = (words(answers[call]) for call in calls(market))
    if len(sums) < 3 + len(AGES) or len(slot0) != 7 or len(time) != 1 or not slot0[0]:
        return None
    # The list comes after two offsets and its length.
    totals = [signed(total, 56) for total in sums[3 : 3 + len(AGES)]]
    steps = [(later - now) // STEP_S for now, later in pairwise(totals)]
    if not all(TICK_MIN <= step <= TICK_MAX for step in steps):
        return None
    price = _price(market, ratio_at(cut_mean(steps)))
    off = abs(_price(market, slot0[0]) - price)
    return PriceSample(slug, cls, price, max(off, div_up(price * CONFIDENCE_BPS_MIN, BPS)), time[0])


def cut_mean(steps: Sequence[int]) -> int:
    """Returns the mean tick, down, of steps held within 1 % of the one before as it was held."""
    held, total = median_low(steps), 0
    for step in steps:
        held = min(max(step, held - STEP_TICKS_MAX), held + STEP_TICKS_MAX)
        total += held
    return total // len(steps)


def _price(market: PricedMarket, root_x96: int) -> int:
    """Returns settlement units 1e18 per whole base, from sqrt(token1/token0) x 2**96, down."""
    square = root_x96 * root_x96
    unit = WAD * 10**market.base.decimals
    if market.base.address < market.quote.address:
        return int(unit * square // (10**market.quote.decimals << 192))
    return int((unit << 192) // (10**market.quote.decimals * square))
