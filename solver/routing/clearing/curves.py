"""Pools as traders of the batch: each piece of a pool's curve is an order that fills smoothly.

A pool sells what it holds at the batch's prices as far as its own marginal price is better. Its
curve gives a little more than those prices ask for: that stays with nobody (`Clearing.left`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from solver.domain.ids import Address
from solver.domain.market import ConcentratedPool, ConstantProductPool, Pool
from solver.domain.numbers import PPM
from solver.routing.clearing.orders import Floats, Places, Quote
from solver.routing.curves import concentrated

Q96 = float(2**96)
PIECES_MAX = 64  # ranges of one pool looked at in one direction
DRAINED = 1e-15  # of a reserve: no price takes a pool's last atoms


class Curves(NamedTuple):
    """Pieces of hyperbolas. With r = log price out over in: out = base - root*exp(-r/2) within
    0..cap, and in = root*exp(r/2) - offset; everything in units of value.
    """

    token_in: Places
    token_out: Places
    base: Floats
    root: Floats
    offset: Floats
    cap: Floats
    pool: Places  # whose piece it is


_NO, _NOWHERE = np.zeros(0), np.zeros(0, np.int64)
NO_CURVES = Curves(_NOWHERE, _NOWHERE, _NO, _NO, _NO, _NO, _NOWHERE)


def usable(pools: Sequence[Pool], places: Mapping[Address, int]) -> list[Pool]:
    """Returns the pools that can join: constant product and concentrated, both tokens known."""
    kinds = (ConstantProductPool, ConcentratedPool)
    return [
        pool
        for pool in pools
        if isinstance(pool, kinds)
        and all(token in places for token in pool.tokens)
        and (min(pool.reserve0, pool.reserve1) > 0 if isinstance(pool, ConstantProductPool) else 1)
    ]


def quoted(pools: Sequence[Pool], places: Mapping[Address, int]) -> list[Quote]:
    """Returns (in, out, log of atoms out per atom in) of each pool now, before the fee."""
    found = []
    for pool in pools:
        place0, place1 = (places[token] for token in pool.tokens)
        if isinstance(pool, ConcentratedPool):
            price = 2 * math.log(pool.sqrt_price_x96 / Q96)
            found.append(Quote(place0, place1, price, math.log(max(pool.liquidity, 1))))
        elif isinstance(pool, ConstantProductPool):
            logs = math.log(pool.reserve0), math.log(pool.reserve1)
            found.append(Quote(place0, place1, logs[1] - logs[0], sum(logs) / 2))
    return found


def curves(pools: Sequence[Pool], places: Mapping[Address, int], units: Floats) -> Curves:
    """Returns every piece of every pool in both directions."""
    rows: list[tuple[float, ...]] = []
    for index, pool in enumerate(pools):
        for token_in, token_out in (pool.tokens, pool.tokens[::-1]):
            place_in, place_out = places[token_in], places[token_out]
            worth = math.exp(units[place_in]), math.exp(units[place_out])
            for reserve_in, reserve_out, cap, kept in _pieces(pool, token_in):
                held, given = reserve_in * worth[0], reserve_out * worth[1]
                root, offset = math.sqrt(held * given / kept), held / kept
                rows.append((place_in, place_out, given, root, offset, cap * worth[1], index))
    table = np.array(rows).reshape(len(rows), 7).T
    sell, buy, pool_of = (table[row].astype(np.int64) for row in (0, 1, 6))
    return Curves(
        sell, buy, table[2].copy(), table[3].copy(), table[4].copy(), table[5].copy(), pool_of
    )


def _pieces(pool: Pool, token_in: Address) -> list[tuple[float, float, float, float]]:
    """Returns (virtual reserve in, out, most out, kept of the input) of each piece, atoms."""
    if isinstance(pool, ConstantProductPool):
        is_first = token_in == pool.token0
        held = (pool.reserve0, pool.reserve1) if is_first else (pool.reserve1, pool.reserve0)
        return [(float(held[0]), float(held[1]), float(held[1]), 1 - pool.fee_ppm / PPM)]
    assert isinstance(pool, ConcentratedPool)
    is_down, found = token_in == pool.token0, []
    for liquidity, start, end in concentrated.segments(pool, is_down):
        first, last = (start / Q96, end / Q96) if is_down else (Q96 / start, Q96 / end)
        cap = liquidity * (first - last)
        found.append((liquidity / first, liquidity * first, cap, 1 - pool.fee_ppm / PPM))
        if len(found) == PIECES_MAX:
            break
    return found


def flows(pieces: Curves, prices: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns (in, out, derivative of out by r) of each piece at log prices."""
    turn = prices[pieces.token_out] - prices[pieces.token_in]
    bent = pieces.root * np.exp(-0.5 * turn)
    out = pieces.base - bent
    is_inside = (out > 0) & (out < pieces.cap)
    out = np.clip(out, 0.0, pieces.cap)
    stop = np.maximum(pieces.base - out, np.maximum(DRAINED * pieces.base, 1e-300))
    paid = np.where(out > 0, pieces.root * pieces.root / stop - pieces.offset, 0.0)
    return np.maximum(paid, 0.0), out, np.where(is_inside, 0.5 * bent, 0.0)
