"""SIMPLE of many accounts at once, from below: who is certainly well needs no closer look.

In floats, but nothing is decided against anybody by them: every short option counts alone, which is
never better than SIMPLE's own view of its series, and what a float may be off is taken away too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.account import Account
from solver.domain.instrument import Instrument
from solver.domain.snapshot import Snapshot
from solver.margin.simple import alone

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
ROUNDED = 2.0  # atoms: the sums of one account are rounded once each
PART = 1e-12  # of the sum of magnitudes: thousands of terms in floats are off by less


class Crowd(NamedTuple):
    """Many accounts' positions as flat arrays: position n is held by account `rows[n]`, of the
    instrument `columns[n]`, `sizes[n]` >= 0 units of 1e-18 or atoms of base. Cash in atoms."""

    instruments: tuple[Instrument, ...]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    sizes: Floats
    is_long: Bools
    cash: Floats


class Least(NamedTuple):
    """Of each account, settlement atoms: equity is at most, margins after the requirements are at
    least."""

    equity: Floats
    initial: Floats
    maintenance: Floats


def crowd_of(accounts: Sequence[Account]) -> Crowd:
    """Returns the accounts as arrays."""
    keys = [p.instrument for account in accounts for p in account.positions]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    counts = [len(account.positions) for account in accounts]
    held = [p.quantity for account in accounts for p in account.positions]
    quantities = np.array(held, dtype=np.float64)
    return Crowd(
        tuple(map(Instrument.unpack, places)),
        np.repeat(np.arange(len(accounts)), np.array(counts, dtype=np.intp)),
        np.array([places[key] for key in keys], dtype=np.intp),
        np.abs(quantities),
        quantities > 0,
        np.array([account.cash for account in accounts], dtype=np.float64),
    )


def least(crowd: Crowd, snapshot: Snapshot) -> Least:
    """Returns bounds that hold of SIMPLE at a snapshot. Raises NotFound for a market outside it."""
    atom = float(snapshot.atom)
    units = np.zeros((len(crowd.instruments), 2, 3))
    for place, instrument in enumerate(crowd.instruments):
        for side, quantity in enumerate((-1, 1)):
            one = alone(instrument, quantity, snapshot)
            linear = 0 if instrument.is_option else one.equity
            units[place, side] = linear / atom, one.initial / atom, one.maintenance / atom
    held = units[crowd.columns, crowd.is_long.astype(np.intp)] * crowd.sizes[:, None]
    equity, initial, maintenance = (_sums(crowd, held[:, figure]) for figure in range(3))
    most = _sums(crowd, np.abs(held).max(axis=1, initial=0.0)) + np.abs(crowd.cash)
    off = PART * most + ROUNDED
    return Least(
        crowd.cash + equity + off,
        crowd.cash + initial - off,
        crowd.cash + maintenance - off,
    )


def _sums(crowd: Crowd, values: Floats) -> Floats:
    sums = np.bincount(crowd.rows, weights=values, minlength=len(crowd.cash))
    return np.asarray(sums, dtype=np.float64)
