"""From a program with a choice to the menu of its legs: one column a level, one row a bound.

Settlement units as floats. Boxes are taken a hair narrower than signed, so that what floats and
grids round away never breaks a bound that integers hold.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from solver.domain.account import Account
from solver.domain.calendar import YEAR
from solver.domain.ids import AccountId
from solver.domain.instrument import ASIAN_KINDS, Instrument, Kind
from solver.domain.intent import NO_COST_LIMIT, NO_SLIPPAGE_LIMIT
from solver.domain.market import Ladder, Level
from solver.domain.numbers import BPS, PPM, WAD
from solver.domain.program import Choice, Exposure, Program, Scenario
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.pricing.scenarios import Risks, risks
from solver.routing.certify.choice import Count, is_of
from solver.routing.certify.marks import delta_of, mark_of
from solver.routing.certify.rows import offers
from solver.routing.charge import fill_toll
from solver.routing.legs.menu import Floats, Menu, Whole
from solver.routing.lots import Ground, lots_range
from solver.routing.rounding import LOT

PRICE_MAX = 10**9  # settlement units: a dearer price is no offer, and would drown the others
PAD = 2e-8  # of a row's unit and contract: twice the grid of marks and greeks
_price = attrgetter("price")
GREEKS = ("delta", "gamma", "vega", "theta")


class Run(NamedTuple):
    """What an exposure may take of one maker's side of a contract, best first: a column a level."""

    exposure: Exposure
    ladder: Ladder
    sign: int
    levels: tuple[Level, ...]


class Row(NamedTuple):
    """A bound: low <= values @ units <= high. `signed` is the limit it stands for, by name."""

    name: str
    values: Floats
    low: float
    high: float
    spare: float = 0.0
    held: float = 0.0  # what the account has already: low and high are less by it


class Table(NamedTuple):
    """A menu, and what its runs and rows are."""

    menu: Menu
    runs: tuple[Run, ...]
    rows: tuple[Row, ...]

    def level(self, column: int) -> tuple[Run, Level]:
        """Returns the level that a column is, and its run."""
        number = int(self.menu.run[column])
        run = self.runs[number]
        return run, run.levels[column - int(np.searchsorted(self.menu.run, number))]


def table_of(
    program: Program, snapshot: Snapshot, account: Account, draft: Solution, ground: Ground
) -> Table:
    """Returns the menu of everything the exposures may take; `draft` is the plan without fills."""
    assert program.choice is not None
    part = _Part(_runs(program, snapshot), program, snapshot)
    rows = [*_signed(program, part, ground), *_cost(program, part)]
    rows += _chosen(program.choice, part, Count(program, snapshot, draft, account))
    return _table(part, rows, snapshot, program.choice)


def bounds_of(program: Program, snapshot: Snapshot, ground: Ground) -> Table:
    """Returns the menu of a program without a choice, as if its exposures could be spread: whatever
    clashes there clashes. Its net cost is judged later, with the fee.
    """
    part = _Part(_runs(program, snapshot), program, snapshot)
    choice = Choice(max(len(part.sign), 1))
    return _table(part, [*_signed(program, part, ground)], snapshot, choice)


def _table(part: "_Part", rows: Sequence[Row], snapshot: Snapshot, choice: Choice) -> Table:
    runs = part.runs
    cost = part.loss - part.each("theta") * part.sign * choice.carry_seconds / YEAR
    lots = [min(n.quantity, r.exposure.quantity_max) // LOT for r in runs for n in r.levels]
    leg = _numbered([(run.ladder.instrument, run.ladder.maker) for run in runs])
    budget = choice.scenarios
    menu = Menu(
        cost=cost,
        size=np.array(lots, dtype=float) * (LOT / WAD),
        leg=part.spread(leg),
        run=part.spread(range(len(runs))),
        fixed=np.full(max(leg, default=-1) + 1, fill_toll(snapshot) / part.atoms),
        rows=np.array([row.values for row in rows]).reshape(len(rows), len(cost)),
        low=np.array([row.low for row in rows]),
        high=np.array([row.high for row in rows]),
        spare=np.array([row.spare for row in rows]),
        spare_cost=budget.rate_ppm / PPM if budget else 0.0,
        spare_max=budget.budget / part.atoms if budget else 0.0,
        legs_max=choice.legs_max,
    )
    return Table(menu, tuple(runs), tuple(rows))


class _Part:
    """What every column is, as arrays."""

    def __init__(self, runs: Sequence[Run], program: Program, snapshot: Snapshot) -> None:
        self.runs = runs
        self.atoms: int = 10**snapshot.settlement_token.decimals
        self._counts = [len(run.levels) for run in runs]
        self.sign = self.spread([run.sign for run in runs]).astype(float)
        self.price = np.array([level.price / WAD for run in runs for level in run.levels])
        self.exposure = self.spread([run.exposure.leg for run in runs])
        ids = sorted({run.ladder.instrument for run in runs})
        places = {instrument: place for place, instrument in enumerate(ids)}
        self._place = self.spread([places[run.ladder.instrument] for run in runs])
        self.market = np.array([i >> 144 for i in ids])[self._place] if ids else self._place
        budget = program.choice.scenarios if program.choice else None
        self._risks = _risks_of(ids, snapshot, budget.scenarios if budget else ())
        self.loss = self.sign * (self.price - self.each("mark"))
        self.is_perp = np.array([Instrument.unpack(i).kind is Kind.PERP for i in ids], dtype=bool)
        self.is_perp = self.is_perp[self._place]
        self.spot = {u.market: u.price / WAD for u in snapshot.underlyings}
        self.pad = PAD * sum(e.quantity_max for e in program.exposures) / WAD

    def spread(self, numbers: Sequence[int]) -> Whole:
        """Returns each run's number for each of its columns."""
        return np.repeat(np.array(numbers, dtype=np.int64), self._counts)

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
    ones, limits = np.ones(len(part.sign)), program.limits
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
    spent = (ground.loss + 2 * len(part.sign)) / part.atoms
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
        keys = [(run.ladder.instrument, run.sign) for run in part.runs]
        counts = {key: int(is_of(row, *key)) for key in set(keys)}
        values = part.spread([counts[key] for key in keys]).astype(float)
        least, lots = -(-row.quantity_min // LOT), row.quantity_max // LOT
        yield Row(f"structure:{number}", values, least * LOT / WAD, lots * LOT / WAD)
    if choice.loss_max is not None:
        most = choice.loss_max / part.atoms - part.pad
        yield Row("loss", np.maximum(part.loss, 0.0), -np.inf, most)


def _in(part: _Part, market: int, greek: str) -> Floats:
    return np.where(part.market == market, part.sign * part.each(greek), 0.0)


def _runs(program: Program, snapshot: Snapshot) -> list[Run]:
    """Returns the runs, sorted by contract, maker, exposure and side."""
    quoted = {ladder.instrument for ladder in snapshot.ladders}
    alive = {i: _is_alive(i, program, snapshot) for i in quoted}
    found: dict[tuple[int, AccountId, int, int], tuple[Run, list[Level]]] = {}
    for exposure in program.exposures:
        before: tuple[Ladder | None, int] = (None, 0)
        for ladder, sign, level in offers(program, exposure, snapshot):
            if ladder is not before[0] or sign != before[1]:
                before = ladder, sign
                key = (ladder.instrument, ladder.maker, exposure.leg, sign)
                _, levels = found.setdefault(key, (Run(exposure, ladder, sign, ()), []))
            if level.price <= PRICE_MAX * WAD and level.quantity >= LOT:
                levels.append(level)
    out = []
    for key in sorted(found):
        run, levels = found[key]
        if levels and alive[run.ladder.instrument]:
            levels.sort(key=_price, reverse=run.sign < 0)
            out.append(run._replace(levels=tuple(levels)))
    return out


def _is_alive(instrument: int, program: Program, snapshot: Snapshot) -> bool:
    """Returns whether it is a perp, or an option that trades on. Of Asian options no greek beyond
    delta and no scenario is proven here: a choice by those leaves them out."""
    asked = Instrument.unpack(instrument)
    if asked.kind in ASIAN_KINDS and program.choice is not None:
        return False
    return asked.kind is Kind.PERP or (asked.is_option and asked.expiry > snapshot.time)


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
    for place, instrument in enumerate(unpacked):
        if instrument.kind in ASIAN_KINDS:
            out.mark[place] = mark_of(instrument.id, snapshot) / WAD
            out.delta[place] = delta_of(instrument.id, snapshot) / WAD
    return out


def _numbered(keys: Sequence[object]) -> list[int]:
    """Returns each key's number in the order of first sight."""
    numbers: dict[object, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]
