"""How order books answer prices, all levels at once, each with its own distance from the price.

The method of multipliers is the compiled engine's, and said there.
"""

import numpy as np

from solver.routing.kernel.graph import Books, Floats
from solver.routing.kernel.state import WIDTH, Levels, Problem


def levels_of(books: Books, price: Floats) -> Levels:
    """Returns the levels at these prices of the tokens, with nothing filled yet."""
    book = np.repeat(np.arange(books.a.size), np.diff(books.first))
    sign = np.where(books.is_ask, -1.0, 1.0)
    beyond = np.log(books.price * price[books.b][book] / price[books.a][book]) * sign
    nothing, nowhere = np.zeros(0), np.zeros(0, np.int64)
    filled = np.zeros(book.size)
    return Levels(nothing, nothing, filled, nowhere, nowhere, nowhere, book, sign, beyond)


def respond_books(problem: Problem) -> None:
    """Sets the flows of the books."""
    books, levels, edges = problem.books, problem.levels, problem.edges
    count, width = books.a.size, problem.knobs[WIDTH]
    here = slice(edges.a.size - count, None)
    part = levels.filled + (levels.beyond - levels.sign * _turn(problem)) / width
    worth = books.price * books.size
    filled = np.clip(part, 0.0, 1.0)
    moved = filled * levels.sign
    edges.flow_a[here] = -np.bincount(levels.book, moved * books.size, count)
    edges.flow_b[here] = np.bincount(levels.book, moved * worth, count)
    bend = np.where((part > 0.0) & (part < 1.0), worth, 0.0) / width
    edges.weight[here] = np.bincount(levels.book, bend, count) * problem.tokens.trial[books.b]


def _turn(problem: Problem) -> Floats:
    """Returns by how much each level's log price has moved."""
    books, move = problem.books, problem.tokens.move
    turn: Floats = (move[books.a] - move[books.b])[problem.levels.book]
    return turn


def settle_books(problem: Problem) -> None:
    """Moves every level to the prices last looked at."""
    problem.levels.beyond[:] -= problem.levels.sign * _turn(problem)


def retain_books(problem: Problem) -> float:
    """Keeps what every level is filled to; returns the value lost by levels used at a loss."""
    books, levels = problem.books, problem.levels
    x = levels.beyond
    np.clip(levels.filled + x / problem.knobs[WIDTH], 0.0, 1.0, out=levels.filled)
    worth = books.price * books.size * problem.tokens.price[books.b][levels.book]
    usable = x > -500.0
    gain = worth * levels.sign * -np.expm1(-levels.sign * np.where(usable, x, 0.0))
    lost = np.where(usable, np.maximum(gain, 0.0) - levels.filled * gain, 0.0)
    return float(lost.sum())
