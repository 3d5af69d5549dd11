"""The numpy engine's own parts of the descent: what the prices tried do to every edge and token."""

import numpy as np

from solver.routing.kernel.state import (
    KINDLED,
    NOISE,
    PAST,
    SHUT,
    SNAP,
    SOFTNESS,
    WIDTH,
    Problem,
)
from solver.routing.kernel.vectors.curves import respond_pairs, respond_ranges, respond_stables
from solver.routing.kernel.vectors.ladders import respond_books, retain_books, settle_books
from solver.routing.kernel.vectors.laplacian import solve_laplacian


def look(problem: Problem, length: float) -> float:
    """Sets flows, weights and nets at `length` along the step; returns the dual's slope there."""
    tokens, edges = problem.tokens, problem.edges
    np.maximum(length * tokens.step, tokens.slack, out=tokens.move)
    np.multiply(tokens.price, np.exp(tokens.move), out=tokens.trial)
    tokens.net[:] = tokens.supply
    if edges.a.size:
        turn = tokens.move[edges.a] - tokens.move[edges.b]
        below, above = edges.below - turn, edges.above + turn
        if problem.pairs.a.size:
            respond_pairs(problem, below, above)
        if problem.ranges.a.size:
            respond_ranges(problem, below, above)
        if problem.stables.a.size:
            respond_stables(problem, below, above)
        if problem.books.a.size:
            respond_books(problem)
        if problem.knobs[SOFTNESS] > 0.0:
            pass_gates(problem)
        count = tokens.net.size
        tokens.net[:] += np.bincount(edges.a, edges.flow_a, count)
        tokens.net[:] += np.bincount(edges.b, edges.flow_b, count)
    slope = tokens.step * tokens.trial * tokens.net
    counts = (slope > 0.0) | (tokens.move > tokens.slack) | (length == 0.0)
    return float(slope[counts].sum())


def pass_gates(problem: Problem) -> None:
    """Lets through of each edge with a fixed cost what its gate does: see the loops."""
    edges, trial, softness = problem.edges, problem.tokens.trial, problem.knobs[SOFTNESS]
    worth_a, worth_b = trial[edges.a] * edges.flow_a, trial[edges.b] * edges.flow_b
    over = (worth_a + worth_b - edges.cost) / softness
    gate = 1.0 / (1.0 + np.exp(-np.clip(over, -SHUT, SHUT)))
    gate = np.where((over < -SHUT) | (worth_a == 0.0), 0.0, gate)
    gate = np.where(edges.cost > 0.0, gate, 1.0)
    bend = gate * (1.0 - gate) / softness
    edges.weight[:] = gate * edges.weight + bend * np.abs(worth_a * worth_b)
    edges.flow_a[:] *= gate
    edges.flow_b[:] *= gate
    edges.gate[:] = gate


def kindle(problem: Problem) -> None:
    """Gives every edge that is idle a share of the weight it has when it starts to trade: for a
    first step.
    """
    pairs, ranges, books, edges = problem.pairs, problem.ranges, problem.books, problem.edges
    price = problem.tokens.price
    per_range, per_book = np.zeros(ranges.a.size), np.zeros(books.a.size)
    live = np.diff(ranges.first) > 0
    per_range[live] = 0.5 * ranges.liquidity[ranges.current[live]] * ranges.root[live]
    live = np.diff(books.first) > 0
    per_book[live] = books.size[books.first[:-1][live]] * price[books.a[live]]
    weight = np.concatenate(
        [
            pairs.weight * pairs.reserve_b * price[pairs.b],
            per_range * price[ranges.b],
            np.zeros(problem.stables.a.size),
            per_book / (problem.knobs[WIDTH] or 1.0),
        ]
    )
    is_idle = (edges.weight == 0.0) & (edges.above > -PAST) & (edges.below > -PAST)
    edges.weight[:] = np.where(is_idle, KINDLED * weight, edges.weight)


def settle(problem: Problem) -> None:
    """Moves to the prices last looked at."""
    edges, tokens = problem.edges, problem.tokens
    turn = tokens.move[edges.a] - tokens.move[edges.b]
    edges.below[:] -= turn
    edges.above[:] += turn
    if problem.books.a.size:
        settle_books(problem)
    tokens.slack[:] -= tokens.move
    tokens.price[:] = tokens.trial
    tokens.move[:] = 0.0


def retain(problem: Problem) -> float:
    """Keeps what every level is filled to; returns the value lost by levels used at a loss."""
    return retain_books(problem)


def measure(problem: Problem) -> float:
    """Returns the residual at the prices looked at: imbalance off the floor relative to value."""
    tokens = problem.tokens
    np.multiply(tokens.price, tokens.net, out=tokens.pull)
    tokens.is_free[:] = (tokens.slack < -SNAP) | (tokens.pull < 0.0)
    np.abs(tokens.pull, out=tokens.stiff)
    off, value = float(tokens.stiff[tokens.is_free].sum()), abs(float(tokens.pull.sum()))
    if off <= problem.knobs[NOISE]:
        return 0.0
    return off / value if value else 1.0


def direct(problem: Problem, residual: float) -> float:
    """Sets the step that solves (Laplacian + stiff) step = -pull; returns its greatest length."""
    tokens = problem.tokens
    tokens.step[:] = solve_laplacian(problem)
    return float(np.abs(tokens.step).max(initial=0.0))
