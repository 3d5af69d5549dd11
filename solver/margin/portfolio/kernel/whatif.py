"""One account prepared for many questions: what would it hold after this trade?

Floats with their bound, in microseconds where numba is installed: for pages and searches that look
at many trades. What is then done is decided by `requirement`, in integers.
"""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from solver.domain.account import Account
from solver.margin.portfolio.kernel.screen import remargin
from solver.margin.portfolio.kernel.tables import Book, Tables, book_of


class Trade(NamedTuple):
    """Signed quantity in whole units of an instrument of the grid, and what it pays or costs
    (negative), settlement units."""

    instrument: int
    quantity: float
    cash: float = 0.0


class Outcome(NamedTuple):
    """Settlement units; each of the three is within `bound` of the exact figure."""

    equity: float
    initial: float
    maintenance: float
    bound: float


class WhatIf:
    """One account on the tables of one grid."""

    def __init__(self, account: Account, tables: Tables, *, is_compiled: bool) -> None:
        """Raises NotFound for a position outside the grid."""
        book = book_of([account], tables)
        self._tables, self._is_compiled = tables, is_compiled
        self._columns = book.columns.tolist()
        self._quantities = book.quantities.tolist()
        self._cash = float(book.cash[0])
        self._out = np.empty((1, 4))

    def after(self, *trades: Trade) -> Outcome:
        """Returns the account's margins after the trades. Raises NotFound for an instrument outside
        the grid."""
        columns, quantities = self._columns.copy(), self._quantities.copy()
        cash = self._cash
        for trade in trades:
            column = self._tables.column(trade.instrument)
            cash += trade.cash
            place = bisect_left(columns, column)
            if place < len(columns) and columns[place] == column:
                quantities[place] += trade.quantity
            else:
                columns.insert(place, column)
                quantities.insert(place, trade.quantity)
        book = Book(
            np.array((0, len(columns))),
            np.array(columns, dtype=np.int64),
            np.array(quantities, dtype=np.float64),
            np.array((cash,)),
        )
        remargin(book, self._tables, out=self._out, is_compiled=self._is_compiled)
        return Outcome(*self._out[0].tolist())
