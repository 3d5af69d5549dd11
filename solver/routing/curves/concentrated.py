"""Uniswap v3's swap, step by step, in the contract's integers.

Source: UniswapV3Pool.swap, SwapMath, SqrtPriceMath, TickBitmap (v3-core 1.0.1). The pool also stops
at the edge of every bitmap word (256 compressed ticks), initialised or not, and rounds there.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
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
    tick: int
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
    return pool._replace(sqrt_price_x96=state.ratio, tick=state.tick, liquidity=state.liquidity)


def segments(pool: ConcentratedPool, is_down: bool) -> Iterator[Segment]:
    """Yields the liquidity a trade meets, nearest first; token0 in moves the price down."""
    ticks = pool.ticks
    index = bisect_right(ticks, pool.tick, key=lambda entry: entry[0])
    liquidity, ratio = pool.liquidity, pool.sqrt_price_x96
    while index > 0 if is_down else index < len(ticks):
        tick, net = ticks[index - 1 if is_down else index]
        end = ratio_at(tick)
        if liquidity > 0 and end != ratio:
            yield Segment(liquidity, ratio, end)
        liquidity += -net if is_down else net
        ratio = end
        index += -1 if is_down else 1


def arbitrage_up(pool: ConcentratedPool, prices: Mapping[Address, int]) -> int:
    """Returns an upper bound of max price_out*out - price_in*in over both directions, rounded up.

    Every integer step of the pool is on or below the real curve of its segment, so the sum of the
    segments' closed maxima bounds what any exact trade gains. Liquidity L from ratio s down to t:
    L*(price1*(s - t) - q0*(1/t - 1/s)), q0 = price0/(1 - fee), best at t^2 = q0/price1; upwards the
    same with the tokens exchanged and the ratios inverted.
    """
    price0, price1 = prices.get(pool.token0, 0), prices.get(pool.token1, 0)
    return max(_gain_down(pool, price0, price1), _gain_up(pool, price0, price1))


def _gain_down(pool: ConcentratedPool, price0: int, price1: int) -> int:
    kept, gain = PPM - pool.fee_ppm, 0
    cost, worth = price0 * PPM * Q96 * Q96, price1 * kept
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


def _swap(pool: ConcentratedPool, is_down: bool, amount: int, *, is_exact_in: bool) -> _State:
    state = _State(pool.sqrt_price_x96, pool.tick, pool.liquidity, 0, 0)
    left, limit = amount, RATIO_MIN + 1 if is_down else RATIO_MAX - 1
    if amount < 0:
        raise Infeasible(f"pool {pool.address} cannot trade {amount}")
    while left > 0:
        if state.ratio == limit:
            raise Infeasible(
                f"pool {pool.address} runs out of liquidity", data={"left": left, "asked": amount}
            )
        tick, net = _next_tick(pool, state.tick, is_down)
        edge = ratio_at(tick)
        target = max(edge, limit) if is_down else min(edge, limit)
        ratio, paid, got = _step(state, target, left, pool.fee_ppm, is_exact_in)
        left -= paid if is_exact_in else got
        state = _advance(state, ratio, edge, (tick, net), is_down)._replace(
            amount_in=state.amount_in + paid, amount_out=state.amount_out + got
        )
    return state


def _next_tick(pool: ConcentratedPool, tick: int, is_down: bool) -> tuple[int, int]:
    """Returns (tick, liquidityNet) of the next stop: initialised tick or edge of the word."""
    spacing = pool.tick_spacing
    index = bisect_right(pool.ticks, tick, key=lambda entry: entry[0])
    if is_down:
        edge = max(tick // spacing // WORD * WORD * spacing, TICK_MIN)
        if index > 0 and pool.ticks[index - 1][0] >= edge:
            return pool.ticks[index - 1]
        return edge, 0
    edge = min((((tick // spacing + 1) // WORD + 1) * WORD - 1) * spacing, TICK_MAX)
    if index < len(pool.ticks) and pool.ticks[index][0] <= edge:
        return pool.ticks[index]
    return edge, 0


def _advance(state: _State, ratio: int, edge: int, stop: tuple[int, int], is_down: bool) -> _State:
    tick, net = stop
    if ratio == edge:
        return state._replace(
            ratio=ratio,
            tick=tick - 1 if is_down else tick,
            liquidity=state.liquidity + (-net if is_down else net),
        )
    if ratio != state.ratio:
        return state._replace(ratio=ratio, tick=tick_at(ratio))
    return state


def _step(
    state: _State, target: int, left: int, fee_ppm: int, is_exact_in: bool
) -> tuple[int, int, int]:
    """SwapMath.computeSwapStep: returns (ratio after, paid with fee, got)."""
    ratio, liquidity = state.ratio, state.liquidity
    if liquidity == 0:
        return target, 0, 0
    is_down, kept = ratio >= target, PPM - fee_ppm
    if is_exact_in:
        net = left * kept // PPM
        whole = _owed_in(ratio, target, liquidity)
        reached = target if net >= whole else _after_input(ratio, liquidity, net, is_down)
    else:
        whole = _given_out(ratio, target, liquidity)
        reached = target if left >= whole else _after_output(ratio, liquidity, left, is_down)
    paid = _owed_in(ratio, reached, liquidity)
    got = _given_out(ratio, reached, liquidity)
    if not is_exact_in:
        got = min(got, left)
    if is_exact_in and reached != target:
        return reached, left, got
    return reached, paid + div_up(paid * fee_ppm, kept), got


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
