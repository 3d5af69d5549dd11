"""What an account must hold, by either engine: the one function that everybody asks.

SIMPLE needs no one's word but the price feed and equals the contract to the atom. PORTFOLIO
revalues the whole account in scenarios on a grid of 1e-8. Both answer in settlement atoms,
requirements up and equity down, by integers only.
"""

from typing import NamedTuple

from solver.domain.account import Account, Position
from solver.domain.calendar import day_of
from solver.domain.errors import Malformed
from solver.domain.instrument import Instrument
from solver.domain.snapshot import Snapshot
from solver.margin.simple import figures
from solver.pricing.marks import underlying_of

SIMPLE, PORTFOLIO = "simple", "portfolio"
ENGINES = (SIMPLE, PORTFOLIO)


class Row(NamedTuple):
    """What one scenario wins, settlement atoms, down."""

    name: str
    pnl: int


class Requirement(NamedTuple):
    """Settlement atoms. Equity is rounded down, requirements up: equity - initial is IM_net.

    `worst` names the row that decides (PORTFOLIO), or the part that asks for most (SIMPLE).
    `parts` are named charges of the initial requirement that no row holds: under SIMPLE all of it,
    by perp, base or expiry.
    """

    engine: str
    equity: int
    initial: int
    maintenance: int
    worst: str
    rows: tuple[Row, ...] = ()
    parts: tuple[tuple[str, int], ...] = ()


def requirement(account: Account, snapshot: Snapshot, engine: str = SIMPLE) -> Requirement:
    """Returns what the account must hold, and why. Raises NotFound for a market outside the
    snapshot, Malformed for another engine."""
    if engine != SIMPLE:
        raise Malformed(f"{engine[:20]!r} is no margin engine", field="engine")
    return _simple(account, snapshot)


def _simple(account: Account, snapshot: Snapshot) -> Requirement:
    found = figures(account, snapshot)
    parts = _simple_parts(account, snapshot)
    worst = max(parts, key=lambda part: part[1], default=("", 0))[0]
    maintenance = found.equity - found.maintenance
    return Requirement(
        SIMPLE, found.equity, found.requirement, maintenance, worst, parts=tuple(parts)
    )


def _simple_parts(account: Account, snapshot: Snapshot) -> list[tuple[str, int]]:
    """Returns the initial requirement of each perp, base and expiry alone: SIMPLE is their sum."""
    groups: dict[tuple[int, int, int], list[Position]] = {}
    for position in account.positions:
        instrument = Instrument.unpack(position.instrument)
        kind = -1 if instrument.is_option else int(instrument.kind)
        groups.setdefault((instrument.market, kind, instrument.expiry), []).append(position)
    parts = []
    for key in sorted(groups):
        instrument = Instrument.unpack(groups[key][0].instrument)
        symbol = underlying_of(instrument, snapshot).symbol
        what = day_of(instrument.expiry) if instrument.is_option else instrument.kind.name
        alone = Account(account.id, positions=tuple(groups[key]))
        parts.append((f"{symbol}-{what}", figures(alone, snapshot).requirement))
    return parts
