"""What may be traded to cure an account, at which prices, and what that leaves, in integers.

Closes take the whole book on the other side, the best price first; a perp may also be traded the
other way, as a hedge. Quantities end on lots, rounded away from zero, and never turn an option
round.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from solver.domain.account import POSITIONS_MAX, Account
from solver.domain.instrument import Instrument, Kind
from solver.domain.market import Level
from solver.domain.numbers import WAD, div_down
from solver.domain.snapshot import Snapshot
from solver.margin.cure.convex import Floats
from solver.margin.cure.program import Offer
from solver.margin.portfolio.grid import RiskGrid
from solver.margin.requirement import Order, filled
from solver.pricing.marks import mark_of, underlying_of

Book = Mapping[tuple[int, int], Sequence[Level]]  # by (instrument, side), the best first


class Trade(NamedTuple):
    """Signed quantity (1e18) of a packed id, and the worst price (1e18) that was counted on."""

    instrument: int
    quantity: int
    limit_price: int


class Traded(NamedTuple):
    """The account after trades, gas paid, and what they cost against marks, settlement atoms up."""

    account: Account
    cost: int


def book_of(account: Account, snapshot: Snapshot, columns: Sequence[int]) -> Book:
    """Returns what others bid (side -1: it is sold to them) and ask (+1) in the packed ids."""
    wanted = set(columns)
    levels: dict[tuple[int, int], list[Level]] = {}
    for ladder in snapshot.ladders:
        if ladder.instrument in wanted and ladder.maker != account.id:
            levels.setdefault((ladder.instrument, -1), []).extend(ladder.bids)
            levels.setdefault((ladder.instrument, 1), []).extend(ladder.asks)
    return {
        key: sorted(found, key=lambda level: -key[1] * -level.price)
        for key, found in levels.items()
        if found
    }


def columns_of(account: Account, snapshot: Snapshot) -> tuple[int, ...]:
    """Returns what is held, and each market's perp where there is a slot for it."""
    held = [position.instrument for position in account.positions]
    perps = sorted({Instrument(i >> 144, Kind.PERP).id for i in held} - set(held))
    return (*held, *perps[: POSITIONS_MAX - len(held)])


def marks_of(columns: Sequence[int], snapshot: Snapshot, grid: RiskGrid | None) -> dict[int, int]:
    """Returns the mark of each packed id, 1e18: the grid's where there is one."""
    if grid is None:
        return {column: mark_of(column, snapshot) for column in columns}
    found = {}
    for column in columns:
        market, place = grid.place(column)
        found[column] = grid.markets[market].columns[place].mark_long
        if Instrument.unpack(column).kind is Kind.PERP:
            found[column] = grid.markets[market].price
    return found


def offers_of(
    account: Account, marks: Mapping[int, int], time: int, book: Book, gas: float
) -> list[Offer]:
    """Returns what the book offers of the packed ids in `marks`, their index the column's number,
    settlement units; `gas` is of one more instrument traded."""
    offers: list[Offer] = []
    for index, (column, mark_wad) in enumerate(marks.items()):
        instrument, held = Instrument.unpack(column), account.quantity(column)
        is_dead = instrument.is_option and instrument.expiry <= time
        if instrument.kind is Kind.BASE or is_dead:
            continue
        mark = mark_wad / WAD
        for side in (-1, 1):
            is_close = held * side < 0
            left = abs(held) if is_close else 0
            if instrument.kind is Kind.PERP:
                left = 10**30
            for level in book.get((column, side), ()):
                size = min(level.quantity, left)
                left -= size
                price = level.price / WAD
                cost = max(side * (price - mark), 0.0)
                if size > 0:
                    offers.append(Offer(index, side, price, cost, size / WAD, gas))
    return offers


def trades_of(
    units: Floats, offers: Sequence[Offer], columns: Sequence[int], account: Account, lot: int
) -> tuple[tuple[int, int], ...]:
    """Returns signed quantities by packed id, 1e18: lots away from zero, options at most closed."""
    totals: dict[int, float] = {}
    for offer, unit in zip(offers, units, strict=True):
        totals[offer.column] = totals.get(offer.column, 0.0) + offer.sign * float(unit)
    found = []
    for index, total in totals.items():
        lots = -(-round(abs(total) * WAD) // lot) if abs(total) * WAD > lot / 1000 else 0
        held, size = account.quantity(columns[index]), lots * lot
        closes = held * total < 0
        if closes and 0 < abs(held) - size < lot:
            size = abs(held)  # what is below a lot could not be closed afterwards
        if closes and Instrument.unpack(columns[index]).is_option:
            size = min(size, abs(held))
        if size:
            found.append((columns[index], size if total > 0 else -size))
    return tuple(found)


def traded(
    account: Account,
    moves: Sequence[tuple[int, int]],
    snapshot: Snapshot,
    book: Book,
    *,
    marks: Mapping[int, int],
    gas: int,
) -> tuple[tuple[Trade, ...], Traded]:
    """Returns the trades with their worst prices, and the account after them: what it pays is
    rounded up. `gas` (settlement atoms) is paid for each. What the book lacks is counted at its
    last price."""
    unit = snapshot.atom
    trades, cash, cost = [], 0, 0
    for column, quantity in moves:
        side = 1 if quantity > 0 else -1
        levels = book[column, side]
        instrument, left, paid = Instrument.unpack(column), abs(quantity), 0
        for place, level in enumerate(levels):
            size = left if place == len(levels) - 1 else min(level.quantity, left)
            paid += side * size * level.price
            left -= size
            if not left:
                break
        trades.append(Trade(column, quantity, level.price))
        cost += paid - quantity * marks[column]
        if instrument.kind is Kind.PERP:
            paid -= quantity * underlying_of(instrument, snapshot).funding_index
        cash += div_down(-paid, unit) - gas
    order = Order("cure", tuple(moves), cash)
    spent = -div_down(-cost, unit) + gas * len(trades)
    return tuple(trades), Traded(filled(account, (order,)), spent)
