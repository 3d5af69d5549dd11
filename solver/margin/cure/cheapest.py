"""The cheapest trades that make a failing account healthy, judged by the real requirement.

A linear program in floats finds them; lots and levels make integers of them; the requirement that
liquidates also decides whether they are enough. Where they are not, the program is asked for a
little more. Refuses where the book is too thin: that is what the auction is for.
"""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

import numpy as np

from solver.domain.account import PORTFOLIO, SIMPLE, Account
from solver.domain.errors import Infeasible
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import PPM, WAD, div_up
from solver.domain.snapshot import Snapshot
from solver.margin.cure.convex import Floats, Frame
from solver.margin.cure.frames import is_framed, portfolio_frame, simple_frame
from solver.margin.cure.program import Offer, Program, cheapest
from solver.margin.cure.speed import drift, floors, is_hopeless
from solver.margin.cure.trades import (
    Book,
    Trade,
    book_of,
    columns_of,
    marks_of,
    offers_of,
    traded,
    trades_of,
)
from solver.margin.portfolio.grid import RiskGrid, risk_grid
from solver.margin.requirement import Requirement, requirement

ROOM_PPM = 150_000  # of the maintenance requirement, beyond it
REPAIRS_MAX = 6
GROWTH = 8  # of what is asked for beyond, from one repair to the next: lots hide small sums
LEAST_MORE = 10_000  # parts of what is missing: the least that is asked for beyond

Moves = tuple[tuple[int, int], ...]  # (packed id, signed quantity 1e18)


class Means(NamedTuple):
    """What curing takes: the least tradable quantity (1e18), and the gas of one instrument traded,
    settlement atoms. `elapsed` are seconds since the first step; `is_hasty` False leaves out the
    rules of speed, for a quote of the plain optimum."""

    lot: int
    gas: int = 0
    elapsed: int = 0
    is_hasty: bool = True
    room_ppm: int = ROOM_PPM


class Cure(NamedTuple):
    """Trades, what they cost against the marks with gas (settlement atoms, up), and the requirement
    before and after them."""

    trades: tuple[Trade, ...]
    cost: int
    before: Requirement
    after: Requirement


class _Case(NamedTuple):
    account: Account
    snapshot: Snapshot
    means: Means
    engine: str
    grid: RiskGrid | None
    columns: tuple[int, ...]
    marks: Mapping[int, int]
    book: Book
    drift: Floats

    def judged(self, account: Account) -> Requirement:
        return requirement(account, self.snapshot, self.engine, grid=self.grid)

    def missing(self, found: Requirement, held: Account) -> int:
        """Returns by how many atoms the account falls short of what a cure must reach."""
        room = div_up(found.maintenance * self.means.room_ppm, PPM)
        if not self.means.is_hasty:
            return found.maintenance + room - found.equity
        unit = 10**self.snapshot.settlement_token.decimals
        moved: dict[int, float] = {}
        for step, column in zip(self.drift, self.columns, strict=True):
            moved[column >> 144] = moved.get(column >> 144, 0.0) + step * _units(held, column, self)
        shaken = int(sum(map(abs, moved.values())) * unit) + 1
        return found.maintenance + max(room, shaken) - found.equity


def cure(
    account: Account,
    snapshot: Snapshot,
    means: Means,
    engine: str = SIMPLE,
    *,
    grid: RiskGrid | None = None,
) -> Cure:
    """Returns the cheapest trades after which E >= (1 + room) MMR; no trades for a healthy account.

    `grid` spares PORTFOLIO the pricing; it has what is held, and every market's perp if that may
    be a hedge. Raises Infeasible `noCure` where the book does not hold enough, NotFound and
    Malformed as `requirement`.
    """
    columns = columns_of(account, snapshot)
    if engine == PORTFOLIO:
        grid = grid or risk_grid(columns, snapshot)
        columns = tuple(column for column in columns if column in grid.places)
    else:
        columns = tuple(c for c in columns if is_framed(Instrument.unpack(c), snapshot.time))
    moves = drift(columns, snapshot) if means.is_hasty else np.zeros(len(columns))
    book = book_of(account, snapshot, columns)
    marks = marks_of(columns, snapshot, grid if engine == PORTFOLIO else None)
    case = _Case(account, snapshot, means, engine, grid, columns, marks, book, moves)
    before = case.judged(account)
    if case.missing(before, account) <= 0:
        return Cure((), 0, before, before)
    gas = means.gas / 10**snapshot.settlement_token.decimals
    offers = offers_of(account, marks, snapshot.time, book, gas)
    if means.is_hasty and is_hopeless(before):
        return _everything(case, before, offers)
    return _optimal(case, before, offers)


def _optimal(case: _Case, before: Requirement, offers: list[Offer]) -> Cure:
    frame = _frame(case)
    unit = 10**case.snapshot.settlement_token.decimals
    program = Program(frame, offers) if offers else None
    need = case.missing(before, case.account)
    for attempt in range(REPAIRS_MAX):
        found = program.best() if program else None
        if found is None or program is None:
            break
        if case.means.is_hasty:
            perps = [Instrument.unpack(c).kind is Kind.PERP for c in case.columns]
            hasty = floors(offers, found.units, frame.held, perps, case.means.elapsed)
            if any(offer.least for offer in hasty):
                found = cheapest(frame, hasty) or found
        moves = trades_of(found.units, offers, case.columns, case.account, case.means.lot)
        cured, short = _whole(case, before, moves)
        lacking = short  # of the two: less than that may be no lot at all, and end where it began
        if short > 0:
            cured, short = _whole(case, before, _lot_more(case, frame, cured.trades))
        if short <= 0:
            return cured
        more = max(2 * max(short, lacking), need // LEAST_MORE) * GROWTH**attempt / unit
        frame = frame._replace(cash=frame.cash - more)
        program.tighten(more)
    raise Infeasible(
        "what others bid and ask is not enough to restore the margin",
        code="noCure",
        data={"equityAtoms": str(before.equity), "maintenanceAtoms": str(before.maintenance)},
    )


def _everything(case: _Case, before: Requirement, offers: list[Offer]) -> Cure:
    """Closes all that others take; what is left is worth what it is."""
    closing = [o for o in offers if o.sign * case.account.quantity(case.columns[o.column]) < 0]
    left = {n: abs(_units(case.account, c, case)) for n, c in enumerate(case.columns)}
    units = np.zeros(len(closing))
    for place, offer in enumerate(closing):
        units[place] = min(offer.most, left[offer.column])
        left[offer.column] -= units[place]
    moves = trades_of(units, closing, case.columns, case.account, case.means.lot)
    cured, short = _whole(case, before, moves)
    if short > 0:
        raise Infeasible("closing everything does not restore the margin", code="noCure")
    return cured


def _whole(case: _Case, before: Requirement, moves: Moves) -> tuple[Cure, int]:
    """Returns the cure by these signed quantities, and the atoms that it still falls short."""
    gas = case.means.gas
    trades, done = traded(case.account, moves, case.snapshot, case.book, marks=case.marks, gas=gas)
    after = case.judged(done.account)
    short = case.missing(after, done.account)
    return Cure(trades, done.cost, before, after), short


def _lot_more(case: _Case, frame: Frame, trades: tuple[Trade, ...]) -> Moves:
    """Returns the trades with one lot more, or less, of the one for which that helps most."""
    places = {column: place for place, column in enumerate(case.columns)}
    after = frame.held.copy()
    for trade in trades:
        after[places[trade.instrument]] += trade.quantity / WAD
    best, found = -inf, tuple(trade[:2] for trade in trades)
    for number, trade in enumerate(trades):
        place = places[trade.instrument]
        for step in (case.means.lot, -case.means.lot):
            quantity = trade.quantity + step
            left = case.account.quantity(trade.instrument) + quantity
            turns = left * case.account.quantity(trade.instrument) < 0
            is_option = Instrument.unpack(trade.instrument).is_option
            if quantity * trade.quantity <= 0 or (turns and is_option):
                continue
            moved = after.copy()
            moved[place] += step / WAD
            values = frame.values(moved)
            equity = step / WAD * (frame.worth[place] - trade.limit_price / WAD)
            spare = equity - max(float(bound.weights @ values) for bound in frame.bounds)
            if spare > best:
                best = spare
                moves = [each[:2] for each in trades]
                moves[number] = (trade.instrument, quantity)
                found = tuple(moves)
    return found


def _frame(case: _Case) -> Frame:
    room = case.means.room_ppm / PPM
    if case.engine == PORTFOLIO and case.grid is not None:
        return portfolio_frame(case.account, case.columns, case.grid, case.drift, room)
    return simple_frame(case.account, case.columns, case.snapshot, case.drift, room)


def _units(account: Account, column: int, case: _Case) -> float:
    """Returns what is held in whole units."""
    instrument, quantity = Instrument.unpack(column), account.quantity(column)
    if instrument.kind is Kind.BASE:
        market = case.snapshot.underlying(instrument.market)
        return float(quantity / 10 ** (market.base.decimals if market else 18))
    return quantity / WAD
