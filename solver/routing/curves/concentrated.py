"""Uniswap v3's swap, and v4's without hooks, step by step in the contracts' integers.

Source: UniswapV3Pool.swap, SwapMath, SqrtPriceMath, TickBitmap (v3-core 1.0.1); v4-core's Pool.swap
takes the same steps. The pool also stops at the edge of every bitmap word (256 compressed ticks),
initialised or not, and rounds there. What v4 adds: wider tick spacings, a fee of up to all of the
input, and a protocol fee taken first (`swap_fee_ppm`).
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import isqrt
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import ConcentratedPool
from solver.domain.numbers import PPM, UINT256_MAX, div_up
from solver.routing.curves.ticks import (
    Q96,
    RATIO_MAX,
    RATIO_MIN,
    TICK_MAX,
    TICK_MIN,
    ratio_at,
    tick_at,
)

Pair = tuple[Address, Address]

WORD = 256  # compressed ticks in one word of the pool's bitmap


class Segment(NamedTuple):
    """Constant liquidity between two square-root prices (X96), in the order a trade meets them."""

    liquidity: int
    start: int
    end: int


class _State(NamedTuple):
    ratio: int
    tick: int | None  # None: between two stops, where the ratio tells
    liquidity: int
    amount_in: int  # fee included
    amount_out: int


def amount_out(pool: ConcentratedPool, pair: Pair, amount_in: int) -> int:
    """Returns atoms out for an exact input. Raises Infeasible when it is not wholly taken."""
    return _swap(pool, _is_down(pool, pair), amount_in, is_exact_in=True).amount_out


def amount_in(pool: ConcentratedPool, pair: Pair, amount_out: int) -> int:
    """Returns atoms in for an exact output. Raises Infeasible when it is not wholly given."""
    return _swap(pool, _is_down(pool, pair), amount_out, is_exact_in=False).amount_in


def after(pool: ConcentratedPool, pair: Pair, amount_in: int) -> ConcentratedPool:
    """Returns the pool at the price, tick and liquidity the exact input leaves it."""
    state = _swap(pool, _is_down(pool, pair), amount_in, is_exact_in=True)
    tick = tick_at(state.ratio) if state.tick is None else state.tick
    return pool._replace(sqrt_price_x96=state.ratio, tick=tick, liquidity=state.liquidity)


def swap_fee_ppm(pool_fee_ppm: int, protocol_fee_ppm: int) -> int:
    """Returns what a v4 swap pays in all: the protocol's part, then the pool's of the rest."""
    return protocol_fee_ppm + pool_fee_ppm - protocol_fee_ppm * pool_fee_ppm // PPM


def segments(pool: ConcentratedPool, is_down: bool) -> Iterator[Segment]:
    """Yields the liquidity a trade meets, nearest first; token0 in moves the price down. What is
    left beyond the last tick reaches to the end of all prices, as the pool's code goes on there.
    """
    ticks = pool.ticks
    index = bisect_right(ticks, (pool.tick, UINT256_MAX))  # beyond any liquidityNet
    liquidity, ratio = pool.liquidity, pool.sqrt_price_x96
    while index > 0 if is_down else index < len(ticks):
        tick, net = ticks[index - 1 if is_down else index]
        end = ratio_at(tick)
        if liquidity > 0 and end != ratio:
            yield Segment(liquidity, ratio, end)
        liquidity += -net if is_down else net
        ratio = end
        index += -1 if is_down else 1
    end = RATIO_MIN if is_down else RATIO_MAX
    if liquidity > 0 and end != ratio:
        yield Segment(liquidity, ratio, end)


def arbitrage_up(pool: ConcentratedPool, prices: Mapping[Address, int]) -> int:
    """Returns an upper bound of max price_out*out - price_in*in over both directions, rounded up.

    Every integer step of the pool is on or below the real curve of its segment, so the sum of the
    segments' closed maxima bounds what any exact trade gains. Liquidity L from ratio s down to t:
    L*(price1*(s - t) - q0*(1/t - 1/s)), q0 = price0/(1 - fee), best at t^2 = q0/price1; upwards the
    same with the tokens exchanged and the ratios inverted.
    """
    price0, price1 = prices.get(pool.token0, 0), prices.get(pool.token1, 0)
    kept, square = PPM - pool.fee_ppm, pool.sqrt_price_x96**2
    if price1 * kept * square > price0 * PPM * Q96 * Q96:
        return _gain_down(pool, price0, price1) if _is_placed(pool) else 0
    if price0 * kept * Q96 * Q96 > price1 * PPM * square:
        return _gain_up(pool, price0, price1) if _is_placed(pool) else 0
    return 0  # further on the price is only worse


def _gain_down(pool: ConcentratedPool, price0: int, price1: int) -> int:
    kept, gain = PPM - pool.fee_ppm, 0
    cost, worth = price0 * PPM * Q96 * Q96, price1 * kept
    if worth * pool.sqrt_price_x96**2 <= cost:  # as most pools are, and only falls from here
        return 0
    for liquidity, start, end in segments(pool, is_down=True):
        if worth * start * start <= cost:
            break
        if worth * end * end < cost:  # the best ratio lies inside: it ends here
            inner = worth * start * start + cost - isqrt(4 * worth * cost * start * start)
            return gain + div_up(liquidity * inner, Q96 * kept * start)
        fall = start - end
        surplus = worth * start * end - cost
        gain += div_up(liquidity * fall * surplus, Q96 * kept * start * end)
    return gain


def _gain_up(pool: ConcentratedPool, price0: int, price1: int) -> int:
    kept, gain = PPM - pool.fee_ppm, 0
    cost, worth = price1 * PPM, price0 * kept * Q96 * Q96
    if cost * pool.sqrt_price_x96**2 >= worth:
        return 0
    for liquidity, start, end in segments(pool, is_down=False):
        if cost * start * start >= worth:
            break
        if cost * end * end > worth:
            inner = worth + cost * start * start - isqrt(4 * worth * cost * start * start)
            return gain + div_up(liquidity * inner, Q96 * kept * start)
        rise = end - start
        surplus = worth - cost * start * end
        gain += div_up(liquidity * rise * surplus, Q96 * kept * start * end)
    return gain


def _is_down(pool: ConcentratedPool, pair: Pair) -> bool:
    return pair[0] == pool.token0


def _is_placed(pool: ConcentratedPool) -> bool:
    """Returns whether price and tick agree, as in every pool that has been initialised."""
    return ratio_at(pool.tick) <= pool.sqrt_price_x96 <= ratio_at(pool.tick + 1)


def _swap(pool: ConcentratedPool, is_down: bool, amount: int, *, is_exact_in: bool) -> _State:
    kept, limit = PPM - pool.fee_ppm, RATIO_MIN + 1 if is_down else RATIO_MAX - 1
    if amount < 0 or (kept == 0 and not is_exact_in) or not _is_placed(pool):
        raise Infeasible(f"pool {pool.address} cannot trade {amount}")
    ratio, liquidity, tick = pool.sqrt_price_x96, pool.liquidity, pool.tick
    ticks, spacing, left, paid, got = pool.ticks, pool.tick_spacing, amount, 0, 0
    index = bisect_right(ticks, tick, key=_tick_of)  # of the first initialised tick above
    stop: int | None = tick
    while left > 0:
        edge_tick, net = _next_stop(ticks, index, (tick, spacing), is_down, liquidity == 0)
        edge = ratio_at(edge_tick)
        target = max(edge, limit) if is_down else min(edge, limit)
        if ratio <= limit if is_down else ratio >= limit:  # the least price is below the limit
            raise Infeasible(
                f"pool {pool.address} runs out of liquidity", data={"left": left, "asked": amount}
            )
        before = ratio
        if liquidity == 0:
            ratio = target
        else:
            ratio, step_in, step_out = _step((ratio, target), liquidity, left, kept, is_exact_in)
            paid, got = paid + step_in, got + step_out
            left -= step_in if is_exact_in else step_out
        if ratio == edge:
            stop = tick = edge_tick - 1 if is_down else edge_tick
            if net is not None:
                liquidity += -net if is_down else net
                index += -1 if is_down else 1
                if liquidity < 0:  # as the contract's unsigned sum reverts
                    raise Infeasible(f"pool {pool.address} has ticks that do not add up")
        elif ratio != before:
            stop = None
    return _State(ratio, stop, liquidity, paid, got)


def _tick_of(entry: tuple[int, int]) -> int:
    return entry[0]


def _next_stop(
    ticks: tuple[tuple[int, int], ...],
    index: int,
    place: tuple[int, int],
    is_down: bool,
    is_empty: bool,
) -> tuple[int, int | None]:
    """Returns the next initialised tick and its net liquidity, or the edge of the word and None.

    Where there is no liquidity nothing is traded, and so nothing rounded, at a word's edge.
    """
    tick, spacing = place
    if is_down:
        edge = TICK_MIN if is_empty else tick // spacing // WORD * WORD * spacing
        if index > 0 and ticks[index - 1][0] >= edge:
            return ticks[index - 1]
        return max(edge, TICK_MIN), None
    edge = TICK_MAX if is_empty else (((tick // spacing + 1) // WORD + 1) * WORD - 1) * spacing
    if index < len(ticks) and ticks[index][0] <= edge:
        return ticks[index]
    return min(edge, TICK_MAX), None


def _step(
    way: tuple[int, int], liquidity: int, left: int, kept: int, is_exact_in: bool
) -> tuple[int, int, int]:
    """SwapMath.computeSwapStep: returns (ratio after, paid with fee, got)."""
    ratio, target = way
    whole_in, whole_out = _crossing(ratio, target, liquidity)
    if is_exact_in:
        net = left * kept // PPM
        if net < whole_in:
            reached = _after_input(ratio, liquidity, net, ratio >= target)
            return reached, left, _given_out(ratio, reached, liquidity)
    elif left < whole_out:
        target = _after_output(ratio, liquidity, left, ratio >= target)
        whole_in, whole_out = _owed_in(ratio, target, liquidity), left
    fee = div_up(whole_in * (PPM - kept), kept) if kept else 0  # all of it: none got this far
    return target, whole_in + fee, whole_out


@lru_cache(maxsize=32768)
def _crossing(ratio: int, target: int, liquidity: int) -> tuple[int, int]:
    """Returns what all of a segment takes, fee apart, and gives: the same for every quote."""
    return _owed_in(ratio, target, liquidity), _given_out(ratio, target, liquidity)


def _owed_in(ratio: int, reached: int, liquidity: int) -> int:
    if reached <= ratio:  # token0 comes in
        return div_up(div_up((liquidity << 96) * (ratio - reached), ratio), reached)
    return div_up(liquidity * (reached - ratio), Q96)


def _given_out(ratio: int, reached: int, liquidity: int) -> int:
    if reached <= ratio:  # token1 goes out
        return liquidity * (ratio - reached) // Q96
    return ((liquidity << 96) * (reached - ratio) // reached) // ratio


def _after_input(ratio: int, liquidity: int, amount: int, is_down: bool) -> int:
    if not is_down:
        return ratio + (amount << 96) // liquidity
    if amount == 0:
        return ratio
    scaled = liquidity << 96
    if amount * ratio <= UINT256_MAX and scaled + amount * ratio <= UINT256_MAX:
        return div_up(scaled * ratio, scaled + amount * ratio)
    return div_up(scaled, scaled // ratio + amount)


def _after_output(ratio: int, liquidity: int, amount: int, is_down: bool) -> int:
    if is_down:
        return ratio - div_up(amount << 96, liquidity)
    scaled = liquidity << 96
    return div_up(scaled * ratio, scaled - amount * ratio)
