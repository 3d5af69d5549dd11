"""Each pool's curves as floats in atoms, made once for a pool, whatever is traded over it.

A pool of n tokens is one two-token curve for each pair. Curves follow from the pool alone, so that
keeping them changes no answer; a trade's units are put on later, to all at once.
"""

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate, combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.ids import Address
from solver.domain.market import (
    BookPool,
    ConcentratedPool,
    ConstantProductPool,
    Pool,
    StablePool,
    StableswapPool,
    WeightedPool,
)
from solver.domain.numbers import PPM, WAD

Floats = NDArray[np.float64]

KEPT_POOLS = 8192
CURVE_FEE_UNIT = 10**10
BALANCER_AMPLIFICATION = 1000
Q96 = float(2**96)
LOG_TICK = float(np.log(1.0001)) / 2
ROOM = 0.3  # of a weighted pool's balance: no exact-in swap takes more
CALM = 0.999  # of the furthest swap: what is planned on a pair far from its price
STEPS = 8  # hyperbolas on each side of such a pair
INVARIANT_STEPS = 64  # of Newton's method, far more than it takes


class Mid(NamedTuple):
    """What a pair trades at before its fee, atoms of b for one of a, and how deep, atoms of a."""

    a: Address
    b: Address
    price: float
    depth: float


class Curves(NamedTuple):
    """One pool's pairs; every curve is a row of the kernel's kind of that name (kernel.graph). A
    weighted pair is there twice: as it is, and as ranges that end where a swap must.
    """

    mids: tuple[Mid, ...]
    pairs: tuple[tuple[float, ...], ...] = ()  # reserve a, reserve b, kept, weight, room
    ranges: tuple[tuple[Floats, ...], ...] = ()  # (kept, root, current), low, high, liquidity
    stables: tuple[tuple[float, ...], ...] = ()  # reserves, units, shift, kept in, kept out
    books: tuple[Floats, ...] = ()  # price, size, is ask


@lru_cache(maxsize=KEPT_POOLS)
def curves_of(pool: Pool) -> Curves:
    """Returns the pool's curves, one for each of `mids` in order; none for what cannot trade."""
    if isinstance(pool, ConstantProductPool):
        return _product(pool)
    if isinstance(pool, ConcentratedPool):
        return _concentrated(pool)
    if isinstance(pool, WeightedPool):
        return _weighted(pool)
    if isinstance(pool, BookPool):
        return _book(pool)
    return _stable(pool)


def _product(pool: ConstantProductPool) -> Curves:
    x, y = float(pool.reserve0), float(pool.reserve1)
    if x <= 0 or y <= 0:
        return Curves(())
    mid = Mid(pool.token0, pool.token1, y / x, x)
    return Curves((mid,), pairs=((x, y, 1 - pool.fee_ppm / PPM, 0.5, np.inf),))


def _weighted(pool: WeightedPool) -> Curves:
    kept, mids, rows = 1 - pool.fee / WAD, list[Mid](), list[tuple[float, ...]]()
    for i, j in combinations(range(len(pool.tokens)), 2):
        x, y = float(pool.balances[i]), float(pool.balances[j])
        if x > 0 and y > 0:
            share = pool.weights[i] / (pool.weights[i] + pool.weights[j])
            price = y / x * share / (1 - share)
            mids.append(Mid(pool.tokens[i], pool.tokens[j], price, x))
            rows.append((x, y, kept, share, ROOM))
    return Curves(tuple(mids), pairs=tuple(rows), ranges=tuple(limited(row) for row in rows))


def furthest(room: Any, kept: Any, share: Any) -> Any:
    """Returns how far beyond its band an exact-in swap may move the log price of a pair that takes
    no more than `room` of a balance; `share` is the weight of what goes in. Numbers or arrays.
    """
    return np.log1p(np.minimum(room, 1e300) * kept) / (1 - share)


def limited(pair: tuple[float, ...]) -> tuple[Floats, ...]:
    """Returns the pair as ranges that end where a swap does: hyperbolas that give what the weighted
    curve gives between one price and the next, for pools too small for a trade, or gone astray.
    """
    x, y, kept, share, room = pair
    root = (y * share / (x * (1 - share))) ** 0.5
    down = np.linspace(0, CALM * furthest(room, kept, share), STEPS + 1)
    up = np.linspace(0, CALM * furthest(room, kept, 1 - share), STEPS + 1)
    below, above = root * np.exp(-down / 2), root * np.exp(up / 2)
    given_b, given_a = -y * np.expm1(-share * down), -x * np.expm1((share - 1) * up)
    depths = np.diff(given_b) / -np.diff(below), np.diff(given_a) / -np.diff(1 / above)
    edges = np.concatenate([below[::-1], above[1:]])
    state = np.array([kept, root, float(STEPS)])
    return state, edges[:-1], edges[1:], np.concatenate([depths[0][::-1], depths[1]])


def _concentrated(pool: ConcentratedPool) -> Curves:
    root, ticks = pool.sqrt_price_x96 / Q96, pool.ticks
    if len(ticks) < 2 or root <= 0:
        return Curves(())
    held = bisect_right(ticks, pool.tick, key=lambda entry: entry[0])
    sums = list(accumulate(net for _, net in ticks))
    offset = pool.liquidity - (sums[held - 1] if held else 0)
    edges = np.exp(np.array([tick for tick, _ in ticks], dtype=np.float64) * LOG_TICK)
    depths = np.array([max(0, total + offset) for total in sums[:-1]], dtype=np.float64)
    low, high = edges[:-1], edges[1:]
    if held == 0:  # below everything: a gap up to the first tick
        low, high = np.append(min(root, edges[0]), low), np.append(edges[0], high)
        depths, held = np.append(0.0, depths), 1
    elif held == len(ticks):
        low, high = np.append(low, edges[-1]), np.append(high, max(root, edges[-1]))
        depths = np.append(depths, 0.0)
    current = held - 1
    root = min(max(root, float(low[current])), float(high[current]))
    mid = Mid(pool.token0, pool.token1, root * root, pool.liquidity / root)
    state = np.array([1 - pool.fee_ppm / PPM, root, current])
    return Curves((mid,), ranges=((state, low, high, depths),))


def _stable(pool: StablePool | StableswapPool) -> Curves:
    count = len(pool.tokens)
    if isinstance(pool, StablePool):
        units = [scaling / WAD for scaling in pool.scalings]
        amplified = pool.amplification / BALANCER_AMPLIFICATION * count
        kept_in, kept_out = 1 - pool.fee / WAD, 1.0
    else:
        units = [rate / WAD for rate in pool.rates]
        amplified, kept_in = float(pool.amplification * count), 1.0
        kept_out = 1 - pool.fee / CURVE_FEE_UNIT
    held = [balance * unit for balance, unit in zip(pool.balances, units, strict=True)]
    if min(held) <= 0:
        return Curves(())
    total = invariant(held, amplified)
    mids, rows = list[Mid](), list[tuple[float, ...]]()
    for i, j in combinations(range(count), 2):
        x, y = held[i], held[j]
        shift = sum(held) - x - y + total / amplified - total
        price = (y / x) * (2 * x + y + shift) / (x + 2 * y + shift) * units[i] / units[j]
        mids.append(Mid(pool.tokens[i], pool.tokens[j], price, float(pool.balances[i])))
        reserves = float(pool.balances[i]), float(pool.balances[j])
        rows.append((*reserves, units[i], units[j], shift, kept_in, kept_out))
    return Curves(tuple(mids), stables=tuple(rows))


def invariant(held: list[float], amplified: float) -> float:
    """Returns stableswap's D by Newton's method: A*n*S + D = A*n*D + D*prod(D/(n*x))."""
    count, whole = len(held), sum(held)
    total = whole
    for _ in range(INVARIANT_STEPS):
        product = total
        for x in held:
            product = product * total / (x * count)
        before = total
        total = (amplified * whole + product * count) * total
        total /= (amplified - 1) * before + (count + 1) * product
        if abs(total - before) <= 1e-15 * before:
            break
    return total


def _book(pool: BookPool) -> Curves:
    kept, lot = 1 - pool.fee_ppm / PPM, float(pool.lot)
    bids = [(price * kept / lot, lots * lot, 0.0) for price, lots in pool.bids if lots > 0]
    asks = [(price / kept / lot, lots * lot * kept, 1.0) for price, lots in pool.asks if lots > 0]
    if not bids and not asks:
        return Curves(())
    best = [side[0][0] for side in (bids, asks) if side]
    depth = sum(size for _, size, _ in [*bids, *asks])
    mid = Mid(pool.base, pool.quote, sum(best) / len(best), depth)
    levels = np.array([*bids, *asks], dtype=np.float64)
    return Curves((mid,), books=(levels[:, 0].copy(), levels[:, 1].copy(), levels[:, 2].copy()))
