"""The numpy engine from end to end: the same arrays in and out as the compiled one's."""

from typing import Any

import numpy as np

from solver.routing.kernel.graph import Books, Floats, Pairs, Ranges, Stables
from solver.routing.kernel.newton import converge
from solver.routing.kernel.state import (
    FAR,
    LEAST,
    NOISE_OF_HELD,
    NOISE_OF_SUPPLY,
    SOFTNESS,
    Edges,
    Plan,
    Problem,
    Tokens,
)
from solver.routing.kernel.vectors.ladders import levels_of


def run(
    pairs: Pairs, ranges: Ranges, stables: Stables, books: Books, rest: tuple[Any, ...]
) -> tuple[Floats, Floats, Floats, Floats, tuple[float, float, float, float, int]]:
    """Returns (prices, flows of a, flows of b, gates, (value, primal, lack, residual, steps))."""
    given, floor, way, cost, start, softness = rest
    supply = given.copy()
    a = np.concatenate((pairs.a, ranges.a, stables.a, books.a))
    b = np.concatenate((pairs.b, ranges.b, stables.b, books.b))
    tokens = _placed(supply, floor, start)
    below, above = _bands((pairs, ranges, stables), a.size)
    turn = np.log(tokens.price[a]) - np.log(tokens.price[b])
    below, above = below - turn, above + turn
    levels = levels_of(books, tokens.price)
    here = slice(a.size - books.a.size, None)
    below[here], above[here] = 0.0, 0.0
    shut_below, shut_above = (way < 0) | (way > 1), way > 0
    below[shut_below], above[shut_above] = -FAR, -FAR
    closed = np.where(books.is_ask, shut_above[here][levels.book], shut_below[here][levels.book])
    levels.beyond[closed] = -FAR
    flows = (np.zeros(a.size), np.zeros(a.size), np.zeros(a.size))
    edges = Edges(a, b, below, above, *flows, cost, np.ones(a.size))
    kinds = pairs.reserve_a, stables.reserve_a, ranges.liquidity, books.size
    noise = NOISE_OF_HELD * sum(float(k.sum()) for k in kinds) + NOISE_OF_SUPPLY * supply.sum()
    knobs = np.array([0.0, softness, noise, 0.0])
    nowhere, nothing = np.zeros(0, np.int64), np.zeros((0, 0))
    plan = Plan(nowhere, nowhere, nowhere, nowhere, nowhere, nowhere)
    problem = Problem(
        pairs, ranges, stables, books, edges, tokens, plan, levels, knobs, nothing, nothing
    )
    residual, lost, steps = converge(problem)
    np.maximum(tokens.price, floor, out=tokens.price)
    told = (*_worth(problem, floor, lost), residual, steps)
    return tokens.price, edges.flow_a, edges.flow_b, edges.gate, told


def _placed(supply: Floats, floor: Floats, start: Floats) -> Tokens:
    bottom = np.maximum(floor, np.exp(LEAST))
    price = np.maximum(start if start.size else 1.0, bottom)
    trial, move, net, pull, step, stiff = np.zeros((6, supply.size))
    is_free = np.ones(supply.size, np.bool_)
    slack = np.log(bottom / price)
    return Tokens(supply, slack, price, trial, move, net, pull, step, stiff, is_free)


def _bands(kinds: tuple[Pairs, Ranges, Stables], edges: int) -> tuple[Floats, Floats]:
    """Returns (below, above) of every edge at prices of 1, those of books 0."""
    pairs, ranges, stables = kinds
    x, y = stables.reserve_a * stables.unit_a, stables.reserve_b * stables.unit_b
    both = x + y + stables.shift
    with np.errstate(divide="ignore", invalid="ignore"):
        per_pair = pairs.weight * pairs.reserve_b / ((1.0 - pairs.weight) * pairs.reserve_a)
        per_range = np.where(np.diff(ranges.first) > 0, ranges.root**2, 0.0)
        per_stable = y * (both + x) * stables.unit_a / (x * (both + y) * stables.unit_b)
        per_stable = np.where(both > 0.0, per_stable, 0.0)
        middle = np.log(np.concatenate([per_pair, per_range, per_stable]))
    half = -np.log(np.concatenate([pairs.kept, ranges.kept, stables.kept_in * stables.kept_out]))
    below, above = np.zeros(edges), np.zeros(edges)
    live = np.isfinite(middle) & np.isfinite(half)
    below[: live.size] = np.where(live, middle - half, -FAR)
    above[: live.size] = np.where(live, -middle - half, -FAR)
    return below, above


def _worth(problem: Problem, floor: Floats, lost: float) -> tuple[float, float, float]:
    """Returns (value of the dual, worth of the plan, value that it lacks)."""
    edges, tokens = problem.edges, problem.tokens
    value = float(tokens.price @ tokens.net) + lost
    if problem.knobs[SOFTNESS] > 0.0:
        gain = tokens.price[edges.a] * edges.flow_a + tokens.price[edges.b] * edges.flow_b
        whole = np.divide(gain, edges.gate, out=np.zeros(gain.size), where=edges.gate > 0.0)
        value = float(tokens.price @ tokens.supply + np.maximum(whole - edges.cost, 0.0).sum())
    lack = float(tokens.price @ np.maximum(-tokens.net, 0.0))
    primal = float(floor @ np.maximum(tokens.net, 0.0)) - lack
    if problem.knobs[SOFTNESS] > 0.0:
        primal -= float(edges.gate @ edges.cost)
    return value, primal, lack
