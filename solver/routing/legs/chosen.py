"""The fills of a program with a choice: searched in floats, then in whole lots, or why none are."""

from collections import Counter

import numpy as np

from solver.domain.account import Account
from solver.domain.errors import Infeasible
from solver.domain.numbers import WAD
from solver.domain.program import Program
from solver.domain.route import Fill, Solution
from solver.domain.snapshot import Snapshot
from solver.routing.legs.columns import Table, table_of
from solver.routing.legs.elastic import refused
from solver.routing.legs.menu import Floats, Found, Menu
from solver.routing.legs.search import Search
from solver.routing.legs.whole import in_lots
from solver.routing.lots import Ground
from solver.routing.rounding import LOT


def chosen_fills(
    program: Program, snapshot: Snapshot, account: Account, draft: Solution, ground: Ground
) -> tuple[tuple[Fill, ...], dict[str, int]]:
    """Returns the fills and the multipliers of a bound on all; `draft` is the plan without fills.

    Raises Infeasible `limitsClash` with what clashes and by how much each must give, `legQuantity`
    when only whole lots are in the way.
    """
    table = table_of(program, snapshot, account, draft, ground)
    for _ in range(2):
        found = Search(table.menu).found() if table.runs else None
        if found is None:
            raise refused(program, table)
        whole = in_lots(table.menu, found, LOT / WAD)
        if whole is None:
            detail = "no whole lots near the best fills keep every limit"
            raise Infeasible(detail, code="legQuantity")
        fills = _fills(table, whole.units)
        against = _against(fills)
        if not against:
            return fills, _prices(table, found, 10**snapshot.settlement_token.decimals)
        table = _without(table, against)  # the contract takes one side a leg
    raise Infeasible("a leg would be bought and sold at once")


def _prices(table: Table, found: Found, atoms: int) -> dict[str, int]:
    """Returns the multipliers of the relaxation's rows, atoms per unit, 1e18, as the checker names
    them; rows it does not price are left out.
    """
    out = {}
    for row, price in zip(table.rows, found.prices, strict=True):
        amount = int(abs(price) * atoms * WAD)
        if not amount or row.name in ("slippage", "netCost"):
            continue
        is_scenario = row.name.startswith("scenario")
        out[row.name if is_scenario else f"{row.name}:{'min' if price > 0 else 'max'}"] = amount
    return out


def _fills(table: Table, units: Floats) -> tuple[Fill, ...]:
    fills = []
    for column in np.flatnonzero(units > 0):
        (exposure, ladder, sign, _), level = table.level(int(column))
        quantity = sign * round(float(units[column]) * WAD / LOT) * LOT
        fills.append(
            Fill(
                exposure.leg, ladder.instrument, quantity, level.price, ladder.maker,
                level.quote_index,
            )
        )  # fmt: skip
    return tuple(fills)


def _against(fills: tuple[Fill, ...]) -> set[tuple[int, bool]]:
    """Returns (leg, is bought) of the smaller side of each leg that has both."""
    moved: Counter[tuple[int, bool]] = Counter()
    for fill in fills:
        moved[fill.leg, fill.quantity > 0] += abs(fill.quantity)
    both = {leg for leg, is_bought in moved if moved[leg, not is_bought]}
    return {(leg, moved[leg, True] < moved[leg, False]) for leg in both}


def _without(table: Table, against: set[tuple[int, bool]]) -> Table:
    """Returns the table with nothing to take on those sides of those legs."""
    shut = np.array([(run.exposure.leg, run.sign > 0) in against for run in table.runs])
    is_shut = shut[table.menu.run]
    menu: Menu = table.menu._replace(size=np.where(is_shut, 0.0, table.menu.size))
    return table._replace(menu=menu)
