"""Uniswap v3 pools: concentrated liquidity, paid by callback, the whole range of ticks read.

Source: UniswapV3Pool.sol, TickBitmap.sol and TickMath.sol of @uniswap/v3-core 1.0.1.
"""

import functools

from eth_abi.abi import encode as abi_encode

from adapters.base import (
    PAY_CALLBACK,
    Answers,
    Call,
    Capabilities,
    Sample,
    StepValue,
    event_topic,
    selector,
    signed,
    word,
    words,
)
from solver.domain.errors import Broken
from solver.domain.ids import Address
from solver.domain.market import ConcentratedPool
from solver.domain.route import Swap

slug = "uniswap_v3"
capabilities = Capabilities("spotPool", "concentrated", PAY_CALLBACK, pays_receiver=True)

GAS = 100_000  # one step through the Router: 75 to 93 thousand measured; each tick crossed adds 42
TICK_MAX = 887_272
SQRT_RATIO_MIN = 4_295_128_739
SQRT_RATIO_MAX = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
TOKEN0, TOKEN1, FEE = selector("token0()"), selector("token1()"), selector("fee()")
SPACING, SLOT0 = selector("tickSpacing()"), selector("slot0()")
LIQUIDITY = selector("liquidity()")
BITMAP, TICK = selector("tickBitmap(int16)"), selector("ticks(int24)")
SWAP = selector("swap(address,bool,int256,uint160,bytes)")
MINT = event_topic("Mint(address,address,int24,int24,uint128,uint256,uint256)")
BURN = event_topic("Burn(address,int24,int24,uint128,uint256,uint256)")


def calls(pool: Address, answers: Answers) -> tuple[Call, ...]:
    """Returns what is still to be read: the head, then every bitmap word, then every tick set."""
    fixed = (Call(pool, data) for data in (TOKEN0, TOKEN1, FEE, SPACING))
    missing = tuple(call for call in (*fixed, *hot(pool)) if call not in answers)
    if Call(pool, SPACING) not in answers:
        return missing
    unread = tuple(call for call in _bitmap_calls(pool, answers) if call not in answers)
    if unread:
        return missing + unread
    ticks = (_tick_call(pool, tick) for tick in _initialised(pool, answers))
    return missing + tuple(call for call in ticks if call not in answers)


def hot(pool: Address) -> tuple[Call, ...]:
    """Returns the price's and the active liquidity's calls: any trade changes them."""
    return Call(pool, SLOT0), Call(pool, LIQUIDITY)


def reshaped() -> tuple[str, ...]:
    """Returns the events that add or take liquidity anywhere in the range."""
    return MINT, BURN


def parse(pool: Address, answers: Answers) -> ConcentratedPool:
    """Returns the pool. Raises Broken when its ticks do not add up to its active liquidity."""
    token0, token1, fee, spacing, liquidity = (
        _one(pool, answers, data) for data in (TOKEN0, TOKEN1, FEE, SPACING, LIQUIDITY)
    )
    slot0 = words(answers[Call(pool, SLOT0)])
    if len(slot0) != 7:
        raise Broken(f"{pool} does not answer as a Uniswap v3 pool")
    tick = signed(slot0[1], 24)
    ticks = tuple(
        (initialised, signed(words(answers[_tick_call(pool, initialised)])[1], 128))
        for initialised in _initialised(pool, answers)
    )
    active = sum(net for at, net in ticks if at <= tick)
    if active != liquidity or sum(net for _, net in ticks) != 0:
        raise Broken(f"the ticks of {pool} do not add up to its liquidity: read apart in time")
    return ConcentratedPool(
        venue=slug,
        address=pool,
        token0=f"0x{token0:040x}",
        token1=f"0x{token1:040x}",
        fee_ppm=fee,
        tick_spacing=spacing,
        sqrt_price_x96=slot0[0],
        tick=tick,
        liquidity=liquidity,
        ticks=ticks,
        gas=GAS,
    )


def encode(swap: Swap, recipient: Address) -> StepValue:
    """Returns the step: exact input, no price limit, the pool draws what it is owed."""
    is_down = swap.token_in < swap.token_out
    limit = SQRT_RATIO_MIN + 1 if is_down else SQRT_RATIO_MAX - 1
    types = ["address", "bool", "int256", "uint160", "bytes"]
    data = SWAP + abi_encode(types, [recipient, is_down, swap.amount_in, limit, b""])
    return StepValue(swap.pool, swap.token_in, swap.amount_in, PAY_CALLBACK, data)


def _one(pool: Address, answers: Answers, data: bytes) -> int:
    answer = words(answers[Call(pool, data)])
    if len(answer) != 1:
        raise Broken(f"{pool} does not answer as a Uniswap v3 pool")
    return answer[0]


def _bitmap_calls(pool: Address, answers: Answers) -> tuple[Call, ...]:
    return _bitmaps(pool, _one(pool, answers, SPACING))


@functools.lru_cache(maxsize=256)
def _bitmaps(pool: Address, spacing: int) -> tuple[Call, ...]:
    edge = TICK_MAX // spacing
    return tuple(Call(pool, BITMAP + word(at)) for at in range(-edge >> 8, (edge >> 8) + 1))


def _tick_call(pool: Address, tick: int) -> Call:
    return Call(pool, TICK + word(tick))


def _initialised(pool: Address, answers: Answers) -> list[int]:
    """Returns the initialised ticks, ascending, from the bitmap words."""
    spacing = _one(pool, answers, SPACING)
    found = []
    for call in _bitmap_calls(pool, answers):
        bits = int.from_bytes(answers[call], "big")
        if not bits:
            continue
        first = signed(words(call.data[4:])[0]) << 8
        while bits:
            lowest = (bits & -bits).bit_length() - 1
            found.append((first + lowest) * spacing)
            bits &= bits - 1
    return found


def _sample() -> Sample:
    """Two overlapping ranges, (-400, 200) and (0, 600), in a pool of spacing 200 at tick 100."""
    pool, a, b, to = ("0x" + digits * 20 for digits in ("bb", "11", "22", "cc"))
    root, outer, inner = 79_625_275_426_524_748_796_330_556_128, 7 * 10**17, 5 * 10**17
    nets = ((-400, outer), (0, inner), (200, -outer), (600, -inner))
    head = word(root) + word(100) + word(0) + word(1) + word(1) + word(0) + word(1)
    answers = {
        Call(pool, TOKEN0): word(int(a, 16)),
        Call(pool, TOKEN1): word(int(b, 16)),
        Call(pool, FEE): word(10_000),
        Call(pool, SPACING): word(200),
        Call(pool, SLOT0): head,
        Call(pool, LIQUIDITY): word(outer + inner),
    }
    answers |= dict.fromkeys(_bitmap_calls(pool, answers), word(0))
    answers[Call(pool, BITMAP + word(-1))] = word(1 << 254)
    answers[Call(pool, BITMAP + word(0))] = word(1 << 0 | 1 << 1 | 1 << 3)
    for tick, net in nets:
        answers[_tick_call(pool, tick)] = word(abs(net)) + word(net) + word(0) * 6
    found = ConcentratedPool(slug, pool, a, b, 10_000, 200, root, 100, outer + inner, nets, GAS)
    data = bytes.fromhex("128acb08") + word(int(to, 16)) + word(1) + word(10**15)
    data += word(SQRT_RATIO_MIN + 1) + word(160) + word(0)
    swap = Swap(slug, pool, a, b, 10**15, 99 * 10**13)
    return Sample(pool, answers, found, swap, to, StepValue(pool, a, 10**15, PAY_CALLBACK, data))


SAMPLE = _sample()
