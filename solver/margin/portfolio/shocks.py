"""The scenario rows of one market: where the price is put, and what volatility does there.

23 regular rows over the spot range R, tails beyond it, and two tilts of the smile. Where initial
margin has a wider range than maintenance, its own rows follow: it then counts both, so that no
position needs more to be kept than to be opened.
"""

from functools import lru_cache
from typing import NamedTuple

from solver.domain.numbers import PPM, WAD, format_decimal
from solver.domain.risk import MarketRisk
from solver.margin.portfolio.parameters import Parameters

UP, NONE, DOWN = 1, 0, -1
LINEAR, ABSOLUTE = "linear", "absolute"
_WAYS = {UP: "up", NONE: "same", DOWN: "down"}
_QUARTERS = (3, 2, 1, 0, -1, -2, -3)


class Shock(NamedTuple):
    """Spot at a multiple of itself (1e18), volatility up, down or the same, or the smile tilted;
    `damp` (1e18) of the result counts."""

    name: str
    spot: int
    vol: int = NONE
    damp: int = WAD
    skew: str = ""


class Shocks(NamedTuple):
    """The rows of maintenance margin, and those that initial margin alone also counts."""

    maintenance: tuple[Shock, ...]
    initial: tuple[Shock, ...] = ()

    @property
    def rows(self) -> tuple[Shock, ...]:
        return self.maintenance + self.initial


@lru_cache(maxsize=64)
def shocks(risk: MarketRisk, parameters: Parameters) -> Shocks:
    """Returns 23 regular rows, the tails and the two skews; rows of the initial range where it is
    another."""
    tails = tuple(
        Shock(f"x{format_decimal(tail.spot)} up", tail.spot, UP, tail.damp)
        for tail in parameters.tails
    )
    skews = tuple(Shock(f"skew {skew}", WAD, skew=skew) for skew in (LINEAR, ABSOLUTE))
    held = (*regular(risk.spot_maintenance), *tails, *skews)
    if risk.spot_initial == risk.spot_maintenance:
        return Shocks(held)
    fresh = regular(risk.spot_initial)
    return Shocks(held, tuple(row for row in fresh if row.spot != WAD))


def regular(spot_ppm: int) -> tuple[Shock, ...]:
    """Returns quarters of the range by volatility up, same and down, and the ends with it up."""
    rows = [_row(4 * spot_ppm, UP)]
    for quarters in _QUARTERS:
        rows += [_row(quarters * spot_ppm, way) for way in (UP, NONE, DOWN)]
    return (*rows, _row(-4 * spot_ppm, UP))


def _row(quarters_ppm: int, way: int) -> Shock:
    """`quarters_ppm` is four times the move: a quarter of a whole ppm is exact in 1e18."""
    move = quarters_ppm * (WAD // PPM) // 4
    sign = "+" if move > 0 else ""
    return Shock(f"{sign}{format_decimal(move * 100)}% {_WAYS[way]}", WAD + move, way)
