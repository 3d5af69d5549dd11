"""Who pays what an account owes that has nothing left: the fund, then who gained opposite it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from solver.domain.errors import Infeasible
from solver.margin.contagion.ledger import Ledger
from solver.margin.contagion.paths import Floats
from solver.margin.contagion.vectors import Screen
from solver.margin.liquidation.deleverage import Deleveraging, Winner, round_of


class Entry(NamedTuple):
    """One account's debt, atoms: what the fund paid of it, and what others' gains did."""

    tick: int
    account: int
    fund: int
    deleveraged: int


class Losses:
    """All debts of a replay. `pending`: what gains on the other side did not hold yet."""

    def __init__(self, ledger: Ledger, screen: Screen) -> None:
        self._ledger, self._screen = ledger, screen
        self._taken = np.zeros(len(ledger.ids))  # of each account's gain, settlement units
        self.entries: list[Entry] = []
        self.events: list[Deleveraging] = []
        self.misraised = 0  # atoms beside what was missing

    @property
    def fund(self) -> int:
        """What the fund paid of debts, atoms."""
        return sum(entry.fund for entry in self.entries)

    @property
    def deleveraged(self) -> int:
        """What winners paid, atoms."""
        return sum(entry.deleveraged for entry in self.entries)

    def settle(self, tick: int, debtors: Sequence[tuple[int, bool]], worth: Floats) -> None:
        """Pays the debts of accounts without positions, each with the side it had been on. `worth`
        is of one unit of each column."""
        ledger = self._ledger
        short: dict[tuple[int, bool], dict[int, int]] = {}
        for account, is_long in debtors:
            debt = -int(ledger.cash[account])
            paid = min(debt, max(ledger.fund, 0))
            if paid:
                ledger.lift(account, paid)
                self.entries.append(Entry(tick, account, paid, 0))
            if debt > paid:
                market = int(self._screen.market_of[account])
                short.setdefault((market, is_long), {})[account] = debt - paid
        for (market, is_long), debts in short.items():
            self._deleverage(tick, self._winners(market, is_long, worth), debts)

    def _winners(self, market: int, is_long: bool, worth: Floats) -> list[Winner]:
        """Returns who gained by positions opposite to a debtor's, and how much."""
        ledger = self._ledger
        pnl = ledger.units * worth[ledger.columns] - ledger.costs
        is_opposite = (ledger.units * self._screen.slopes[ledger.columns] < 0) == is_long
        in_market = self._screen.markets[ledger.columns] == market
        kept = np.where(is_opposite & in_market & (ledger.units != 0), pnl, 0.0)
        gains = np.bincount(ledger.owners, kept, len(ledger.ids)) - self._taken
        return [
            Winner(int(a).to_bytes(32, "big"), int(gains[a] * 10**6))
            for a in np.flatnonzero(gains > 1)
        ]

    def _deleverage(self, tick: int, winners: list[Winner], debts: dict[int, int]) -> None:
        """One event for what debts of one tick, market and side the gains hold; the rest waits."""
        asked = sum(debts.values())
        raisable = sum(winner.room for winner in winners)
        try:
            event = round_of(min(asked, raisable), winners) if raisable else None
        except Infeasible as refused:
            left = int(str(refused.data["raisableAtoms"]))
            event = round_of(left, winners) if left else None
        if event is None:
            return
        ledger, raised = self._ledger, 0
        for cut in event.haircuts:
            winner = int.from_bytes(cut.key, "big")
            ledger.cash[winner] -= cut.amount
            self._taken[winner] += cut.amount / 10**6
            raised += cut.amount
        self.misraised += abs(raised - event.deficit)
        self.events.append(event)
        for account, debt in debts.items():
            part = min(debt, raised)
            ledger.cash[account] += part
            raised -= part
            if part:
                self.entries.append(Entry(tick, account, 0, part))
