"""From a program with a choice to the menu of its legs: one column a level, one row a bound.

Settlement units as floats. Boxes are taken a hair narrower than signed, so that what floats and
grids round away never breaks a bound that integers hold.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from solver.domain.account import Account
from solver.domain.calendar import YEAR
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import NO_COST_LIMIT, NO_SLIPPAGE_LIMIT
from solver.domain.market import Ladder, Level
from solver.domain.numbers import BPS, PPM, WAD
from solver.domain.program import Choice, Exposure, Program, Scenario
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.pricing.scenarios import Risks, risks
from solver.routing.certify.choice import Count, is_of
from solver.routing.certify.rows import offers
from solver.routing.charge import fill_toll
from solver.routing.legs.menu import Floats, Menu
from solver.routing.lots import Ground, lots_range
from solver.routing.rounding import LOT, lots_down

PRICE_MAX = 10**9  # settlement units: a dearer price is no offer, and would drown the others
PAD = 2e-8  # of a row's unit and contract: twice the grid of marks and greeks
GREEKS = ("delta", "gamma", "vega", "theta")


class Column(NamedTuple):
    """One level that an exposure may take."""

    exposure: Exposure
    ladder: Ladder
    sign: int
    level: Level


class Row(NamedTuple):
    """A bound: low <= values @ units <= high. `signed` is the limit it stands for, by name."""

    name: str
    values: Floats
    low: float
    high: float
    spare: float = 0.0
    held: float = 0.0  # what the account has already: low and high are less by it


class Table(NamedTuple):
    """A menu, what its columns and rows are, and its smallest step of quantity."""

    menu: Menu
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def table_of(
    program: Program, snapshot: Snapshot, account: Account, draft: Solution, ground: Ground
) -> Table:
    """Returns the menu of everything the exposures may take; `draft` is the plan without fills."""
    assert program.choice is not None
    part = _Part(_columns(program, snapshot), program, snapshot)
    rows = [*_signed(program, part, ground), *_cost(program, part)]
    rows += _chosen(program.choice, part, Count(program, snapshot, draft, account))
    return _table(part, rows, (program, snapshot, program.choice))


def bounds_of(program: Program, snapshot: Snapshot, ground: Ground) -> Table:
    """Returns the menu of a program without a choice, as if its exposures could be spread: whatever
    clashes there clashes. Its net cost is judged later, with the fee.
    """
    part = _Part(_columns(program, snapshot), program, snapshot)
    choice = Choice(max(len(part.columns), 1))
    return _table(part, [*_signed(program, part, ground)], (program, snapshot, choice))


def _table(part: "_Part", rows: Sequence[Row], context: tuple[Program, Snapshot, Choice]) -> Table:
    (program, snapshot, choice), columns = context, part.columns
    cost = part.loss - part.each("theta") * part.sign * choice.carry_seconds / YEAR
    most = {exposure.leg: exposure.quantity_max for exposure in program.exposures}
    keys = [(column.ladder.instrument, column.ladder.maker) for column in columns]
    leg = _numbered(keys)
    runs = [(*key, c.exposure.leg, c.sign) for key, c in zip(keys, columns, strict=True)]
    budget = choice.scenarios
    menu = Menu(
        cost=cost,
        size=np.array([lots_down(min(c.level.quantity, most[c.exposure.leg])) for c in columns])
        * (LOT / WAD),
        leg=np.array(leg, dtype=np.int64),
        run=np.array(_numbered(runs), dtype=np.int64),
        fixed=np.full(max(leg, default=-1) + 1, fill_toll(snapshot) / part.atoms),
        rows=np.array([row.values for row in rows]).reshape(len(rows), len(columns)),
        low=np.array([row.low for row in rows]),
        high=np.array([row.high for row in rows]),
        spare=np.array([row.spare for row in rows]),
        spare_cost=budget.rate_ppm / PPM if budget else 0.0,
        spare_max=budget.budget / part.atoms if budget else 0.0,
        legs_max=choice.legs_max,
    )
    return Table(menu, tuple(columns), tuple(rows))


class _Part:
    """What every column is, as arrays."""

    def __init__(self, columns: Sequence[Column], program: Program, snapshot: Snapshot) -> None:
        self.columns = columns
        self.atoms: int = 10**snapshot.settlement_token.decimals
        self.sign = np.array([column.sign for column in columns], dtype=float)
        self.price = np.array([column.level.price / WAD for column in columns])
        self.exposure = np.array([column.exposure.leg for column in columns])
        ids = sorted({column.ladder.instrument for column in columns})
        places = {instrument: place for place, instrument in enumerate(ids)}
        self._place = np.array([places[c.ladder.instrument] for c in columns], dtype=np.int64)
        self.market = np.array([i >> 144 for i in ids])[self._place] if ids else self._place
        budget = program.choice.scenarios if program.choice else None
        self._risks = _risks_of(ids, snapshot, budget.scenarios if budget else ())
        self.loss = self.sign * (self.price - self.each("mark"))
        self.is_perp = np.array([Instrument.unpack(i).kind is Kind.PERP for i in ids], dtype=bool)
        self.is_perp = self.is_perp[self._place]
        self.spot = {u.market: u.price / WAD for u in snapshot.underlyings}
        self.pad = PAD * sum(e.quantity_max for e in program.exposures) / WAD

    def each(self, what: str) -> Floats:
        """Returns a risk of one unit bought, by column."""
        found: Floats = getattr(self._risks, what)[self._place]
        return found

    def profits(self, scenario: int, market: int) -> Floats:
        """Returns what a scenario wins on one unit of each column."""
        won = self._risks.profits[scenario][self._place] * self.sign
        return np.where(self.market == market, won, 0.0)


def _signed(program: Program, part: _Part, ground: Ground) -> Iterable[Row]:
    """Yields the rows of what any program bounds: legs, delta and slippage."""
    ones, limits = np.ones(len(part.columns)), program.limits
    for exposure in program.exposures:
        least, most = (n * LOT / WAD for n in lots_range(exposure))
        yield Row(
            f"leg:{exposure.leg}", np.where(part.exposure == exposure.leg, ones, 0), least, most
        )
    if program.delta is not None:
        box, held = program.delta, ground.delta / WAD**2
        pad = min(part.pad, box.tolerance / WAD)
        low = (box.target - box.tolerance) / WAD + pad - held
        high = (box.target + box.tolerance) / WAD - pad - held
        yield Row("delta", _in(part, box.market, "delta"), low, high, held=held)
    if limits.max_slippage_bps != NO_SLIPPAGE_LIMIT:
        yield _slippage(program, part, ground)


def _cost(program: Program, part: _Part) -> Iterable[Row]:
    """Yields the row of the net cost, the greatest fee and every rounding counted."""
    limits = program.limits
    if limits.max_net_cost != NO_COST_LIMIT:
        cost = np.where(part.is_perp, part.loss, part.sign * part.price)
        most = (limits.max_net_cost - limits.max_fee - 2 * len(cost)) / part.atoms
        yield Row("netCost", cost, -np.inf, most)


def _slippage(program: Program, part: _Part, ground: Ground) -> Row:
    """Bounds the loss by bps of the notional of the leg that may be largest, or of the tokens'."""
    share = program.limits.max_slippage_bps / BPS
    largest = max(program.exposures, key=lambda e: (e.quantity_max, -e.leg))
    spent = (ground.loss + 2 * len(part.columns)) / part.atoms
    spot = part.spot[largest.candidates[0] >> 144]
    if ground.notional / part.atoms > spot * largest.quantity_max / WAD:
        return Row("slippage", part.loss, -np.inf, share * ground.notional / part.atoms - spent)
    own = np.where(part.exposure == largest.leg, share * spot, 0.0)
    return Row("slippage", part.loss - own, -np.inf, -spent)


def _chosen(choice: Choice, part: _Part, count: Count) -> Iterable[Row]:
    """Yields the rows of the choice itself."""
    for number, box in enumerate(choice.greeks):
        held = count.held(box.market, box.greek) / WAD**2
        pad = part.pad if box.greek != "gamma" else part.pad / 10**4  # of its finer grid
        pad = min(pad, (box.high - box.low) / WAD / 2)
        values = _in(part, box.market, box.greek)
        low, high = box.low / WAD - held + pad, box.high / WAD - held - pad
        yield Row(f"greek:{number}", values, low, high, held=held)
    budget = choice.scenarios
    if budget is not None:
        for number, scenario in enumerate(budget.scenarios):
            held = count.held(budget.market, scenario) / WAD**2
            values = part.profits(number, budget.market)
            yield Row(f"scenario:{number}", values, part.pad - held, np.inf, 1.0)
    for number, row in enumerate(choice.structure):
        keys = [(c.ladder.instrument, c.sign) for c in part.columns]
        counts = {key: float(is_of(row, *key)) for key in set(keys)}
        values = np.array([counts[key] for key in keys])
        least, lots = -(-row.quantity_min // LOT), row.quantity_max // LOT
        yield Row(f"structure:{number}", values, least * LOT / WAD, lots * LOT / WAD)
    if choice.loss_max is not None:
        most = choice.loss_max / part.atoms - part.pad
        yield Row("loss", np.maximum(part.loss, 0.0), -np.inf, most)


def _in(part: _Part, market: int, greek: str) -> Floats:
    return np.where(part.market == market, part.sign * part.each(greek), 0.0)


def _columns(program: Program, snapshot: Snapshot) -> list[Column]:
    """Returns the levels, sorted by contract, maker, exposure, side and how good they are."""
    alive = {i: _is_alive(i, snapshot) for i in {ladder.instrument for ladder in snapshot.ladders}}
    runs: dict[tuple[int, AccountId, int, int], list[Column]] = {}
    for exposure in program.exposures:
        for ladder, sign, level in offers(program, exposure, snapshot):
            if (
                alive[ladder.instrument]
                and level.price <= PRICE_MAX * WAD
                and level.quantity >= LOT
            ):
                key = (ladder.instrument, ladder.maker, exposure.leg, sign)
                runs.setdefault(key, []).append(Column(exposure, ladder, sign, level))
    for (_, _, _, sign), run in runs.items():
        run.sort(key=lambda column, sign=sign: sign * column.level.price)  # type: ignore[misc]
    return [column for key in sorted(runs) for column in runs[key]]


def _is_alive(instrument: int, snapshot: Snapshot) -> bool:
    """Returns whether it is a perp, or an option that trades on."""
    asked = Instrument.unpack(instrument)
    is_option = asked.kind in (Kind.CALL, Kind.PUT) and asked.expiry > snapshot.time
    return asked.kind is Kind.PERP or is_option


def _risks_of(ids: Sequence[int], snapshot: Snapshot, scenarios: Sequence[Scenario]) -> Risks:
    """Returns the risks of instruments of any markets, in their order."""
    unpacked = [Instrument.unpack(i) for i in ids]
    mark, delta, gamma, vega, theta = np.zeros((5, len(ids)))
    out = Risks(mark, delta, gamma, vega, theta, np.zeros((len(scenarios), len(ids))))
    for market in sorted({i.market for i in unpacked}):
        own = [place for place, i in enumerate(unpacked) if i.market == market]
        underlying = snapshot.underlying(market)
        if underlying is None:
            continue
        part = risks([unpacked[p] for p in own], underlying, snapshot.time, scenarios)
        for whole, found in zip(out, part, strict=True):
            whole[..., own] = found
    return out


def _numbered(keys: Sequence[object]) -> list[int]:
    """Returns each key's number in the order of first sight."""
    numbers: dict[object, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]
