"""A requirement as a convex function of quantities, in floats: what a linear program is cut to.

Every part of one is the greatest, over cases, of a sum over buckets of the greatest of a few linear
pieces: scenarios over expiries whose discount may move either way, |P&L| of a skew per expiry,
|perp|, naked strikes. Such a function is known by its values and its tangents, which
never exceed it; nothing is decided by these floats.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.intp]


class Group(NamedTuple):
    """max(0, max over cases of the sum over buckets of the greatest piece), of `width` columns.

    `pieces` is pieces x cases x columns, of the columns in `order` so that a bucket is a run that
    begins at one of `starts`.
    """

    pieces: Floats
    order: Whole
    starts: Whole
    width: int

    def value(self, held: Floats) -> float:
        """Returns the function at the quantities."""
        return max(float(self._cases(held)[0].max()), 0.0)

    def tangent(self, held: Floats) -> Floats:
        """Returns the slope by column there: slope . q <= value(q) everywhere, equal at `held`."""
        cases, best = self._cases(held)
        case = int(cases.argmax())
        if cases[case] <= 0:
            return np.zeros(self.width)
        one: Floats = self._slopes(self.pieces[:, case : case + 1], best[case : case + 1])[0]
        return one

    def tangents(self, held: Floats) -> Floats:
        """Returns the slope of every case there, cases x columns: each is below the function."""
        return self._slopes(self.pieces, self._cases(held)[1])

    def _cases(self, held: Floats) -> tuple[Floats, Whole]:
        """Returns each case's value, and the greatest piece of each of its buckets."""
        sums = np.add.reduceat(self.pieces * held[self.order], self.starts, axis=2)
        return sums.max(axis=0).sum(axis=1), sums.argmax(axis=0)

    def _slopes(self, pieces: Floats, best: Whole) -> Floats:
        widths = np.diff(np.append(self.starts, len(self.order)))
        columns = np.repeat(best, widths, axis=1)[None]
        slopes = np.zeros((pieces.shape[1], self.width))
        slopes[:, self.order] = np.take_along_axis(pieces, columns, axis=0)[0]
        return slopes


def group(pieces: Floats, buckets: Sequence[int] | Whole, where: Whole, width: int) -> Group:
    """Returns a group of pieces x cases x columns: the columns' places among `width` columns, and
    the bucket of each."""
    order = np.argsort(np.asarray(buckets), kind="stable")
    sorted_buckets = np.asarray(buckets)[order]
    starts = np.flatnonzero(np.append(True, sorted_buckets[1:] != sorted_buckets[:-1]))
    return Group(np.ascontiguousarray(pieces[:, :, order]), where[order], starts, width)


def magnitudes(weights: Floats, where: Whole, width: int) -> Group:
    """Returns the sum of weights . |q|, weights >= 0."""
    signed = np.stack([weights, -weights])[:, None, :]
    return group(signed, range(len(weights)), where, width)


class Bound(NamedTuple):
    """What must hold after the trades: cash + worth . q >= weights . values of the groups."""

    weights: Floats


class Frame(NamedTuple):
    """An account in floats. `worth` is what a unit adds to equity, settlement units; `cash` the
    rest of it. Groups are shared by the bounds."""

    held: Floats
    worth: Floats
    cash: float
    groups: tuple[Group, ...]
    bounds: tuple[Bound, ...]

    def values(self, held: Floats) -> Floats:
        """Returns every group at the quantities."""
        return np.array([each.value(held) for each in self.groups])
