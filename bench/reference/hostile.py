"""Seeded markets that break routers, small so that thousands of them run in a minute.

Each family has one known trap: a price on a tick, a fee band met exactly, books that tie, a trade a
billionth or a thousand times of what the pools hold, tokens nothing leads to.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.reference.families import (
    Route,
    arbitrage_task,
    hub_books,
    hub_pairs,
    hub_ranges,
    hub_stables,
    swap_task,
)
from solver.routing.kernel.graph import (
    Books,
    Graph,
    Pairs,
    Ranges,
    Task,
    edge_count,
    graph_of,
)

Random = np.random.Generator
DECIMALS_MAX = 27


def hostile(seed: int) -> tuple[str, Task]:
    """Returns the family's name and its instance of this seed; the families take turns."""
    names = list(FAMILIES)
    name = names[seed % len(names)]
    return name, FAMILIES[name](np.random.default_rng([seed, 7]))


def value_locked(graph: Graph) -> float:
    """Returns roughly what all edges hold together, in value units."""
    pairs, ranges, books = graph.pairs, graph.ranges, graph.books
    held = ranges.liquidity * (ranges.high - ranges.low)
    stable = graph.stables.reserve_a.sum() + graph.stables.reserve_b.sum()
    paired = pairs.reserve_a.sum() + pairs.reserve_b.sum()
    return float(paired + stable + held.sum() + books.size.sum())


def market(rng: Random, tokens: int, *, books: bool = True) -> Graph:
    """Returns a small hub market of every kind."""
    ticks = int(rng.integers(2, 12))
    return graph_of(
        tokens,
        pairs=hub_pairs(rng, tokens, int(rng.integers(tokens, 4 * tokens)), 0.3),
        ranges=hub_ranges(rng, tokens, int(rng.integers(1, 8)), ticks),
        stables=hub_stables(rng, tokens, max(0, int(rng.integers(-4, 3)))),
        books=hub_books(rng, tokens, int(rng.integers(1, 5)), ticks) if books else None,
    )


def any_size(rng: Random) -> Task:
    """A trade of 1e-9 to 1e3 times what the market holds."""
    graph = market(rng, int(rng.integers(2, 9)), books=bool(rng.random() < 0.5))
    return _swap(rng, graph, 10 ** rng.uniform(-9, 3))


def on_tick(rng: Random) -> Task:
    """Prices exactly on a tick, the current segment on either side of it, ticks shared by pools."""
    tokens, count, ticks = int(rng.integers(2, 5)), int(rng.integers(1, 8)), 6
    a, b = _ends(rng, tokens, count)
    tick = np.exp(0.01 * np.arange(-ticks // 2, ticks // 2 + 1) / 2)
    low, high = np.tile(tick[:-1], count), np.tile(tick[1:], count)
    first = np.arange(count + 1) * ticks
    at = rng.integers(0, ticks + 1, count)
    side = np.clip(at - rng.integers(0, 2, count), 0, ticks - 1)
    kept = rng.choice([0.9995, 0.997, 1.0], count)
    depth = np.exp(rng.normal(12, 2, count * ticks)) * (rng.random(count * ticks) < 0.8)
    ranges = Ranges(a, b, kept, tick[at], first, low, high, depth, first[:-1] + side)
    pairs = hub_pairs(rng, tokens, tokens, 0.0) if rng.random() < 0.5 else None
    return _swap(rng, graph_of(tokens, pairs=pairs, ranges=ranges), 10 ** rng.uniform(-6, 0))


def empty_books(rng: Random) -> Task:
    """Books without a level, or with one side only; at times nothing else."""
    tokens = int(rng.integers(2, 6))
    full = hub_books(rng, tokens, int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    books = _kept_levels(full, rng.random(full.price.size) < rng.choice([0.0, 0.3, 0.7]))
    pairs = hub_pairs(rng, tokens, 2 * tokens, 0.0) if rng.random() < 0.7 else None
    return _swap(rng, graph_of(tokens, pairs=pairs, books=books), 10 ** rng.uniform(-6, 1))


def decimals(rng: Random) -> Task:
    """Whole atoms of 0 to 27 decimals, scaled back by reference prices that are somewhat off."""
    tokens = int(rng.integers(2, 9))
    graph = market(rng, tokens, books=False)
    atoms = 10.0 ** rng.integers(0, DECIMALS_MAX + 1, tokens) / np.exp(rng.normal(0, 4, tokens))
    believed = np.exp(rng.normal(0, 0.2, tokens)) / atoms  # value units of one atom
    pairs, ranges = graph.pairs, graph.ranges
    pairs = pairs._replace(
        reserve_a=np.maximum(np.rint(pairs.reserve_a * atoms[pairs.a]), 1) * believed[pairs.a],
        reserve_b=np.maximum(np.rint(pairs.reserve_b * atoms[pairs.b]), 1) * believed[pairs.b],
    )
    unit = atoms * believed
    stretch = np.sqrt(unit[ranges.b] / unit[ranges.a])
    each = np.repeat(stretch, np.diff(ranges.first))
    depth = np.sqrt(unit[ranges.a] * unit[ranges.b])
    ranges = ranges._replace(
        root=ranges.root * stretch,
        low=ranges.low * each,
        high=ranges.high * each,
        liquidity=ranges.liquidity * np.repeat(depth, np.diff(ranges.first)),
    )
    stables = graph.stables
    stables = stables._replace(
        reserve_a=stables.reserve_a * unit[stables.a],
        reserve_b=stables.reserve_b * unit[stables.b],
        unit_a=stables.unit_a / unit[stables.a],
        unit_b=stables.unit_b / unit[stables.b],
    )
    graph = graph._replace(pairs=pairs, ranges=ranges, stables=stables)
    return _swap(rng, graph, 10 ** rng.uniform(-7, 1))


def dust_cycles(rng: Random) -> Task:
    """Next to nothing in pools whose prices are badly off: free money of very small size."""
    tokens, dust = int(rng.integers(3, 8)), int(rng.integers(2, 12))
    sound = hub_pairs(rng, tokens, 3 * tokens, 0.2)
    a, b = _ends(rng, tokens, dust)
    held = 10 ** rng.uniform(-6, 2, dust)
    off = np.exp(rng.normal(0, 1.5, dust))
    stale = Pairs(a, b, held * off, held / off, np.full(dust, 0.997), np.full(dust, 0.5))
    return _swap(rng, graph_of(tokens, pairs=_joined(sound, stale)), 10 ** rng.uniform(-8, 0))


def duplicates(rng: Random) -> Task:
    """Every pool several times over, so that no optimal plan is the only one."""
    graph, times = market(rng, int(rng.integers(2, 6))), int(rng.integers(2, 5))
    pairs = _tiled(graph.pairs, times)
    ranges = graph.ranges
    books = graph.books
    for _ in range(times - 1):
        ranges = _ranges_joined(ranges, graph.ranges)
        books = _books_joined(books, graph.books)
    stables = _tiled(graph.stables, times)
    graph = Graph(graph.tokens, pairs, ranges, stables, books)
    return _swap(rng, graph, 10 ** rng.uniform(-7, 1))


def disconnected(rng: Random) -> Task:
    """Parts that do not touch; in some, nothing leads from what is sold to what is bought."""
    near, far = market(rng, int(rng.integers(2, 5))), market(rng, int(rng.integers(2, 5)))
    shift = near.tokens
    pairs = _joined(near.pairs, _shifted(far.pairs, shift))
    ranges = _ranges_joined(near.ranges, _shifted(far.ranges, shift))
    books = _books_joined(near.books, _shifted(far.books, shift))
    alone = int(rng.integers(0, 3))  # tokens no pool holds
    graph = graph_of(shift + far.tokens + alone, pairs=pairs, ranges=ranges, books=books)
    sold = int(rng.integers(1, graph.tokens))
    return swap_task(graph, Route(sold, 10 ** rng.uniform(-6, 1) * value_locked(graph)))


def one_sided(rng: Random) -> Task:
    """Liquidity on one side of the price only, and often less of it than is sold."""
    tokens = int(rng.integers(2, 5))
    ranges = hub_ranges(rng, tokens, int(rng.integers(1, 6)), int(rng.integers(2, 9)))
    pool = np.repeat(np.arange(ranges.a.size), np.diff(ranges.first))
    above = rng.random(ranges.a.size) < 0.5
    live = np.where(above[pool], ranges.low >= ranges.root[pool], ranges.high <= ranges.root[pool])
    ranges = ranges._replace(liquidity=ranges.liquidity * live)
    books = hub_books(rng, tokens, int(rng.integers(1, 4)), 4)
    asks = rng.random(books.a.size) < 0.5
    books = _kept_levels(books, books.is_ask == np.repeat(asks, np.diff(books.first)))
    return _swap(rng, graph_of(tokens, ranges=ranges, books=books), 10 ** rng.uniform(-5, 3))


def at_fee_band(rng: Random) -> Task:
    """Pools whose prices differ by exactly their fees: the solution lies on the kinks."""
    tokens, count = int(rng.integers(2, 6)), int(rng.integers(3, 20))
    a, b = _ends(rng, tokens, count)
    kept = rng.choice([0.9995, 0.997, 0.99], count)
    held = np.exp(rng.normal(13, 1.5, count))
    price = kept ** rng.integers(-1, 2, count) * 0.997 ** rng.integers(-1, 2, count)
    graph = graph_of(tokens, pairs=Pairs(a, b, held, held * price, kept, np.full(count, 0.5)))
    return _swap(rng, graph, 10 ** rng.uniform(-9, -3))


def odd_curves(rng: Random) -> Task:
    """No fee at all, or half of everything, and weights from 2 to 98 %."""
    tokens, count = int(rng.integers(2, 8)), int(rng.integers(3, 25))
    a, b = _ends(rng, tokens, count)
    weight, kept = rng.choice([0.02, 0.2, 0.5, 0.98], count), rng.choice([1.0, 0.5, 0.9999], count)
    held = np.exp(rng.normal(10, 3, count))
    off = np.exp(rng.normal(0, 0.1, count))
    pairs = Pairs(a, b, held * weight, held * (1 - weight) * off, kept, weight)
    return _swap(rng, graph_of(tokens, pairs=pairs), 10 ** rng.uniform(-6, 2))


def one_way(rng: Random) -> Task:
    """Edges open in one direction, or not at all."""
    task = _swap(rng, market(rng, int(rng.integers(2, 7))), 10 ** rng.uniform(-6, 1))
    way = rng.choice(np.array([0, 0, 1, -1, 2], np.int8), edge_count(task.graph))
    return task._replace(way=way)


def many_goals(rng: Random) -> Task:
    """Several tokens sold and several wanted, at prices that invite arbitrage."""
    graph = market(rng, int(rng.integers(3, 9)))
    floor = np.where(rng.random(graph.tokens) < 0.5, np.exp(rng.normal(0, 0.05, graph.tokens)), 0)
    floor[0] = 1.0
    amount = value_locked(graph) * 10 ** rng.uniform(-6, 0)
    supply = np.where(rng.random(graph.tokens) < 0.5, rng.random(graph.tokens) * amount, 0)
    return arbitrage_task(graph, floor)._replace(supply=supply)


def ties(rng: Random) -> Task:
    """Books on a grid of few prices, in loops that just break even: a degenerate linear program."""
    tokens, count, levels = int(rng.integers(2, 6)), int(rng.integers(2, 9)), 3
    a, b = _ends(rng, tokens, count)
    step = 2.0 ** -rng.integers(3, 12)
    bids, asks = 1 - step * np.arange(levels), 1 + step * np.arange(levels)
    price = np.tile(np.concatenate([bids, asks]), count)
    size = 2.0 ** rng.integers(3, 8, count * 2 * levels).astype(float)
    is_ask = np.tile(np.arange(2 * levels) >= levels, count)
    books = Books(a, b, np.arange(count + 1) * 2 * levels, price, size, is_ask)
    return _swap(rng, graph_of(tokens, books=books), 2.0 ** rng.integers(-12, 2))


def nothing_to_do(rng: Random) -> Task:
    """Nothing sold, in a market in balance: the right answer is to leave everything alone."""
    graph = market(rng, int(rng.integers(2, 7)))
    return _swap(rng, graph, 0.0)


FAMILIES: dict[str, Callable[[Random], Task]] = {
    family.__name__: family
    for family in (
        any_size,
        on_tick,
        empty_books,
        decimals,
        dust_cycles,
        duplicates,
        disconnected,
        one_sided,
        at_fee_band,
        odd_curves,
        one_way,
        many_goals,
        ties,
        nothing_to_do,
    )
}


def _swap(rng: Random, graph: Graph, share: float) -> Task:
    sold = int(rng.integers(1, graph.tokens))
    return swap_task(graph, Route(sold, share * value_locked(graph)))


def _ends(rng: Random, tokens: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    a = rng.integers(0, tokens, count)
    return a, (a + rng.integers(1, tokens, count)) % tokens


def _joined(one: Pairs, other: Pairs) -> Pairs:
    return Pairs(*(np.concatenate(both) for both in zip(one, other, strict=True)))


def _tiled(kind: Any, times: int) -> Any:
    return type(kind)(*(np.tile(field, times) for field in kind))


def _shifted(kind, by: int):
    return kind._replace(a=kind.a + by, b=kind.b + by)


def _ranges_joined(one: Ranges, other: Ranges) -> Ranges:
    held = one.low.size
    other = other._replace(first=other.first + held, current=other.current + held)
    whole = Ranges(*(np.concatenate(both) for both in zip(one, other, strict=True)))
    return whole._replace(first=np.concatenate([one.first, other.first[1:]]))


def _books_joined(one: Books, other: Books) -> Books:
    other = other._replace(first=other.first + one.price.size)
    whole = Books(*(np.concatenate(both) for both in zip(one, other, strict=True)))
    return whole._replace(first=np.concatenate([one.first, other.first[1:]]))


def _kept_levels(books: Books, keep: np.ndarray) -> Books:
    before = np.concatenate([[0], np.cumsum(keep)])
    return books._replace(
        first=before[books.first],
        price=books.price[keep],
        size=books.size[keep],
        is_ask=books.is_ask[keep],
    )
