"""What an account must hold, by either engine: the one function that everybody asks.

SIMPLE needs no one's word but the price feed and equals the contract to the atom. PORTFOLIO
revalues the whole account in scenarios on a grid of 1e-8. Both answer in settlement atoms,
requirements up and equity down, by integers only.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from solver.domain.account import PORTFOLIO, SIMPLE, Account, Position
from solver.domain.calendar import day_of
from solver.domain.errors import Malformed, Refused
from solver.domain.instrument import Instrument
from solver.domain.snapshot import Snapshot
from solver.margin.portfolio.decide import BASIS, atoms_down, atoms_up, charged, sums
from solver.margin.portfolio.grid import RiskGrid, risk_grid
from solver.margin.simple import figures
from solver.pricing.marks import underlying_of

ENGINES = (SIMPLE, PORTFOLIO)
ORDERS_MAX = 8  # 256 outcomes, each judged whole


class Row(NamedTuple):
    """What one scenario wins, settlement atoms, down."""

    name: str
    pnl: int


class Requirement(NamedTuple):
    """Settlement atoms. Equity is rounded down, requirements up: equity - initial is IM_net.

    `worst` names the row that decides (PORTFOLIO: of the market that may lose most), or the part
    that asks for most (SIMPLE). Rows are "ETH -18% up"; the first ones, and the basis, are what
    maintenance counts. `parts` are named charges of the initial requirement that no row holds:
    under SIMPLE all of it, by perp, base or expiry.
    """

    engine: str
    equity: int
    initial: int
    maintenance: int
    worst: str
    rows: tuple[Row, ...] = ()
    parts: tuple[tuple[str, int], ...] = ()


class Order(NamedTuple):
    """An open intent as margin sees it, filled whole or not at all: signed quantities by packed id
    (as positions hold them), and what it pays or costs (negative), settlement atoms."""

    uid: str
    fills: tuple[tuple[int, int], ...]
    cash: int = 0


def requirement(
    account: Account, snapshot: Snapshot, engine: str = SIMPLE, *, grid: RiskGrid | None = None
) -> Requirement:
    """Returns what the account must hold, and why.

    `grid` spares PORTFOLIO the pricing: the same answer from a grid of the same snapshot that has
    all instruments held. Raises NotFound for a market outside the snapshot (or an instrument
    outside the grid), Malformed for another engine.
    """
    if engine == SIMPLE:
        return _simple(account, snapshot)
    if engine != PORTFOLIO:
        raise Malformed(f"{engine[:20]!r} is no margin engine", field="engine")
    if grid is None:
        grid = risk_grid((p.instrument for p in account.positions), snapshot)
    return _portfolio(account, grid)


def with_orders(
    account: Account,
    orders: Sequence[Order],
    snapshot: Snapshot,
    engine: str = SIMPLE,
    *,
    grid: RiskGrid | None = None,
) -> Requirement:
    """Returns the requirement at the worst of what may be filled: least equity above the initial
    requirement, then the higher requirement. Every combination is tried, for under SIMPLE two
    orders may together cost more than both alone.

    Raises Refused `tooManyOrders` beyond ORDERS_MAX, else as `requirement`.
    """
    if len(orders) > ORDERS_MAX:
        raise Refused(
            f"margin counts at most {ORDERS_MAX} open orders together",
            code="tooManyOrders",
            data={"orders": len(orders), "limit": ORDERS_MAX},
        )
    if engine == PORTFOLIO and grid is None:
        held = [position.instrument for position in account.positions]
        grid = risk_grid(held + [i for order in orders for i, _ in order.fills], snapshot)
    outcomes = (
        requirement(filled(account, chosen), snapshot, engine, grid=grid)
        for count in range(len(orders) + 1)
        for chosen in combinations(orders, count)
    )
    return min(outcomes, key=lambda found: (found.equity - found.initial, -found.initial))


def filled(account: Account, orders: Iterable[Order]) -> Account:
    """Returns the account after the orders; quantities of zero leave no position."""
    held = {position.instrument: position.quantity for position in account.positions}
    cash = account.cash
    for order in orders:
        cash += order.cash
        for instrument, quantity in order.fills:
            held[instrument] = held.get(instrument, 0) + quantity
    positions = tuple(Position(i, q) for i, q in held.items() if q)
    return account._replace(cash=cash, positions=positions)


def _portfolio(account: Account, grid: RiskGrid) -> Requirement:
    found = sums(account.positions, grid)
    rows, parts, worst = [], [], (0, "")
    for m, one in found.markets:
        market = grid.markets[m]
        shocks = market.shocks.rows
        names = [f"{market.symbol} {shock.name}" for shock in shocks]
        rows += [Row(n, atoms_down(won, grid)) for n, won in zip(names, one.rows, strict=True)]
        basis = f"{market.symbol} {BASIS}"
        rows.append(Row(basis, atoms_down(one.basis, grid)))
        loss, index = one.worst(len(shocks))
        worst = min(worst, (loss, basis if index < 0 else names[index]))
        parts += [(f"{market.symbol} {name}", charge) for name, charge in charged(one.charges)]
    if found.initial == found.floor > 0:
        parts.append(("floor", found.floor))
    if found.credit:
        parts.append(("correlation", -found.credit))
    return Requirement(
        PORTFOLIO,
        account.cash + atoms_down(found.equity, grid),
        atoms_up(found.initial, grid),
        atoms_up(found.maintenance, grid),
        worst[1],
        tuple(rows),
        tuple((name, atoms_up(charge, grid)) for name, charge in parts),
    )


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
