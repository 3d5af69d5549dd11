"""Prices of a thick book: every order fills over a small log width above its limit.

The value sold on a directed pair is then a sum over a prefix and a sum over the few orders within
the width: O(pairs * log orders) whatever the number of orders. Newton on the log prices; the
Jacobian is that of gross substitutes, an M-matrix, so a step exists wherever anything trades.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from solver.routing.clearing.curves import Curves, flows
from solver.routing.clearing.orders import Book, Floats, Places

WIDTHS = (1e-2, 1e-3, 1e-4, 1e-5)  # one after the other
NARROWEST = WIDTHS[-1]
STEPS_MAX = 25  # of Newton's method at one width
CUTS_MAX = 8
STEP_MAX = 0.5  # of a log price
PROXIMAL = 1e-9  # of a token's value: what holds a price that nothing else does
RESIDUAL_MAX = 1e-11  # of the value traded: Newton stops
BALANCED = 1e-9  # of the value traded: a width counts as reached
COMPILED_MIN = 8_000  # orders from which the compiled loop is worth its start

Matrices = tuple[Floats, Floats]  # value sold of row for column, and its derivative by their ratio
Respond = Callable[..., None]


class Ramped(NamedTuple):
    """Log prices at which all balances when orders fill over `width` above their limits."""

    prices: Floats
    width: float
    residual: float  # sum of |value bought - value sold| by token, of the value traded
    steps: int


def ramped(
    book: Book,
    pieces: Curves,
    prices: Floats,
    *,
    narrowest: float = NARROWEST,
    is_compiled: bool | None = None,
) -> Ramped:
    """Returns prices at the narrowest width reached; width 0 where not even the first was.

    Prices are nearly linear in the width, so each next width starts on the line of the last two.
    """
    respond = _engine(book, is_compiled)
    weight = token_weights(book.pair_sell, book.pair_buy, book.value_of_pairs, prices.size)
    done, slope, steps = Ramped(prices, 0.0, 1.0, 0), np.zeros(prices.size), 0
    for width in (width for width in WIDTHS if width >= narrowest):
        look = partial(_look, (respond, book, pieces, width))
        found = _newton(look, done.prices + slope * (width - done.width), weight)
        steps += found.steps
        if found.residual > BALANCED:
            break
        if done.width:
            slope = (found.prices - done.prices) / (width - done.width)
        done = found._replace(width=width)
    return done._replace(steps=steps)


def token_weights(sell: Places, buy: Places, value: Floats, tokens: int) -> Floats:
    """Returns the value that could move in or out of each token, nowhere 0."""
    weight = np.bincount(sell, value, tokens) + np.bincount(buy, value, tokens)
    least: Floats = np.maximum(weight, 1e-3 * weight.mean()) + 1e-300
    return least


def jacobian(sold: Floats, slope: Floats) -> Floats:
    """Returns -d(bought - sold)/d(log prices): columns sum to 0, off the diagonal none positive."""
    gain = sold + slope
    matrix = -(gain.T + slope)
    np.fill_diagonal(matrix, 0.0)
    matrix[np.diag_indices_from(matrix)] = gain.sum(1) + slope.sum(0)
    return matrix


def with_curves(matrices: Matrices, pieces: Curves, prices: Floats) -> Matrices:
    """Adds the pools: each sells what it gives out for what it takes in."""
    sold, slope = matrices
    if pieces.root.size:
        tokens = prices.size
        _, out, rate = flows(pieces, prices)
        worth, cell = np.exp(prices[pieces.token_out]), pieces.token_out * tokens + pieces.token_in
        sold += np.bincount(cell, worth * out, tokens * tokens).reshape(tokens, tokens)
        slope += np.bincount(cell, worth * rate, tokens * tokens).reshape(tokens, tokens)
    return sold, slope


def _look(market: tuple[Respond, Book, Curves, float], prices: Floats) -> Matrices:
    respond, book, pieces, width = market
    sold, slope = np.zeros((prices.size, prices.size)), np.zeros((prices.size, prices.size))
    columns = (book.pair_sell, book.pair_buy, book.first, book.limit, book.sums, book.moments)
    respond(columns, prices, width, sold, slope)
    return with_curves((sold, slope), pieces, prices)


def _newton(look: Callable[[Floats], Matrices], prices: Floats, weight: Floats) -> Ramped:
    matrices = look(prices)
    for steps in range(STEPS_MAX):
        excess = matrices[0].sum(0) - matrices[0].sum(1)
        off, total = float(np.abs(excess).sum()), float(matrices[0].sum())
        if off <= RESIDUAL_MAX * total or total == 0.0:
            return Ramped(prices, 0.0, off / total if total else 0.0, steps)
        matrix = jacobian(*matrices)
        matrix[np.diag_indices_from(matrix)] += PROXIMAL * weight
        step = np.linalg.solve(matrix, excess)
        length = min(1.0, STEP_MAX / max(float(np.abs(step).max()), 1e-300))
        for _ in range(CUTS_MAX):
            tried = look(prices + length * step)
            now = float(np.abs(tried[0].sum(0) - tried[0].sum(1)).sum())
            if now < off:
                break
            length *= 0.4
        else:
            break
        prices, matrices = prices + length * step, tried
    return Ramped(prices, 0.0, off / total, steps + 1)


def _engine(book: Book, is_compiled: bool | None) -> Respond:
    from solver.routing.clearing import loops

    if is_compiled is None:
        is_compiled = book.limit.size >= COMPILED_MIN
    if is_compiled:
        try:
            return loops.compiled()
        except ImportError:
            pass
    return loops.vectorised
