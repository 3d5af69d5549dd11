"""An account in floats for the cure: PORTFOLIO as its grid says it, SIMPLE by its sufficient views.

What the program must satisfy is never looser than the integers where it could matter, but for the
last digit: a worth of two kinds is taken at its present one (|P&L| of a skew by its present sign,
the better of SIMPLE's two views of an expiry as it is now).
"""

from collections.abc import Sequence

import numpy as np

from solver.domain.account import Account
from solver.domain.instrument import ASIAN_KINDS, Instrument, Kind
from solver.domain.numbers import PPM, WAD
from solver.domain.snapshot import Snapshot
from solver.margin.cure.convex import Bound, Floats, Frame, Group, Whole, group, magnitudes
from solver.margin.portfolio.grid import EXTRA_ROWS, NO_SERIES, STEP, MarketGrid, RiskGrid
from solver.margin.simple import figures
from solver.margin.simple.rules import (
    NAKED_MAINTENANCE_PERCENT,
    ShortUnit,
    asian_unit,
    short_unit,
    time_value,
)
from solver.pricing.marks import underlying_of

EUROPEAN = (Kind.CALL, Kind.PUT)
Ask = tuple[float, float]  # weight of equity's groups, and of the requirement's, in one bound
ALONE: list[Ask] = [(1.0, 0.0), (0.0, 1.0)]  # of `_alone`


def portfolio_frame(
    account: Account, columns: Sequence[int], grid: RiskGrid, drift: Floats, room: float
) -> Frame:
    """Returns the frame of packed ids `columns`, all that is held among them. `drift` is by column
    what the next minute may do to a unit: E >= (1 + room) MMR and E >= MMR + |drift . q|."""
    places = [grid.place(column) for column in columns]
    held, worth = np.zeros(len(columns)), np.zeros(len(columns))
    for index, (market, column) in enumerate(places):
        one = grid.markets[market].columns[column]
        quantity = account.quantity(columns[index])
        held[index] = quantity * one.unit / WAD
        worth[index] = (one.mark_long if quantity >= 0 else one.mark_short) / WAD
    groups: list[Group] = []
    weights: list[float] = []
    factor = grid.parameters.maintenance_factor / WAD
    for number, market_grid in enumerate(grid.markets):
        where = np.array([i for i, (m, _) in enumerate(places) if m == number], dtype=np.intp)
        if len(where):
            inside = [places[i][1] for i in where]
            groups += _market(market_grid, inside, grid, where, held)
            weights += [factor, 1.0, 1.0]
    groups.append(_drifting(drift, columns))
    asked = np.array([*weights, 0.0])
    bounds = (Bound((1 + room) * asked), Bound(np.append(asked[:-1], 1.0)))
    return Frame(held, worth, account.cash / 10**grid.decimals, tuple(groups), bounds)


def _market(
    market: MarketGrid, inside: Sequence[int], grid: RiskGrid, where: Whole, held: Floats
) -> list[Group]:
    """Returns the groups of scenarios with the basis, of perps and base, of naked strikes."""
    columns = [market.columns[i] for i in inside]
    values = np.array([market.values[i] for i in inside]) / STEP
    series = np.array([column.series for column in columns])
    asset = np.array([_factor(market, s, "asset") for s in series])[:, None]
    debt = np.array([_factor(market, s, "debt") for s in series])[:, None]
    basis = np.array([_factor(market, s, "basis", 0) for s in series])
    now, up, down = (values[:, [place - EXTRA_ROWS]] for place in range(EXTRA_ROWS))
    shocks = market.shocks.maintenance
    moved = values[:, : len(shocks)]
    losses = np.stack([now - asset * moved, now - debt * moved, now - asset * moved])
    here = held[where]
    for row, shock in enumerate(shocks):
        if shock.skew:
            totals = np.array([here[series == s] @ moved[series == s, row] for s in series])
            counted = np.where(totals >= 0, asset[:, 0], debt[:, 0])
            losses[2, :, row] = counted * moved[:, row] - now[:, 0]
    losses *= np.array([shock.damp / WAD for shock in shocks])
    contingency = np.stack(
        [(now - up)[:, 0] * basis, (now - down)[:, 0] * basis, np.zeros(len(columns))]
    )
    pieces = np.concatenate([losses, contingency[:, :, None]], axis=2).transpose(0, 2, 1)
    charges = np.array([column.charge.maintenance / WAD for column in columns])
    rate = market.price / WAD * grid.parameters.naked.maintenance / WAD
    is_option = series != NO_SERIES
    names = {(c.series, c.strike): n for n, c in enumerate(columns)}
    strikes = [names[c.series, c.strike] for c in columns]
    naked = np.stack([-rate * is_option, np.zeros(len(columns))])[:, None, :]
    total = len(held)
    return [
        group(pieces, series, where, total),
        magnitudes(charges, where, total),
        group(naked, strikes, where, total),
    ]


def _factor(market: MarketGrid, series: int, name: str, linear: float = 1.0) -> float:
    return linear if series == NO_SERIES else float(getattr(market.series[series], name)) / WAD


def is_framed(instrument: Instrument, time: int) -> bool:
    """Returns whether SIMPLE's frame has a column for it; everything else is constant."""
    return instrument.kind is Kind.PERP or (instrument.is_option and instrument.expiry > time)


def simple_frame(
    account: Account, columns: Sequence[int], snapshot: Snapshot, drift: Floats, room: float
) -> Frame:
    """As `portfolio_frame` by SIMPLE, of columns that are framed. What is not among them is
    constant; long options add nothing, so that selling one adds what it brings."""
    unit = 10**snapshot.settlement_token.decimals
    instruments = [Instrument.unpack(column) for column in columns]
    held = np.array([account.quantity(column) / WAD for column in columns])
    worth = np.zeros(len(columns))
    charges = np.zeros(len(columns))
    groups: list[Group] = []
    asks: list[Ask] = []
    others = tuple(p for p in account.positions if p.instrument not in columns)
    rest = figures(account._replace(positions=others), snapshot)
    for index, instrument in enumerate(instruments):
        if instrument.kind is Kind.PERP:
            market = underlying_of(instrument, snapshot)
            worth[index] = (market.price - market.funding_index) / WAD
            charges[index] = market.price / WAD * market.perp_maintenance_ppm / PPM
    for key in sorted({i[:1] + i[2:3] for i in instruments if i.kind in EUROPEAN}):
        where = np.array(
            [
                n
                for n, i in enumerate(instruments)
                if (i.market, i.expiry) == key and i.kind in EUROPEAN
            ]
        )
        found, asked = _series([instruments[n] for n in where], where, held, snapshot)
        groups += found
        asks += asked
    where = np.array([n for n, i in enumerate(instruments) if i.kind in ASIAN_KINDS], dtype=np.intp)
    if len(where):
        units = [_asian_unit(instruments[n], snapshot) for n in where]
        groups += _alone(units, where, len(columns))
        asks += ALONE
    groups += [
        magnitudes(charges, np.arange(len(columns)), len(columns)),
        _drifting(drift, columns),
    ]
    asks += [(0.0, 1.0), (0.0, 0.0)]
    equity, required = (np.array(column) for column in zip(*asks, strict=True))
    lone = equity + required
    lone[-1] = 1.0
    cash = (rest.equity - (1 + room) * (rest.equity - rest.maintenance)) / unit
    return Frame(
        held, worth, cash, tuple(groups), (Bound(equity + (1 + room) * required), Bound(lone))
    )


def _series(
    options: Sequence[Instrument], where: Whole, held: Floats, snapshot: Snapshot
) -> tuple[list[Group], list[Ask]]:
    """Every short alone, or the worst payoff with naked calls: which one counts is decided now."""
    market = underlying_of(options[0], snapshot)
    price, total = market.price / WAD, len(held)
    flat = time_value(market.price, market.sigma_cap_ppm, options[0].expiry - snapshot.time)
    units = [short_unit(option, market.price, flat) for option in options]
    prices = [0.0, *(option.strike / WAD for option in options)]
    is_call = np.array([option.kind is Kind.CALL for option in options])
    strikes = np.array([option.strike / WAD for option in options])
    payoffs = np.array([np.where(is_call, p - strikes, strikes - p).clip(0) for p in prices])
    whole = np.zeros(len(options))
    naked = np.stack([-price * is_call, whole])[:, None, :]
    together = [
        group(-payoffs[None], [0] * len(options), where, total),
        group(naked, [0] * len(options), where, total),
    ]
    charge = NAKED_MAINTENANCE_PERCENT / 100 - 1
    ways: tuple[tuple[list[Group], list[Ask]], ...] = (
        (_alone(units, where, total), ALONE),
        (together, [(1.0, 0.0), (1.0, charge)]),
    )

    def asked(way: tuple[list[Group], list[Ask]], *parts: int) -> float:
        rows = zip(*way, strict=True)
        return sum(sum(ask[part] for part in parts) * each.value(held) for each, ask in rows)

    groups, asks = best = min(ways, key=lambda way: asked(way, 0, 1))
    if asked(best, 0) <= min(asked(way, 0) for way in ways):
        return best
    # Equity is counted the other way: then E - (1 + b) MMR = (1 + b) MM_net - b E is at least the
    # first term, for options' equity is never above 0 here.
    return groups, [(0.0, equity + required) for equity, required in asks]


def _asian_unit(instrument: Instrument, snapshot: Snapshot) -> ShortUnit:
    market = underlying_of(instrument, snapshot)
    fixing = market.fixing_of(instrument.expiry)
    unit = asian_unit(instrument, fixing, market.price, market.sigma_cap_ppm, snapshot.time)
    return unit.short


def _alone(units: Sequence[ShortUnit], where: Whole, total: int) -> list[Group]:
    """Returns what shorts are marked at, and what they require beyond it."""
    marks = np.array([unit.mark / WAD for unit in units])
    kept = np.array([unit.maintenance / WAD for unit in units]) - marks
    return [_shorts(marks, where, total), _shorts(kept, where, total)]


def _shorts(weights: Floats, where: Whole, total: int) -> Group:
    pieces = np.stack([-weights, np.zeros(len(weights))])[:, None, :]
    return group(pieces, range(len(weights)), where, total)


def _drifting(drift: Floats, columns: Sequence[int]) -> Group:
    """Returns the sum over markets of |drift . q|: no market makes up for another."""
    markets = [column >> 144 for column in columns]
    return group(np.stack([drift, -drift])[:, None, :], markets, np.arange(len(drift)), len(drift))
