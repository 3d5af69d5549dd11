"""Seeded routing problems of every published shape, so that each bench and test draws the same.

Amounts are in value units as the kernel wants them: every token is worth about one. `paper` and
`wide` are the generators of router-experiments (`comparison.jl`) and CFMMRouter.jl (`scaling.jl`);
`hub` is a market as it is found: few hubs, many spokes, prices inside the fee band.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.routing.kernel.graph import (
    Books,
    Graph,
    Pairs,
    Ranges,
    Stables,
    Task,
    graph_of,
    task_of,
)

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

HUBS = 5
TRADE = 1e6  # of a hub instance, in value units
POOL_FEES = (0.0005, 0.003, 0.003, 0.01)
BOOK_FEE, BOOK_SPREAD = 0.0002, 0.0002


class Route(NamedTuple):
    """Token `sold` becomes token 0 in `amount` of value."""

    sold: int
    amount: float


def paper(pools: int, seed: int = 0) -> Task:
    """Returns the arbitrage instance of router-experiments: half the pools weighted 0.8."""
    rng = np.random.default_rng(seed)
    tokens = round(2 * pools**0.5)
    a, b = _apart(rng, tokens, pools)
    reserves = 1000 * rng.random((2, pools)) + 1000
    weight = rng.choice([0.5, 0.8], pools)
    kept = np.full(pools, 0.997)
    graph = graph_of(tokens, pairs=Pairs(a, b, reserves[0], reserves[1], kept, weight))
    return arbitrage_task(graph, rng.random(tokens))


def wide(pools: int, factor: float, seed: int = 0) -> Task:
    """Returns the instance of CFMMRouter's scaling.jl with `factor` times sqrt(pools) tokens."""
    rng = np.random.default_rng(seed)
    tokens = max(2, round(factor * pools**0.5))
    a, b = _apart(rng, tokens, pools)
    reserves = 1000 * rng.random((2, pools))
    kept = rng.choice([0.997, 1.0], pools)
    half = np.full(pools, 0.5)
    graph = graph_of(tokens, pairs=Pairs(a, b, reserves[0], reserves[1], kept, half))
    return arbitrage_task(graph, rng.random(tokens))


def hub(pools: int, seed: int = 0, *, trade: float = TRADE, weighted: float = 0.2) -> Task:
    """Returns a swap of token 1 into token 0 over a hub-and-spoke market of third as many tokens.

    Values are lognormal (sigma 1.5, pools between hubs 20 times as deep), fees 5 to 100 bp, and
    pools disagree by less than their fees. Draws in the order in which the published figures of
    this family were drawn, so that a seed is the same instance.
    """
    rng = np.random.default_rng(seed)
    tokens = max(4, pools // 3)
    rng.normal(0, 2, tokens)  # prices in other units than value
    a, b = _hub_ends_in_turn(rng, tokens, pools)
    graph = graph_of(tokens, pairs=_hub_depths(rng, (a, b), min(HUBS, tokens - 1), weighted))
    return swap_task(graph, Route(1, trade))


def mix(counts: tuple[int, int, int], ticks: int, seed: int = 0, **hub_options: float) -> Task:
    """Returns a swap over (pairs, ranges, books), each range of `ticks` and book of twice as many.

    `hub_options`: `trade` in value units, `weighted` share of the pairs, `tokens`.
    """
    pairs, ranges, books = counts
    trade, weighted = hub_options.get("trade", TRADE), hub_options.get("weighted", 0.0)
    tokens = int(hub_options.get("tokens", max(4, pairs // 3)))
    rng = np.random.default_rng(seed)
    graph = graph_of(
        tokens,
        pairs=hub_pairs(rng, tokens, pairs, weighted) if pairs else None,
        ranges=hub_ranges(rng, tokens, ranges, ticks) if ranges else None,
        books=hub_books(rng, tokens, books, ticks) if books else None,
    )
    return swap_task(graph, Route(1, trade))


def pure_books(books: int, levels: int, seed: int = 0, *, trade: float = 1e7) -> Task:
    """Returns a swap over order books alone, `levels` on each side, between six tokens."""
    return mix((0, 0, books), levels, seed, trade=trade, tokens=6)


def swap_task(graph: Graph, route: Route) -> Task:
    """Returns the task of selling one token for token 0."""
    supply, floor = np.zeros(graph.tokens), np.zeros(graph.tokens)
    supply[route.sold], floor[0] = route.amount, 1.0
    return task_of(graph, supply, floor)


def arbitrage_task(graph: Graph, floor: Floats) -> Task:
    """Returns the task of taking what pays out of the pools, valued at `floor`."""
    return task_of(graph, np.zeros(graph.tokens), floor)


def moved(task: Task, seed: int, *, share: float = 0.01, by: float = 0.002) -> Task:
    """Returns the task after a block: the price of `share` of the pools moved; all arrays new."""
    rng = np.random.default_rng(seed)
    old = fresh(task).graph

    def shift(count: int) -> Floats:
        return np.where(rng.random(count) < share, np.exp(rng.normal(0, by, count)), 1.0)

    pairs, ranges, books = old.pairs, old.ranges, old.books
    step = shift(pairs.a.size)
    pairs = pairs._replace(reserve_a=pairs.reserve_a / step, reserve_b=pairs.reserve_b * step)
    ranges = placed(ranges, ranges.root * np.sqrt(shift(ranges.a.size)))
    step = np.repeat(shift(books.a.size), np.diff(books.first))
    books = books._replace(price=books.price * step)
    return fresh(task)._replace(graph=old._replace(pairs=pairs, ranges=ranges, books=books))


def placed(ranges: Ranges, root: Floats) -> Ranges:
    """Returns ranges whose price has moved to `root`, no further than their outermost ticks."""
    if not ranges.a.size:
        return ranges
    begin, end = ranges.first[:-1], ranges.first[1:]
    held = np.clip(root, ranges.low[begin], ranges.high[end - 1])
    current = ranges.current.copy()
    for i in np.flatnonzero(held != ranges.root):
        within = np.searchsorted(ranges.low[begin[i] : end[i]], held[i], "right") - 1
        current[i] = begin[i] + max(int(within), 0)
    return ranges._replace(root=held, current=current)


def fresh(task: Task) -> Task:
    """Returns an equal task that shares no array with the first: nothing to recognise it by."""
    return _copied(task)  # type: ignore[no-any-return]


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, tuple):
        return type(value)(*(_copied(item) for item in value))
    return value


def _apart(rng: np.random.Generator, tokens: int, count: int) -> tuple[Whole, Whole]:
    """Returns pairs of distinct tokens."""
    a = rng.integers(0, tokens, count)
    return a, (a + rng.integers(1, tokens, count)) % tokens


def hub_pairs(rng: np.random.Generator, tokens: int, pools: int, weighted: float) -> Pairs:
    hubs, place = min(HUBS, tokens - 1), np.arange(pools)
    spoke = place < tokens - 1
    anywhere = np.where(
        rng.random(pools) < 0.5, rng.integers(0, tokens, pools), rng.integers(0, hubs, pools)
    )
    a = np.where(spoke, place + 1, anywhere)
    b = np.where(spoke & (place + 1 < hubs), 0, rng.integers(0, hubs, pools))
    return _hub_depths(rng, (np.where(a == b, (b + 1) % tokens, a), b), hubs, weighted)


def _hub_ends_in_turn(rng: np.random.Generator, tokens: int, pools: int) -> tuple[Whole, Whole]:
    hubs = min(HUBS, tokens - 1)
    a, b = np.empty(pools, np.int64), np.empty(pools, np.int64)
    for i in range(pools):
        if i < tokens - 1:
            a[i], b[i] = i + 1, rng.integers(0, hubs) if i + 1 >= hubs else 0
        else:
            b[i] = rng.integers(0, hubs)
            a[i] = rng.integers(0, tokens) if rng.random() < 0.5 else rng.integers(0, hubs)
    return np.where(a == b, (b + 1) % tokens, a), b


def _hub_depths(
    rng: np.random.Generator, ends: tuple[Whole, Whole], hubs: int, weighted: float
) -> Pairs:
    (a, b), pools = ends, ends[0].size
    value = np.exp(rng.normal(np.log(1e6), 1.5, pools)) * np.where((a < hubs) & (b < hubs), 20, 1)
    fee = rng.choice(POOL_FEES, pools)
    weight = np.where(rng.random(pools) < weighted, rng.choice([0.8, 0.6, 0.2], pools), 0.5)
    off = np.clip(rng.normal(0, 0.001, pools), -fee * 0.45, fee * 0.45)
    return Pairs(a, b, value * weight, value * (1 - weight) * np.exp(off), 1 - fee, weight)


def _hub_ends(
    rng: np.random.Generator, tokens: int, count: int, between_hubs: float
) -> tuple[Whole, Whole]:
    hubs = min(HUBS, tokens - 1)
    b = rng.integers(0, hubs, count)
    a = np.where(
        rng.random(count) < between_hubs,
        rng.integers(0, hubs, count),
        rng.integers(0, tokens, count),
    )
    return np.where(a == b, (b + 1) % tokens, a), b


def hub_ranges(rng: np.random.Generator, tokens: int, count: int, ticks: int) -> Ranges:
    a, b = _hub_ends(rng, tokens, count, 0.5)
    fee = rng.choice([0.0005, 0.003, 0.01], count)
    root = np.exp(rng.normal(0, fee * 0.2) / 2)
    value = np.exp(rng.normal(np.log(3e6), 1.2, count))[:, None]
    width = rng.choice([0.002, 0.01, 0.03], count)[:, None]
    tick = root[:, None] * np.exp(width * np.linspace(-ticks / 2, ticks / 2, ticks + 1) / 2)
    bell = np.exp(-(((np.arange(ticks) - ticks / 2) / (ticks / 6)) ** 2))
    depth = bell * np.exp(rng.normal(0, 0.3, (count, ticks))) * value / (width * 2) * 0.2
    first = np.arange(count + 1) * ticks
    within = np.clip((tick <= root[:, None]).sum(1) - 1, 0, ticks - 1)
    low, high = tick[:, :-1].ravel(), tick[:, 1:].ravel()
    return Ranges(a, b, 1 - fee, root, first, low, high, depth.ravel(), first[:-1] + within)


def hub_stables(rng: np.random.Generator, tokens: int, count: int) -> Stables:
    """Returns stableswap pools of two coins, as lopsided as they are found."""
    a, b = _apart(rng, tokens, count)
    amplified = rng.choice([10.0, 100.0, 2000.0], count) * 4  # A * n^n
    value = np.exp(rng.normal(np.log(3e6), 1.2, count))
    x, y = value * rng.uniform(0.2, 1, count), value * rng.uniform(0.2, 1, count)
    whole = x + y  # D, by Newton: amplified*(x+y) + D = amplified*D + D^3 / (4xy)
    for _ in range(60):
        cube = whole**3 / (4 * x * y)
        whole = (amplified * (x + y) + 2 * cube) * whole / ((amplified - 1) * whole + 3 * cube)
    unit, one = np.exp(rng.normal(0, 1e-4, count)), np.ones(count)
    kept_out = rng.choice([0.9996, 0.999, 1.0], count)
    shift = whole / amplified - whole
    return Stables(a, b, x / unit, y, unit, one, shift, one, kept_out)


def hub_books(rng: np.random.Generator, tokens: int, count: int, levels: int) -> Books:
    a, b = _hub_ends(rng, tokens, count, 0.7)
    quoted = np.exp(rng.normal(np.log(3e4), 1, (count, 2 * levels)))
    gaps = rng.exponential(0.0002, (count, 2 * levels))
    kept, is_ask = 1 - BOOK_FEE, np.arange(2 * levels) >= levels
    bids = np.exp(-BOOK_SPREAD - np.cumsum(gaps[:, :levels], 1)) * kept
    asks = np.exp(BOOK_SPREAD + np.cumsum(gaps[:, levels:], 1)) / kept
    price = np.hstack([bids, asks])
    size = np.where(is_ask, quoted, quoted / price)
    first = np.arange(count + 1) * 2 * levels
    return Books(a, b, first, price.ravel(), size.ravel(), np.tile(is_ask, count))
