"""The books of a replay in exact integers, with the same as arrays for the screens.

Every move is between two accounts, or an account and the fund: nothing is made or lost, and
`is_balanced` adds all of it up again to prove it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.account import Account, Position
from solver.domain.errors import Broken
from solver.domain.health import HEALTHY, STATES, Health
from solver.domain.numbers import WAD
from solver.margin.contagion.paths import Floats
from solver.margin.contagion.population import Population
from solver.margin.portfolio.kernel.tables import Book, Tables

Whole = NDArray[np.int64]
LOW_BITS = 40  # quantities as two words of 64 bits: both sums are exact
CODE = {state: code for code, state in enumerate(STATES)}


class Slice(NamedTuple):
    """What one bid moves: the fraction of every position (1e18), the part of the account's cash,
    what the bidder pays (negative: is given), the fee to the fund, and what the fund covers."""

    fraction: int
    share: int
    paid: int
    fee: int = 0
    covered: int = 0


class Ledger:
    """All accounts of a replay. Slots of an account stand together by rising column."""

    def __init__(self, population: Population, tables: Tables) -> None:
        accounts = population.accounts
        self.population = population
        self.ids = [account.id for account in accounts]
        self.engines = [account.engine for account in accounts]
        self.health = [Health()] * len(accounts)
        self.state = np.full(len(accounts), CODE[HEALTHY], dtype=np.int8)
        self.breaches = np.zeros(len(accounts), dtype=np.int8)
        self.fund = population.fund
        self.cash = np.array([account.cash for account in accounts], dtype=np.int64)
        self.instruments: list[int] = []
        self.quantities: list[int] = []
        starts, columns = [0], []
        for account in accounts:
            held = sorted((tables.column(p.instrument), p) for p in account.positions)
            columns += [column for column, _ in held]
            self.instruments += [p.instrument for _, p in held]
            self.quantities += [p.quantity for _, p in held]
            starts.append(len(columns))
        self.starts = np.array(starts, dtype=np.int64)
        self.columns = np.array(columns, dtype=np.int64)
        self.owners = np.repeat(np.arange(len(accounts)), np.diff(self.starts))
        self.units = np.array(self.quantities, dtype=object).astype(np.float64) / WAD
        self.is_open = np.diff(self.starts) > 0
        self._low = np.array([q & (1 << LOW_BITS) - 1 for q in self.quantities], dtype=np.int64)
        self._high = np.array([q >> LOW_BITS for q in self.quantities], dtype=np.int64)
        self._atoms = 10**tables.decimals
        self.costs = np.zeros(len(columns))  # of each slot: what it was worth when it was opened
        self._total = self._sums(len(tables.instruments))

    @property
    def book(self) -> Book:
        """The accounts as the kernel takes them."""
        return Book(self.starts, self.columns, self.units, self.cash / self._atoms)

    def slots(self, account: int) -> range:
        """Returns the slots of an account."""
        return range(int(self.starts[account]), int(self.starts[account + 1]))

    def account(self, number: int) -> Account:
        """Returns one account as everything else knows it."""
        positions = tuple(
            Position(self.instruments[slot], self.quantities[slot])
            for slot in self.slots(number)
            if self.quantities[slot]
        )
        return Account(
            self.ids[number],
            int(self.cash[number]),
            positions,
            health=self.health[number],
            engine=self.engines[number],
        )

    def stand(self, number: int, health: Health) -> None:
        """Puts an account's health."""
        self.health[number] = health
        self.state[number], self.breaches[number] = CODE[health.state], health.breaches

    def hand(self, seller: int, buyer: int, part: Slice, worth: Floats) -> None:
        """Moves a slice, what is paid for it, the fee and the fund's cover. `worth` is of one unit
        of each column. Raises Broken where the buyer has no slot for what is sold."""
        places = {int(self.columns[slot]): slot for slot in self.slots(buyer)}
        for slot in self.slots(seller):
            held = self.quantities[slot]
            moved = abs(held) * part.fraction // WAD * (1 if held > 0 else -1)
            if not moved:
                continue
            column = int(self.columns[slot])
            if column not in places:
                raise Broken(f"bidder {buyer} has no place for column {column}")
            self.costs[slot] *= 1 - moved / held
            self.costs[places[column]] += moved / WAD * worth[column]
            self._put(slot, held - moved)
            self._put(places[column], self.quantities[places[column]] + moved)
        self.is_open[seller] = any(self.quantities[slot] for slot in self.slots(seller))
        self.cash[seller] += part.paid - part.share - part.fee + part.covered
        self.cash[buyer] += part.share - part.paid
        self.fund += part.fee - part.covered

    def lift(self, account: int, amount: int) -> None:
        """Pays what an account owes out of the fund."""
        self.cash[account] += amount
        self.fund -= amount

    def is_balanced(self) -> bool:
        """Returns whether cash with the fund, and the quantities of every instrument, sum to what
        they did at first, to the atom."""
        return self._sums(len(self._total) - 1) == self._total

    def _put(self, slot: int, quantity: int) -> None:
        self.quantities[slot] = quantity
        self.units[slot] = quantity / WAD
        self._low[slot], self._high[slot] = quantity & (1 << LOW_BITS) - 1, quantity >> LOW_BITS

    def _sums(self, columns: int) -> tuple[int, ...]:
        low, high = np.zeros(columns, dtype=np.int64), np.zeros(columns, dtype=np.int64)
        np.add.at(low, self.columns, self._low)
        np.add.at(high, self.columns, self._high)
        held = (h * 2**LOW_BITS + w for h, w in zip(high.tolist(), low.tolist(), strict=True))
        return (*held, int(self.cash.sum()) + self.fund)
