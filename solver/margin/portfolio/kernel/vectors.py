"""The kernel by numpy, where numba is not installed: the same sums, by expiry of every account."""

import numpy as np
from scipy.sparse import csr_array

from solver.margin.portfolio.grid import EXTRA_ROWS
from solver.margin.portfolio.kernel.loops import (
    CAP,
    EPSILON,
    FALL,
    FRESH,
    GROSS_LONG,
    GROSS_SHORT,
    KEPT,
    MARK_LONG,
    MARK_SHORT,
    PER_POSITION,
    RISE,
    ROUNDINGS,
)
from solver.margin.portfolio.kernel.tables import Book, Floats, Tables, Whole

CHUNK = 4096  # accounts at once: their rows stay in the cache of a core


def margin_vectors(span: tuple[int, int], book: Book, tables: Tables, out: Floats) -> None:
    """Writes equity, IMR, MMR and their bound, settlement units, of accounts `span` into `out`."""
    for begin in range(span[0], span[1], CHUNK):
        end = min(begin + CHUNK, span[1])
        out[begin:end] = _margins(begin, end, book, tables)


def _margins(begin: int, end: int, book: Book, tables: Tables) -> Floats:
    first, last = book.starts[begin], book.starts[end]
    columns, quantities = book.columns[first:last], book.quantities[first:last]
    held = np.diff(book.starts[begin : end + 1])
    owner = np.repeat(np.arange(end - begin), held)
    markets = len(tables.markets)
    place, unit = tables.places[columns], tables.units[columns]
    seat = owner * max(markets, 1) + place[:, 0]  # of one market of one account
    seats = (end - begin) * max(markets, 1)
    size = np.abs(quantities)
    is_long = quantities > 0

    def added(figures: Floats) -> Floats:
        return _added(owner, figures, end - begin)

    value = added(quantities * np.where(is_long, unit[:, MARK_LONG], unit[:, MARK_SHORT]))
    gross = added(size * np.where(is_long, unit[:, GROSS_LONG], unit[:, GROSS_SHORT]))
    rise = _added(seat, quantities * unit[:, RISE], seats)
    fall = _added(seat, quantities * unit[:, FALL], seats)
    large = np.maximum(np.abs(rise), np.abs(fall))
    reach = _added(seat, size, seats)
    kept, fresh, per_size = _by_market(tables, end - begin)
    naked = _naked(seat, place, quantities, seats)
    worst_held, worst_all = _worst(seat, columns, quantities, tables, seats)

    def joined(figures: Floats) -> Floats:
        out: Floats = figures.reshape(end - begin, -1).sum(axis=1)
        return out

    kept_all = added(size * unit[:, KEPT]) + joined(naked * kept)
    extra = added(size * unit[:, FRESH]) + joined(naked * fresh + per_size * large**1.5)
    factors = tables.factors
    asked = kept_all - factors.maintenance * joined(worst_held)
    initial = kept_all * factors.static + extra - factors.initial * joined(worst_all)
    initial = np.maximum(np.maximum(initial, gross * factors.floor), asked)
    cash = book.cash[begin:end]
    sizes = added(size * unit[:, CAP]) + joined(4 * per_size * reach**1.5) + np.abs(cash)
    bound = (ROUNDINGS + PER_POSITION * held) * EPSILON * sizes
    return np.stack([cash + value, initial, asked, bound], axis=1)


def _by_market(tables: Tables, accounts: int) -> tuple[Floats, ...]:
    """Returns naked kept, naked fresh and concentration of every seat."""
    if not len(tables.markets):
        return (np.zeros(accounts),) * 3
    return tuple(np.tile(tables.markets[:, figure], accounts) for figure in range(3))


def _naked(seat: Whole, place: Whole, quantities: Floats, seats: int) -> Floats:
    """Returns the naked shorts of every seat, calls and puts of one strike netted."""
    is_option = place[:, 1] >= 0
    if not is_option.any():
        return np.zeros(seats)
    owned, strike = seat[is_option], place[is_option, 2]
    begins = np.flatnonzero(_changes(owned, strike))
    net = np.add.reduceat(quantities[is_option], begins)
    return _added(owned[begins], -np.minimum(net, 0.0), seats)


def _worst(
    seat: Whole, columns: Whole, quantities: Floats, tables: Tables, seats: int
) -> tuple[Floats, Floats]:
    """Returns the worst row of every seat, in maintenance and in initial margin."""
    width, rows = tables.width, sum(tables.width)
    total, basis = np.zeros((seats, rows)), np.zeros(seats)
    if columns.size:
        series = tables.places[columns, 1]
        begins = np.flatnonzero(_changes(seat, series))
        count, ends = begins.size, np.append(begins, columns.size)
        groups = csr_array((quantities, columns, ends), shape=(count, len(tables.instruments)))
        won = np.asarray(groups @ tables.values)
        moved, basis_moved = _moved(won, series[begins], tables)
        seats_of = seat[begins]
        basis = _added(seats_of, basis_moved, seats)
        opens = np.flatnonzero(_changes(seats_of, seats_of))
        total[seats_of[opens]] = np.add.reduceat(moved, opens, axis=0)
    if len(tables.damps):
        total *= np.tile(tables.damps, (seats // len(tables.damps), 1))
    kept = np.concatenate([total[:, : width.held], total[:, rows - width.skews :]], axis=1)
    worst = np.minimum(kept.min(axis=1), basis)
    return worst, np.minimum(total.min(axis=1), worst)


def _moved(won: Floats, series: Whole, tables: Tables) -> tuple[Floats, Floats]:
    """Returns each group's rows, discounted and less its worth now, and its basis contingency."""
    width, rows = tables.width, sum(tables.width)
    now, y = won[:, -EXTRA_ROWS], won[:, :rows]
    is_option = series >= 0
    neutral = np.array([[1.0, 1.0, 0.0]])
    factors = np.concatenate([tables.series, neutral])[series]  # -1 is the neutral one
    lost = np.where(is_option, now, 0.0)[:, None]
    moved = np.minimum(y * factors[:, :1], y * factors[:, 1:2]) - lost
    if width.skews:
        tilted = moved[:, rows - width.skews :]
        moved[:, rows - width.skews :] = np.where(is_option[:, None], -np.abs(tilted), tilted)
    up, down = won[:, -EXTRA_ROWS + 1] - now, won[:, -EXTRA_ROWS + 2] - now
    return moved, np.minimum(np.minimum(up, down), 0.0) * factors[:, 2]


def _added(index: Whole, figures: Floats, count: int) -> Floats:
    """Returns sums of figures by index."""
    out: Floats = np.bincount(index, figures, minlength=count).astype(np.float64, copy=False)
    return out


def _changes(first: Whole, second: Whole) -> Whole:
    """Returns 1 where either differs from the one before, and at the beginning."""
    out = np.ones(first.size, dtype=np.int64)
    out[1:] = (np.diff(first) != 0) | (np.diff(second) != 0)
    return out
