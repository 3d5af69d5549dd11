"""A risk grid as bytes and back: a replay reads what was decided on, and prices nothing.

JSON of plain numbers; its hash is the grid's own, so what was changed in between is found.
"""

import json
from typing import Any

import numpy as np

from solver.domain.errors import Malformed
from solver.margin.portfolio.grid import Column, MarketGrid, RiskGrid, Series
from solver.margin.portfolio.parameters import Charge, Discount, Parameters, Skew, Tail
from solver.margin.portfolio.shocks import Shock, Shocks


def encode(grid: RiskGrid) -> bytes:
    """Returns the grid as canonical JSON, its hash first."""
    told = {
        "hash": grid.hash.hex(),
        "parameters": grid.parameters,
        "settlementPrice": grid.settlement_price,
        "decimals": grid.decimals,
        "markets": [
            {
                "number": m.number,
                "symbol": m.symbol,
                "price": m.price,
                "shocks": m.shocks,
                "series": m.series,
                "columns": m.columns,
                "values": m.values.tolist(),
                "daily": m.daily,
                "depth": m.depth,
            }
            for m in grid.markets
        ],
    }
    return json.dumps(told, separators=(",", ":")).encode()


def decode(stored: bytes) -> RiskGrid:
    """Returns the grid. Raises Malformed where the bytes are not one, or not the one hashed."""
    try:
        told = json.loads(stored)
        grid = RiskGrid(
            tuple(_market(one) for one in told["markets"]),
            _parameters(told["parameters"]),
            int(told["settlementPrice"]),
            int(told["decimals"]),
        )
        digest = str(told["hash"])
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise Malformed(f"not a risk grid: {error}", field="grid") from None
    if grid.hash.hex() != digest:
        raise Malformed("the risk grid is not what was hashed", field="grid")
    return grid


def _market(told: dict[str, Any]) -> MarketGrid:
    held, fresh = ([Shock(*row) for row in rows] for rows in told["shocks"])
    columns = tuple(_column(column) for column in told["columns"])
    values = np.array(told["values"], dtype=np.int64).reshape(len(columns), -1)
    return MarketGrid(
        told["number"],
        told["symbol"],
        told["price"],
        Shocks(tuple(held), tuple(fresh)),
        tuple(Series(*series) for series in told["series"]),
        columns,
        values,
        told["daily"],
        told["depth"],
    )


def _column(told: list[Any]) -> Column:
    column = Column(*told)
    return column._replace(charge=Charge(*column.charge))


def _parameters(told: list[Any]) -> Parameters:
    found = Parameters(*told)
    return found._replace(
        tails=tuple(Tail(*tail) for tail in found.tails),
        linear=Skew(*found.linear),
        absolute=Skew(*found.absolute),
        asset=Discount(*found.asset),
        debt=Discount(*found.debt),
        perp=Charge(*found.perp),
        naked=Charge(*found.naked),
        base=Charge(*found.base),
    )
