"""Laws that hold whatever the market: each compares two solves of it that differ in one thing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.reference.families import Route, hub_books, hub_pairs, hub_ranges, swap_task
from bench.reference.hostile import market, value_locked
from solver.routing.kernel import solve
from solver.routing.kernel.graph import Pairs, Ranges, graph_of

GAP = 2e-8  # twice what one solve may be off
fewer = settings(max_examples=max(10, settings().max_examples // 4))  # each solves twice
EXAMPLES = st.integers(0, 2**32 - 1)
SHARES = st.floats(-6, 0).map(lambda power: 10.0**power)


def drawn(seed, share=1e-2, tokens=5):
    """Returns a swap over a small market of every kind."""
    graph = market(np.random.default_rng(seed), tokens)
    return swap_task(graph, Route(1, share * value_locked(graph)))


def worth(task):
    """Returns what the best plan delivers."""
    return solve(task, is_compiled=False).primal


def close(one, other):
    return abs(one - other) <= GAP * max(one, other)


@fewer
@given(EXAMPLES, SHARES)
def test_a_pool_more_never_lowers_the_output(seed, share):
    rng = np.random.default_rng([seed, 1])
    task = drawn(seed, share)
    more = hub_pairs(rng, task.graph.tokens, 3, 0.3)
    joined = Pairs(*(np.concatenate(both) for both in zip(task.graph.pairs, more, strict=True)))
    richer = swap_task(task.graph._replace(pairs=joined), Route(1, float(task.supply[1])))
    assert worth(richer) >= worth(task) * (1 - GAP)


@fewer
@given(EXAMPLES, SHARES)
def test_the_order_of_pools_and_tokens_changes_nothing(seed, share):
    rng = np.random.default_rng([seed, 2])
    task = drawn(seed, share)
    graph, order = task.graph, rng.permutation(task.graph.tokens)
    pools = rng.permutation(graph.pairs.a.size)
    kinds = [
        kind._replace(a=order[kind.a], b=order[kind.b])
        for kind in (graph.pairs, graph.ranges, graph.stables, graph.books)
    ]
    kinds[0] = Pairs(*(field[pools] for field in kinds[0]))
    supply, floor = np.zeros(graph.tokens), np.zeros(graph.tokens)
    supply[order], floor[order] = task.supply, task.floor
    turned = task._replace(graph=graph_of(graph.tokens, *kinds), supply=supply, floor=floor)
    assert close(worth(turned), worth(task))


@fewer
@given(EXAMPLES, SHARES)
def test_turning_a_pools_tokens_around_changes_nothing(seed, share):
    task = drawn(seed, share)
    pairs = task.graph.pairs
    turned = Pairs(pairs.b, pairs.a, pairs.reserve_b, pairs.reserve_a, pairs.kept, 1 - pairs.weight)
    assert close(worth(task._replace(graph=task.graph._replace(pairs=turned))), worth(task))


@fewer
@given(EXAMPLES, SHARES)
def test_the_unit_of_a_token_changes_nothing(seed, share):
    task = drawn(seed, share)
    unit = np.exp(np.random.default_rng([seed, 3]).normal(0, 1, task.graph.tokens))
    assert close(worth(in_units(task, unit)), worth(task))


def in_units(task, unit):
    """Returns the task with `unit` times as many of each token, each worth that much less."""
    pairs, ranges, stables, books = task.graph[1:]
    pairs = pairs._replace(
        reserve_a=pairs.reserve_a * unit[pairs.a], reserve_b=pairs.reserve_b * unit[pairs.b]
    )
    stretch, depth = (
        np.sqrt(unit[ranges.b] / unit[ranges.a]),
        np.sqrt(unit[ranges.a] * unit[ranges.b]),
    )
    counts = np.diff(ranges.first)
    ranges = ranges._replace(
        root=ranges.root * stretch,
        low=ranges.low * np.repeat(stretch, counts),
        high=ranges.high * np.repeat(stretch, counts),
        liquidity=ranges.liquidity * np.repeat(depth, counts),
    )
    stables = stables._replace(
        reserve_a=stables.reserve_a * unit[stables.a],
        reserve_b=stables.reserve_b * unit[stables.b],
        unit_a=stables.unit_a / unit[stables.a],
        unit_b=stables.unit_b / unit[stables.b],
    )
    counts = np.diff(books.first)
    books = books._replace(
        price=books.price * np.repeat(unit[books.b] / unit[books.a], counts),
        size=books.size * np.repeat(unit[books.a], counts),
    )
    graph = graph_of(task.graph.tokens, pairs, ranges, stables, books)
    return task._replace(graph=graph, supply=task.supply * unit, floor=task.floor / unit)


@fewer
@given(EXAMPLES, SHARES, st.floats(0.01, 0.99))
def test_a_pool_split_in_proportion_changes_nothing(seed, share, part):
    rng = np.random.default_rng([seed, 4])
    tokens = 4
    pairs, ranges = hub_pairs(rng, tokens, 10, 0.3), hub_ranges(rng, tokens, 3, 5)
    books = hub_books(rng, tokens, 2, 4)
    whole = graph_of(tokens, pairs, ranges, books=books)
    halves = [
        pairs._replace(reserve_a=pairs.reserve_a * p, reserve_b=pairs.reserve_b * p)
        for p in (part, 1 - part)
    ]
    both = Pairs(*(np.concatenate(each) for each in zip(*halves, strict=True)))
    held = ranges.low.size
    twice = Ranges(*(np.concatenate([field, field]) for field in ranges))._replace(
        first=np.concatenate([ranges.first, ranges.first[1:] + held]),
        current=np.concatenate([ranges.current, ranges.current + held]),
        liquidity=np.concatenate([ranges.liquidity * part, ranges.liquidity * (1 - part)]),
    )
    route = Route(1, share * value_locked(whole))
    split = swap_task(graph_of(tokens, both, twice, books=books), route)
    assert close(worth(split), worth(swap_task(whole, route)))


@fewer
@given(EXAMPLES, SHARES, st.floats(1.01, 100), st.floats(0.01, 0.99))
def test_the_output_is_increasing_and_concave_in_the_input(seed, share, growth, part):
    low, high = drawn(seed, share), drawn(seed, share * growth)
    between = low._replace(supply=low.supply * (1 - part) + high.supply * part)
    least, middle, most = worth(low), worth(between), worth(high)
    assert least * (1 - GAP) <= middle <= most * (1 + GAP)
    assert middle >= (least * (1 - part) + most * part) * (1 - GAP)
