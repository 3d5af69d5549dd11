"""Square-root prices of Uniswap v3 ticks, in the contract's integers.

Source: TickMath.getSqrtRatioAtTick and getTickAtSqrtRatio (v3-core 1.0.1).
"""

from functools import lru_cache
from math import log2

TICK_MAX = 887272
TICK_MIN = -TICK_MAX
RATIO_MIN = 4295128739
RATIO_MAX = 1461446703485210103287273052203988822378723970342
Q96 = 2**96
_UINT256_MAX = 2**256 - 1
_LOG2_STEP = log2(1.0001) / 2

# 2**128 / sqrt(1.0001)**(2**i), rounded as the contract has them.
_FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)


@lru_cache(maxsize=65536)
def ratio_at(tick: int) -> int:
    """Returns sqrt(1.0001**tick) * 2**96, rounded up."""
    magnitude = abs(tick)
    ratio = _FACTORS[0] if magnitude & 1 else 1 << 128
    for bit in range(1, 20):
        if magnitude >> bit & 1:
            ratio = ratio * _FACTORS[bit] >> 128
    if tick > 0:
        ratio = _UINT256_MAX // ratio
    return (ratio >> 32) + (1 if ratio & 0xFFFFFFFF else 0)


def tick_at(ratio: int) -> int:
    """Returns the greatest tick whose ratio is at most `ratio`."""
    tick = max(TICK_MIN, min(TICK_MAX, int((log2(ratio) - 96) / _LOG2_STEP)))
    while ratio_at(tick) > ratio:
        tick -= 1
    while tick < TICK_MAX and ratio_at(tick + 1) <= ratio:
        tick += 1
    return tick
