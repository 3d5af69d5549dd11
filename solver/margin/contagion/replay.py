"""The replay itself: tick by tick prices, margins, health, sales, losses, and an audit of all."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from solver.domain.errors import Broken
from solver.domain.health import ENDING, LIQUIDATING, STATES, folded
from solver.domain.numbers import PPM, WAD
from solver.domain.snapshot import Snapshot
from solver.margin.contagion.ledger import Ledger
from solver.margin.contagion.losses import Losses
from solver.margin.contagion.population import Population
from solver.margin.contagion.sales import Hall
from solver.margin.contagion.standing import View, facts_of, light_facts, unsettled, view_of
from solver.margin.contagion.vectors import Screen
from solver.margin.contagion.world import CLOSE, CURE, Faults, Stage, World
from solver.margin.cure.speed import MINUTES_A_DAY
from solver.margin.health import judgement, may_liquidate
from solver.margin.portfolio.kernel.screen import Margins

Clock = Callable[[], float]


class Tick(NamedTuple):
    """What one tick came to. Prices by market: without forced trades, traded, and as the oracle has
    them; `states` are users by health; money is dollars and cumulative, the fund what it has."""

    number: int
    recorded: tuple[float, ...]
    traded: tuple[float, ...]
    seen: tuple[float, ...]
    oracle: tuple[str, ...]
    states: tuple[int, ...]
    liquidated: int
    sold: float
    fund: float
    covered: float
    deleveraged: float
    seconds: float  # to re-margin everybody, by the caller's clock
    exact: int  # accounts that integers decided


class Outcome(NamedTuple):
    """A whole replay; money is dollars. `liquidated` users came to their end; `waiting`
    is the most of declared deficits that a tick left to the next, `pending` what the last one left.
    `audited` counts ticks whose sums were right to the atom, `events` deleveragings, and
    `misraised` is how many atoms those raised beside what was missing. `makers` is the least that
    a maker's equity was of its maintenance requirement.
    """

    stage: str
    faults: Faults
    ticks: tuple[Tick, ...]
    liquidated: frozenset[int]
    bad_debt: float
    deleveraged: float
    fees: float
    waiting: float
    pending: float
    audited: int
    events: int
    misraised: int
    bids: int
    makers: float
    interest: float

    @property
    def seconds(self) -> float:
        """The longest re-margining of a tick but the first, which compiles."""
        return max((tick.seconds for tick in self.ticks[1:]), default=0.0)


class _Replay:
    def __init__(self, stage: Stage, population: Population, faults: Faults, clock: Clock) -> None:
        self.stage, self.population, self.faults, self.clock = stage, population, faults, clock
        self.instruments = [instrument.id for instrument in stage.instruments()]
        self.world = World(stage, faults)
        self.first = self.world.step(0)
        view = view_of(self.first, self.instruments)
        self.ledger = Ledger(population, view.tables[0])
        self.screen = Screen(self.ledger, view.tables[0])
        self.ledger.costs[:] = self.ledger.units * view.tables[0].units[self.ledger.columns, 0]
        self.hall = Hall(self.ledger, self.world, self.screen)
        self.losses = Losses(self.ledger, self.screen)
        self.liquidated: set[int] = set()
        self.waiting = 0.0
        self.audited = 0
        self.makers = float("inf")

    def ticks(self) -> Iterator[Tick]:
        for number in range(len(self.stage.path)):
            yield self._tick(number, self.first if number == 0 else self.world.step(number))

    def _tick(self, number: int, snapshot: Snapshot) -> Tick:
        begun = self.clock()
        view = view_of(snapshot, self.instruments)
        pairs = zip(view.snapshots, view.tables, strict=True)
        found = [self.screen.margins(each, tables) for each, tables in pairs]
        due = unsettled(self.screen, self.ledger, view, found)
        seconds = self.clock() - begun
        self.makers = min(self.makers, _least(found[0], self.population.users))
        self.hall.begin(view)
        users = [a for a in due.accounts.tolist() if a < self.population.users]
        for account in users:
            self._judge(account, view, found[0] if due.is_sure[account] else None)
        self.hall.settle(self.population.interest)
        self._pay(number)
        self.audited += self.ledger.is_balanced()
        return self._told(number, snapshot, seconds, int((~due.is_sure[users]).sum()))

    def _judge(self, account: int, view: View, sure: Margins | None) -> None:
        """`sure` are the floats, where they settle the account."""
        ledger = self.ledger
        market = int(self.screen.market_of[account])
        if sure is None:
            found = facts_of(ledger, account, market, view)
        else:
            found = light_facts(ledger, account, market, view, sure)
        time = view.now.time
        found = found._replace(is_sold_out=self.hall.is_sold_out(account, time))
        before = ledger.health[account]
        event = judgement(before, found)
        health = before if event is None else folded(before, event)
        if event is not None:
            ledger.stand(account, health)
        if health.state not in ENDING:
            self.hall.leave(account)
            return
        self.liquidated.add(account)
        if not may_liquidate(health, found):
            return
        if self.faults.policy == CLOSE:
            self.hall.close(account)
        elif self.faults.policy == CURE and health.state == LIQUIDATING:
            forecast = view.now.underlyings[market].risk.daily / PPM / math.sqrt(MINUTES_A_DAY)
            self.hall.cure(account, found, max(forecast, self.world.deviation(market)))
        else:
            self.hall.offer(account, found, health.state)

    def _pay(self, number: int) -> None:
        """Pays every debt of accounts without positions, and proves that none is left unnamed."""
        ledger = self.ledger
        users = self.population.users
        owing = np.flatnonzero(~ledger.is_open[:users] & (ledger.cash[:users] < 0)).tolist()
        sides = self.hall.sides
        if unknown := [account for account in owing if account not in sides]:
            raise Broken(f"account {unknown[0]} owes and nobody sold it")
        self.losses.settle(number, [(a, sides[a]) for a in owing], self.hall.worth())
        left = -int(ledger.cash[:users][~ledger.is_open[:users] & (ledger.cash[:users] < 0)].sum())
        self.waiting = max(self.waiting, left / 1e6)

    def _told(self, number: int, snapshot: Snapshot, seconds: float, exact: int) -> Tick:
        counts = np.bincount(self.ledger.state[: self.population.users], minlength=len(STATES))
        row = snapshot.underlyings
        return Tick(
            number,
            tuple(float(p) for p in self.stage.path[number]),
            tuple(float(p) for p in self.world.price),
            tuple(u.price / WAD for u in row),
            tuple(u.oracle_state for u in row),
            tuple(int(c) for c in counts),
            len(self.liquidated),
            self.hall.sold,
            self.ledger.fund / 1e6,
            (self.hall.covered + self.losses.fund) / 1e6,
            self.losses.deleveraged / 1e6,
            seconds,
            exact,
        )

    def outcome(self, ticks: tuple[Tick, ...]) -> Outcome:
        users = self.population.users
        owed = self.ledger.cash[:users][~self.ledger.is_open[:users]]
        return Outcome(
            self.stage.name,
            self.faults,
            ticks,
            frozenset(self.liquidated),
            (self.hall.covered + self.losses.fund + self.losses.deleveraged) / 1e6,
            self.losses.deleveraged / 1e6,
            self.hall.fees / 1e6,
            self.waiting,
            -float(owed[owed < 0].sum()) / 1e6,
            self.audited,
            len(self.losses.events),
            self.losses.misraised,
            self.hall.bids,
            self.makers,
            self.population.interest,
        )


def replay(
    stage: Stage,
    population: Population,
    faults: Faults,
    *,
    clock: Clock = lambda: 0.0,
    watch: Callable[[Tick], None] = lambda tick: None,
) -> Outcome:
    """Returns what becomes of a population on a stage under faults; `watch` hears of every tick,
    `clock` (seconds) tells how long re-margining takes.

    Raises Broken where a debt is nobody's whom the engine sold.
    """
    run = _Replay(stage, population, faults, clock)
    ticks = []
    for tick in run.ticks():
        ticks.append(tick)
        watch(tick)
    return run.outcome(tuple(ticks))


def _least(found: Margins, users: int) -> float:
    """Returns the least that a maker's equity is of its maintenance requirement."""
    asked = np.maximum(found.maintenance[users:], 1e-9)
    return float((found.equity[users:] / asked).min(initial=np.inf))
