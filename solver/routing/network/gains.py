"""What every edge could gain against given prices: the terms of the dual, for all edges at once."""

import numpy as np
from numpy.typing import NDArray

from solver.routing.kernel import Books, Graph, Pairs, Ranges, Stables
from solver.routing.network.rows import furthest

Floats = NDArray[np.float64]

SECANTS = 36  # of the Illinois kind, each third a halving: a gain is flat where it is greatest
LEVEL = 1e-7  # of the log price there: the gain is then right to its square
FURTHEST = 8.0  # log of how far a stable pool's reserve may grow


def gains(graph: Graph, prices: Floats, room: Floats | None = None) -> Floats:
    """Returns max over trades of price_out*out - price_in*in of each edge, in the prices' unit.

    `room` is the part of a balance that one swap with each pair may take or give.
    """
    return gains_apart(graph, room, *((prices[kind.a], prices[kind.b]) for kind in graph[1:]))


def gains_apart(graph: Graph, room: Floats | None, *prices: tuple[Floats, Floats]) -> Floats:
    """Returns the same with prices of a and b that each edge has to itself, kind by kind."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.concatenate(
            [
                _pairs(graph.pairs, *prices[0], room),
                _ranges(graph.ranges, *prices[1]),
                _stables(graph.stables, *prices[2]),
                _books(graph.books, *prices[3]),
            ]
        )


def _pairs(pairs: Pairs, price_a: Floats, price_b: Floats, room: Floats | None) -> Floats:
    """Both ways: R_out*p_out*(1 - exp(-w*x)) less R_in*p_in*(exp((1 - w)*x) - 1)/kept, where x is
    how far the log price lies beyond the fee band and w the weight of what goes in.
    """
    worth_a, worth_b = pairs.reserve_a * price_a, pairs.reserve_b * price_b
    spot = worth_b * pairs.weight / (worth_a * (1 - pairs.weight))  # value of b for one of a
    out = np.zeros(pairs.a.size)
    for is_a_in in (True, False):
        over = np.log(spot * pairs.kept if is_a_in else pairs.kept / spot)
        (rows,) = np.nonzero(over > 0)
        share = pairs.weight[rows] if is_a_in else 1 - pairs.weight[rows]  # of what goes in
        paid, got = (worth_a, worth_b) if is_a_in else (worth_b, worth_a)
        beyond = over[rows]
        if room is not None:
            beyond = np.minimum(beyond, furthest(room[rows], pairs.kept[rows], share))
        out[rows] = -got[rows] * np.expm1(-share * beyond)
        out[rows] -= paid[rows] / pairs.kept[rows] * np.expm1((1 - share) * beyond)
    return out


def crowded(pairs: Pairs, room: Floats, prices: Floats) -> NDArray[np.bool_]:
    """Returns which pairs, left alone at these prices, would be moved further than they can be."""
    with np.errstate(divide="ignore"):
        spot = np.log(pairs.reserve_b * prices[pairs.b] * pairs.weight)
        spot -= np.log(pairs.reserve_a * prices[pairs.a] * (1 - pairs.weight))
    fee = np.log(pairs.kept)
    too_low = spot + fee > furthest(room, pairs.kept, pairs.weight)
    too_high = fee - spot > furthest(room, pairs.kept, 1 - pairs.weight)
    out: NDArray[np.bool_] = too_low | too_high
    return out


def _ranges(ranges: Ranges, price_a: Floats, price_b: Floats) -> Floats:
    ratio, spot = price_a / price_b, ranges.root * ranges.root
    out = np.zeros(ranges.a.size)
    for is_a_in in (True, False):
        is_on = ratio < spot * ranges.kept if is_a_in else ratio * ranges.kept > spot
        (rows,) = np.nonzero(is_on)
        if not rows.size:
            continue
        counts = ranges.first[rows + 1] - ranges.first[rows]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        at = np.arange(counts.sum()) + np.repeat(ranges.first[rows] - starts, counts)
        owner = np.repeat(rows, counts)
        low, high, depth = ranges.low[at], ranges.high[at], ranges.liquidity[at]
        kept, root = ranges.kept[owner], ranges.root[owner]
        if is_a_in:
            goal = np.sqrt(ratio / ranges.kept)[owner]
            low, high = np.maximum(low, goal), np.minimum(high, root)
            part = price_b[owner] - price_a[owner] / kept / (low * high)
        else:
            goal = np.sqrt(ratio * ranges.kept)[owner]
            low, high = np.maximum(low, root), np.minimum(high, goal)
            part = price_a[owner] / (low * high) - price_b[owner] / kept
        part = np.where((high > low) & (depth > 0), depth * (high - low) * part, 0.0)
        out[rows] = np.add.reduceat(part, starts)
    return out


def _stables(stables: Stables, price_a: Floats, price_b: Floats) -> Floats:
    """Each way by secants on the reserve after, y being closed: x*y^2 + (x^2 + s*x)*y = k."""
    out = np.zeros(stables.a.size)
    if not out.size:
        return out
    kept = stables.kept_in * stables.kept_out
    x, y = stables.reserve_a * stables.unit_a, stables.reserve_b * stables.unit_b
    price_x, price_y = price_a / stables.unit_a, price_b / stables.unit_b
    for mine, theirs, cost, worth in ((x, y, price_x, price_y), (y, x, price_y, price_x)):
        slope = theirs * (2 * mine + theirs + stables.shift)
        slope /= mine * (mine + 2 * theirs + stables.shift)
        (rows,) = np.nonzero(slope * worth * kept > cost)
        if rows.size:
            picked = [each[rows] for each in (mine, theirs, cost, worth, stables.shift)]
            fees = stables.kept_in[rows], stables.kept_out[rows]
            out[rows] = _stable_gain(picked, fees)
    return out


def _stable_gain(picked: list[Floats], fees: tuple[Floats, Floats]) -> Floats:
    start, other, cost, worth, shift = picked
    kept_in, kept_out = fees
    product = start * other * (start + other + shift)

    def left(x: Floats) -> Floats:
        half = (x + shift) / 2
        root = np.sqrt(half * half + product / x)
        return np.where(half > 0, product / x / (half + root), root - half)

    def off(growth: Floats) -> Floats:
        x = start * np.exp(growth)
        y = left(x)
        slope = y * (2 * x + y + shift) / (x * (x + 2 * y + shift))
        return np.log(slope * worth * kept_in * kept_out / cost)

    low, high = np.zeros_like(start), np.full_like(start, FURTHEST)
    above, below = off(low), off(high)
    for step in range(SECANTS):
        secant = np.clip((low * below - high * above) / (below - above), low, high)
        middle = secant if step % 3 else (low + high) / 2
        there = off(middle)
        if np.abs(there).max() < LEVEL:
            low = middle
            break
        is_more = there > 0
        above, below = np.where(is_more, there, above / 2), np.where(is_more, below / 2, there)
        low, high = np.where(is_more, middle, low), np.where(is_more, high, middle)
    x = start * np.exp(low)
    return np.maximum(0.0, worth * kept_out * (other - left(x)) - cost * (x - start) / kept_in)


def _books(books: Books, price_a: Floats, price_b: Floats) -> Floats:
    if not books.a.size:
        return np.zeros(0)
    owner = np.repeat(np.arange(books.a.size), np.diff(books.first))
    edge = books.price * price_b[owner] - price_a[owner]
    part = books.size * np.maximum(0.0, np.where(books.is_ask, -edge, edge))
    out: Floats = np.bincount(owner, part, books.a.size).astype(np.float64)
    return out


def held(graph: Graph) -> tuple[Floats, Floats]:
    """Returns the most of a and of b that a trade with each edge could take out."""
    pairs, ranges, stables, books = graph[1:]
    begin = ranges.first[:-1]
    root = np.repeat(ranges.root, np.diff(ranges.first))
    low, high = np.minimum(ranges.low, root), np.minimum(ranges.high, root)
    range_b = _summed(ranges.liquidity * (high - low), begin)
    low, high = np.maximum(ranges.low, root), np.maximum(ranges.high, root)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(high > low, ranges.liquidity * (1 / low - 1 / high), 0.0)
    range_a = _summed(part, begin)
    owner = np.repeat(np.arange(books.a.size), np.diff(books.first))
    book_a = np.bincount(owner, books.size * books.is_ask, books.a.size)
    book_b = np.bincount(owner, books.size * books.price * ~books.is_ask, books.a.size)
    return (
        np.concatenate([pairs.reserve_a, range_a, stables.reserve_a, book_a]),
        np.concatenate([pairs.reserve_b, range_b, stables.reserve_b, book_b]),
    )


def _summed(parts: Floats, begin: NDArray[np.int64]) -> Floats:
    return np.add.reduceat(parts, begin) if begin.size else np.zeros(0)
