"""SIMPLE of many accounts at once, beside PORTFOLIO's kernel: floats, and what they may be off.

What a series pays at worst does not hang on prices; it is worked out anew only where positions
changed, so that a tick costs a few sums.
"""

import numpy as np

from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import PPM, WAD
from solver.domain.snapshot import Snapshot
from solver.margin.contagion.ledger import Ledger
from solver.margin.contagion.paths import Floats
from solver.margin.portfolio.kernel.screen import Margins, remargin
from solver.margin.portfolio.kernel.tables import Tables
from solver.margin.simple.rules import (
    NAKED_INITIAL_PERCENT,
    NAKED_MAINTENANCE_PERCENT,
    short_unit,
    time_value,
)

SLACK = 1e-9  # of what was added up, and an atom: more than floats can be off
ATOM = 1e-6


class Screen:
    """The accounts of a ledger by engine, with what of SIMPLE does not hang on prices."""

    def __init__(self, ledger: Ledger, tables: Tables) -> None:
        self._ledger = ledger
        self._simple = ledger.population.simple
        self._slots = int(ledger.starts[self._simple])
        self._kinds = [Instrument.unpack(i) for i in tables.instruments]
        of = {
            key: n
            for n, key in enumerate(
                sorted({(i.market, i.expiry) for i in self._kinds if i.is_option})
            )
        }
        self._series = np.array(
            [of.get((i.market, i.expiry), -1) if i.is_option else -1 for i in self._kinds]
        )
        self._series_count = len(of)
        self.markets = np.array([i.market - 1 for i in self._kinds])
        columns = ledger.columns[: self._slots]
        self._is_option = self._series[columns] >= 0
        owners = ledger.owners[: self._slots]
        self._group = owners * self._series_count + self._series[columns]
        size = self._simple * self._series_count
        self._worst, self._naked = np.zeros(size), np.zeros(size)
        for account in range(self._simple):
            self.changed(account)
        steep = tables.values[:, -2] - tables.values[:, -1]
        self.slopes = np.sign(steep)  # of each column: does it gain as prices rise
        self.market_of = np.full(len(ledger.ids), -1)
        self.market_of[ledger.owners] = self.markets[ledger.columns]
        self.market_of[ledger.population.users :] = -1  # makers are in all

    def changed(self, account: int) -> None:
        """Takes note that an account's positions changed."""
        if account >= self._simple:
            return
        ledger = self._ledger
        held: dict[int, list[tuple[Instrument, float]]] = {}
        for slot in ledger.slots(account):
            column = int(ledger.columns[slot])
            if self._series[column] >= 0:
                held.setdefault(int(self._series[column]), []).append(
                    (self._kinds[column], float(ledger.units[slot]))
                )
        for series, options in held.items():
            group = account * self._series_count + series
            self._worst[group] = _worst_payoff(options)
            calls = sum(units for option, units in options if option.kind is Kind.CALL)
            self._naked[group] = max(-calls, 0.0)

    def margins(self, snapshot: Snapshot, tables: Tables) -> Margins:
        """Returns all accounts' figures, settlement units, and what they may be off at most."""
        out = np.empty((len(self._ledger.ids), 4))
        book = self._ledger.book
        remargin(book, tables, span=(self._simple, len(out)), out=out)
        self._simple_margins(snapshot, out[: self._simple])
        return Margins(*out.T)

    def _simple_margins(self, snapshot: Snapshot, out: Floats) -> None:
        ledger, count, groups = self._ledger, self._simple, len(self._worst)
        owners, columns = ledger.owners[: self._slots], ledger.columns[: self._slots]
        units = ledger.units[: self._slots]
        figures_of = self._units(snapshot)[columns]
        is_long = units > 0
        rows = []
        prices = np.array([u.price / WAD for u in snapshot.underlyings])
        of_group = np.tile(self._group_prices(prices), count) if groups else np.empty(0)
        naked = (100, NAKED_INITIAL_PERCENT, NAKED_MAINTENANCE_PERCENT)
        for row, percent in enumerate(naked):
            each = np.where(is_long, figures_of[:, row], figures_of[:, 3 + row]) * units
            alone = np.bincount(owners[~self._is_option], each[~self._is_option], count)
            short = self._is_option & ~is_long
            shorts = np.bincount(self._group[short], each[short], groups)
            bounded = self._worst - self._naked * of_group * percent / 100
            best = np.maximum(shorts, bounded).reshape(count, -1).sum(axis=1)
            rows.append(alone + best)
        size = np.bincount(owners, np.abs(units) * figures_of.max(axis=1), count)
        cash = ledger.cash[:count] / 10**snapshot.settlement_token.decimals
        equity = cash + rows[0]
        out[:, 0], out[:, 1], out[:, 2] = equity, rows[0] - rows[1], rows[0] - rows[2]
        strikes = np.bincount(owners, np.abs(units) * self._strike_of[columns], count)
        out[:, 3] = SLACK * (np.abs(cash) + 4 * size + 4 * strikes) + ATOM

    @property
    def _strike_of(self) -> Floats:
        return np.array([i.strike / WAD for i in self._kinds])

    def _group_prices(self, prices: Floats) -> Floats:
        market = np.zeros(self._series_count, dtype=np.int64)
        market[self._series[self._series >= 0]] = self.markets[self._series >= 0]
        out: Floats = prices[market]
        return out

    def _units(self, snapshot: Snapshot) -> Floats:
        """Returns of each column what a unit adds to equity, margin less initial and margin less
        maintenance requirement: first long, then short."""
        out = np.zeros((len(self._kinds), 6))
        for row, instrument in enumerate(self._kinds):
            market = snapshot.underlyings[instrument.market - 1]
            price = market.price / WAD
            if instrument.kind is Kind.PERP:
                asked = (0.0, market.perp_initial_ppm / PPM, market.perp_maintenance_ppm / PPM)
                out[row] = [price * (1 - a) for a in asked] + [price * (1 + a) for a in asked]
            elif instrument.kind is Kind.BASE:
                kept = (1.0, market.base_initial_ppm / PPM, market.base_maintenance_ppm / PPM)
                out[row] = [price * k for k in kept] * 2
            else:
                flat = time_value(
                    market.price, market.sigma_cap_ppm, instrument.expiry - snapshot.time
                )
                out[row, 3:] = [
                    figure / WAD for figure in short_unit(instrument, market.price, flat)
                ]
        return out


def _worst_payoff(options: list[tuple[Instrument, float]]) -> float:
    worst = 0.0
    for price in (0.0, *(option.strike / WAD for option, _ in options)):
        total = 0.0
        for option, units in options:
            gain = price - option.strike / WAD
            total += units * max(gain if option.kind is Kind.CALL else -gain, 0.0)
        worst = min(worst, total)
    return worst
