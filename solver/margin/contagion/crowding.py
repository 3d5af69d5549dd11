"""Do liquidations stand in one place? Open interest by the move that breaches each account."""

from typing import NamedTuple

import numpy as np

from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.snapshot import Snapshot
from solver.margin.contagion.ledger import Ledger
from solver.margin.contagion.paths import Floats
from solver.margin.contagion.population import Population
from solver.margin.contagion.standing import view_of
from solver.margin.contagion.vectors import Screen
from solver.margin.contagion.world import Stage

BUCKET = 0.005
REACH = 0.4


class Crowding(NamedTuple):
    """Shares of open interest first breached in each bucket, by the signed move at its far end."""

    moves: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def largest(self) -> float:
        """The share in the fullest bucket."""
        return max(self.shares, default=0.0)


def crowding(stage: Stage, population: Population, snapshot: Snapshot) -> Crowding:
    """Returns the buckets 0.5 % wide of all moves up to 40 % either way, all markets together."""
    instruments = [instrument.id for instrument in stage.instruments()]
    tables = view_of(snapshot, instruments).tables[0]
    ledger = Ledger(population, tables)
    screen = Screen(ledger, tables)
    interest = _interest(ledger, snapshot, tables.instruments)[: population.users]
    moves: list[float] = []
    shares: list[float] = []
    steps = round(REACH / BUCKET)
    for sign in (-1, 1):
        standing = np.ones(population.users, dtype=bool)
        for step in range(1, steps + 1):
            move = sign * step * BUCKET
            shocked = _moved(snapshot, move)
            found = screen.margins(shocked, view_of(shocked, instruments).tables[0])
            is_kept = (found.equity >= found.maintenance)[: population.users]
            moves.append(move)
            shares.append(float(interest[standing & ~is_kept].sum() / interest.sum()))
            standing &= is_kept
    return Crowding(tuple(moves), tuple(shares))


def _moved(snapshot: Snapshot, move: float) -> Snapshot:
    factor = round((1 + move) * WAD)
    rows = (u._replace(price=u.price * factor // WAD) for u in snapshot.underlyings)
    return snapshot._replace(underlyings=tuple(rows))


def _interest(ledger: Ledger, snapshot: Snapshot, instruments: tuple[int, ...]) -> Floats:
    """Returns each account's dollars of perps and short options."""
    kinds = [Instrument.unpack(packed) for packed in instruments]
    prices = {u.market: u.price / WAD for u in snapshot.underlyings}
    of_perp = np.array([prices[k.market] if k.kind is Kind.PERP else 0.0 for k in kinds])
    of_option = np.array([prices[k.market] if k.is_option else 0.0 for k in kinds])
    units = ledger.units
    each = np.abs(units) * of_perp[ledger.columns]
    each = each + np.maximum(-units, 0.0) * of_option[ledger.columns]
    return np.bincount(ledger.owners, each, len(ledger.ids)).astype(np.float64)
