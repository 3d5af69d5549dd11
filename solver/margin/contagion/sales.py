"""What becomes of accounts at their end: closed in steps, sold by auction, given with the fund.

A step closes at the market what restores 115 % of maintenance, with the speed floors of RISK.md
2.4, all instruments in proportion (the program of `solver.margin.cure` is cheaper); what the depth
of a minute does not take is for the auction of the chain. Bidders are the makers:
they buy what the discount pays for, which is half the spread, the move that their own hedge makes
after everybody's before them in the same tick, and gas. What they hedge moves the market, and so
the next account. The baseline closes everything of an account at once.
"""

from typing import NamedTuple

import numpy as np

from solver.domain.errors import Broken
from solver.domain.health import BANKRUPT, LIQUIDATING
from solver.domain.numbers import WAD
from solver.margin.contagion.ledger import Ledger, Slice
from solver.margin.contagion.paths import Floats
from solver.margin.contagion.standing import View, worth_of
from solver.margin.contagion.vectors import Screen
from solver.margin.contagion.world import World
from solver.margin.cure.speed import DEVIATIONS, FIRST_PERCENT, LARGE, PATIENCE_SECONDS
from solver.margin.health import RELEASE_PERCENT, Facts
from solver.margin.liquidation.auction import (
    RAMP_SECONDS,
    Sale,
    fee_of,
    payment_of,
    payout_of,
    price_at,
    slice_of,
    slice_taken,
)
from solver.margin.portfolio.kernel.tables import Tables

HALF_SPREAD = 5e-4  # of the delta's notional
OPTION_SPREAD = 0.03  # of the premium
GAS_DOLLARS = 0.5  # of one bid
GAIN_LEAST = 1.0  # dollars: for less nobody gets up
UNTAKEN_SECONDS = 300  # then makers opposite it take a bankrupt account that the fund cannot pay
SOLD_OUT_SECONDS = 14_500  # d(t) = 0
STEP_MOVE_MAX = 0.03  # of the price, by all steps of a minute: beyond it, depth is used up
STEP_MORE = 1e-6  # so that rounding leaves no crumb
BASIS_STEP = 0.09  # between the two rows of a column that tell its delta


class Auction(NamedTuple):
    """One account's: when it began, the cash not sold yet, when it was bankrupt (0: it is not)."""

    begun: int
    unsold: int
    bankrupt: int = 0


class Shape(NamedTuple):
    """An account as a bidder sees it: dollars of delta (signed) and of option premium."""

    delta: float
    premium: float


class Hall:
    """All auctions of a replay and what they did."""

    def __init__(self, ledger: Ledger, world: World, screen: Screen) -> None:
        self._ledger, self._world, self._screen = ledger, world, screen
        self._auctions: dict[int, Auction] = {}
        self._cures: dict[int, int] = {}  # since when
        self._flow = np.zeros(len(world.stage.symbols))  # dollars of delta that makers took, signed
        self._view: View | None = None
        self._next_maker = 0
        self.sides: dict[int, bool] = {}  # of whom was sold: was it long
        self.sold = 0.0  # dollars of |delta|
        self.fees = self.covered = self.bids = 0

    def begin(self, view: View) -> None:
        """Begins a tick."""
        self._flow[:] = 0.0
        self._view = view

    def is_sold_out(self, number: int, time: int) -> bool:
        """Returns whether an account's price has come down to nothing."""
        auction = self._auctions.get(number)
        return auction is not None and time - auction.begun >= SOLD_OUT_SECONDS

    def leave(self, number: int) -> None:
        """Ends an account's auction and cure, if there is one."""
        self._auctions.pop(number, None)
        self._cures.pop(number, None)

    def offer(self, number: int, found: Facts, state: str) -> None:
        """Offers an account at its end to bidders, at the price that the clock has come to."""
        ledger, time = self._ledger, found.time_ms // 1000
        if not ledger.is_open[number]:
            return
        auction = self._auctions.setdefault(number, Auction(time, int(ledger.cash[number])))
        self.sides.setdefault(number, self.shape(number).delta > 0)
        if state == BANKRUPT:
            self._give(number, found, auction, time)
        elif auction.bankrupt:
            self._auctions[number] = auction = auction._replace(bankrupt=0)
        if state != BANKRUPT:
            self._sell(number, found, auction, time)

    def close(self, number: int) -> None:
        """Sells everything at once at the market: the baseline."""
        if self._ledger.is_open[number]:
            self._trade(number, self.shape(number), WAD)

    def cure(self, number: int, found: Facts, deviation: float) -> None:
        """Closes a step at the market, at most what its depth takes in a minute; what is left over
        is offered by auction. `deviation` is a minute's."""
        if not self._ledger.is_open[number]:
            return
        shape = self.shape(number)
        elapsed = found.time_ms // 1000 - self._cures.setdefault(number, found.time_ms // 1000)
        wanted = _step(found, shape, self._cost(number, shape, 1.0), deviation)
        if abs(shape.delta) > LARGE:
            wanted = max(wanted, 1.0 if elapsed >= PATIENCE_SECONDS else FIRST_PERCENT / 100)
        room = STEP_MOVE_MAX / self._per_dollar(number) - self._same_side(number, shape)
        able = max(room, 0.0) / abs(shape.delta) if shape.delta else 1.0
        fraction = round(min(wanted, able) * WAD)
        if fraction:
            self._trade(number, shape, fraction)
        if able < wanted or number in self._auctions:
            self.offer(number, found, LIQUIDATING)

    def _trade(self, number: int, shape: Shape, fraction: int) -> None:
        """Closes a fraction at the market's price, its own move and half the spread paid."""
        self.sides.setdefault(number, shape.delta > 0)
        share = fraction / WAD
        cost = round(self._cost(number, shape, share) * 10**6)
        cash, worth = int(self._ledger.cash[number]), self._worth(number)
        part = Slice(fraction, cash * fraction // WAD, worth * fraction // WAD - cost)
        self._hand(number, part, shape)

    def _cost(self, number: int, shape: Shape, share: float) -> float:
        return share * self._spread(shape) + self._moved(number, shape, share)

    def shape(self, number: int) -> Shape:
        """Returns what an account is to a bidder."""
        ledger, tables = self._ledger, self._tables
        slots = slice(int(ledger.starts[number]), int(ledger.starts[number + 1]))
        columns, units = ledger.columns[slots], ledger.units[slots]
        values = tables.values[columns]
        delta = float(units @ (values[:, -2] - values[:, -1])) / BASIS_STEP
        is_option = tables.places[columns, 1] >= 0
        return Shape(delta, float(np.abs(units[is_option]) @ values[is_option, -3]))

    def settle(self, interest: float) -> None:
        """Ends a tick: what makers hedged moves the markets."""
        for market, flow in enumerate(self._flow):
            if flow:
                self._world.push(market, -float(flow) / interest)

    def worth(self) -> Floats:
        """Returns what a unit of each column is worth, settlement units."""
        out: Floats = self._tables.units[:, 0]
        return out

    def _sell(self, number: int, found: Facts, auction: Auction, time: int) -> None:
        cash = int(self._ledger.cash[number])
        unsold, worth = min(auction.unsold, cash), self._worth(number)
        if worth <= cash - unsold:
            unsold = cash
        price = price_at(time - auction.begun)
        margin = found.equity - found.maintenance
        sale = Sale(worth, margin, cash, unsold, judged=found.equity)
        most = slice_of(sale, price)
        if most <= 0 or price <= 0 or worth <= 0:
            return
        shape = self.shape(number)
        gain = (worth - sale.reserved) * (1 - price / WAD) / 10**6
        fraction = self._wanted(number, shape, gain, most)
        if not fraction:
            return
        paid = payment_of(sale, fraction, price)
        _, share = slice_taken(self._ledger.account(number), sale, fraction)
        self._auctions[number] = auction._replace(unsold=unsold - share)
        self._hand(number, Slice(fraction, share, paid, fee_of(paid)), shape)

    def _give(self, number: int, found: Facts, auction: Auction, time: int) -> None:
        """A bankrupt account goes to whoever takes it for what the fund adds."""
        if not auction.bankrupt:
            self._auctions[number] = auction = auction._replace(bankrupt=time)
        elapsed, cash = time - auction.bankrupt, int(self._ledger.cash[number])
        worth = self._worth(number)
        sale = Sale(worth, worth - found.maintenance, cash, cash, is_bankrupt=True)
        payout = payout_of(sale, WAD, min(elapsed, RAMP_SECONDS))
        debt = max(-worth, 0)
        if payout > self._ledger.fund and payout - self._ledger.fund > debt:
            payout = max(debt, min(payout, self._ledger.fund + debt))
        shape = self.shape(number)
        gain = (worth + payout) / 10**6
        is_paid = gain - self._cost(number, shape, 1.0) >= self._effort()
        is_untaken = elapsed >= UNTAKEN_SECONDS and self._ledger.fund <= debt
        if not (is_paid or is_untaken or elapsed >= RAMP_SECONDS):
            return
        covered = min(payout, max(self._ledger.fund, 0))
        self._auctions[number] = auction._replace(unsold=-(payout - covered))
        is_hedged = is_paid or not is_untaken  # who is on the other side already hedges nothing
        self._hand(number, Slice(WAD, cash, -payout, 0, covered), shape, is_hedged=is_hedged)

    def _wanted(self, number: int, shape: Shape, gain: float, most: int) -> int:
        """Returns the fraction that pays a bidder best, at most what is for sale; 0 for none."""
        impact = self._per_dollar(number)
        before = self._same_side(number, shape) * impact * abs(shape.delta)
        net = gain - self._spread(shape) - before
        if net <= 0:
            return 0
        curve = impact * shape.delta**2
        share = min(net / curve if curve else 1.0, most / WAD)
        if share * net - curve * share**2 / 2 < self._effort():
            return 0
        return min(round(share * WAD), most)

    def _effort(self) -> float:
        return GAIN_LEAST + GAS_DOLLARS * self._world.faults.gas

    def _spread(self, shape: Shape) -> float:
        return HALF_SPREAD * abs(shape.delta) + OPTION_SPREAD * shape.premium

    def _moved(self, number: int, shape: Shape, share: float) -> float:
        """Returns what a share's own hedge costs through the move it makes, dollars."""
        delta = share * abs(shape.delta)
        return self._per_dollar(number) * delta * (self._same_side(number, shape) + delta / 2)

    def _same_side(self, number: int, shape: Shape) -> float:
        flow = self._flow[self._screen.market_of[number]]
        return float(abs(flow)) if flow * shape.delta > 0 else 0.0

    def _per_dollar(self, number: int) -> float:
        """Returns by how much a dollar of flow moves the price, as a share."""
        world, market = self._world, int(self._screen.market_of[number])
        interest = self._ledger.population.interest
        return 0.01 * world.faults.impact / interest / world.depth(market)

    def _hand(self, number: int, part: Slice, shape: Shape, *, is_hedged: bool = True) -> None:
        users = self._ledger.population.users
        maker = users + self._next_maker
        self._next_maker = (self._next_maker + 1) % (len(self._ledger.ids) - users)
        self._ledger.hand(number, maker, part, self.worth())
        self._screen.changed(number)
        share = part.fraction / WAD
        self._flow[self._screen.market_of[number]] += share * shape.delta * is_hedged
        self.sold += share * abs(shape.delta)
        self.fees += part.fee
        self.covered += part.covered
        self.bids += 1

    @property
    def _tables(self) -> Tables:
        return self._now.tables[0]

    @property
    def _now(self) -> View:
        if self._view is None:
            raise Broken("a hall sells nothing before its first tick")
        return self._view

    def _worth(self, number: int) -> int:
        return worth_of(self._ledger.account(number), self._now.grids[0])


def _step(found: Facts, shape: Shape, cost: float, deviation: float) -> float:
    """Returns the fraction after which equity is 115 % of maintenance and would survive a minute's
    four deviations; all of it below two thirds of maintenance. `cost` is that of closing all."""
    equity, asked = found.best_equity / 10**6, found.best_maintenance / 10**6
    if 3 * equity < 2 * asked:
        return 1.0
    shaken = asked + DEVIATIONS * deviation * abs(shape.delta)
    wanted = 0.0
    for target in (RELEASE_PERCENT / 100 * asked, shaken):
        if equity < target:
            wanted = max(wanted, (target - equity) / (target - cost) if target > cost else 1.0)
    return min(wanted * (1 + STEP_MORE), 1.0)
