"""The crash windows that are replayed, and each as a stage: its path and what was in force then."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.stress.candles import finest
from solver.domain.calendar import DAY, seconds_of_day
from solver.domain.errors import Infeasible, NotFound
from solver.domain.risk import MarketRisk
from solver.margin.contagion import Candles, Stage, path_of
from solver.margin.contagion.paths import TICK_SECONDS, Floats, flat
from solver.margin.predictive import days_of, estimate
from solver.margin.predictive.ranges import DEFAULT

HOUR = 3_600
STORM_TICKS = 120
SYMBOLS = ("BTC", "ETH")
CALM_TICKS = 120
AROUND_TICKS = 10


class Window(NamedTuple):
    """A crash by name: its first hour (UTC, from midnight of the day named) and how many."""

    name: str
    first: int
    hours: int

    @property
    def span(self) -> tuple[int, int]:
        """Unix seconds, end excluded."""
        begin = seconds_of_day(self.name.replace("-", "")) + self.first * HOUR
        return begin, begin + self.hours * HOUR


# Around the worst hours of RISK's windows. Nobody recorded 2025-10-10 here: it is told as missing.
WINDOWS = (
    Window("2020-03-12", 8, 18),
    Window("2021-05-19", 8, 8),
    Window("2022-11-08", 15, 8),
    Window("2024-08-05", -3, 11),
    Window("2025-10-10", 16, 12),
)


def stage_of(window: Window, found: Sequence[Candles], seed: int) -> Stage:
    """Returns the stage of a window. Raises Infeasible `windowNotCovered` where the files do not
    hold the whole window for every symbol."""
    begin, end = window.span
    columns, seconds = [], []
    for market, symbol in enumerate(SYMBOLS):
        candles = finest(found, symbol, begin, end)
        if candles is None:
            detail = f"no file holds {window.name} of {symbol} whole"
            raise Infeasible(detail, code="windowNotCovered")
        columns.append(path_of(candles, begin, end, seed + market))
        seconds.append(candles.seconds)
    path = np.stack(columns, axis=1)
    storm = _storm(path)
    at = begin + storm[0] * TICK_SECONDS
    before = [_estimate(found, symbol, begin) for symbol in SYMBOLS]
    later = [_estimate(found, symbol, at + DAY) for symbol in SYMBOLS]
    return Stage(
        window.name,
        SYMBOLS,
        path,
        begin,
        tuple(risk for risk, _ in before),
        tuple(risk for risk, _ in later),
        tuple(charge for _, charge in later),
        storm,
    )


def storm_of(stage: Stage) -> Stage:
    """Returns the storm of a stage and ten minutes before and after it."""
    first, last = stage.storm
    begin = max(first - AROUND_TICKS, 0)
    path = stage.path[begin : last + AROUND_TICKS]
    start = stage.start + begin * TICK_SECONDS
    return stage._replace(path=path, start=start, storm=(first - begin, last - begin))


def calm_of(stage: Stage, seed: int) -> Stage:
    """Returns the stage with its first prices for up to two hours: whatever happens on it comes of
    the fault alone."""
    first, ticks = stage.path[0], min(CALM_TICKS, len(stage.path))
    columns = [flat(float(price), ticks, seed + m) for m, price in enumerate(first)]
    path = np.stack(columns, axis=1)
    return stage._replace(name=f"{stage.name}, prices held", path=path, storm=(ticks // 6, ticks))


def chosen(names: Sequence[str]) -> tuple[Window, ...]:
    """Returns the windows of these names, all for none. Raises NotFound for another name."""
    known = {window.name: window for window in WINDOWS}
    if unknown := [name for name in names if name not in known]:
        detail = f"{unknown[0]!r} is no window: {', '.join(known)}"
        raise NotFound(detail, code="windowUnknown", field="window")
    return tuple(known[name] for name in names) or WINDOWS


def _storm(path: Floats) -> tuple[int, int]:
    """Returns the two hours that fall most, by the market that falls most."""
    logs = np.log(path)
    ticks = min(STORM_TICKS, len(path) - 1)
    falls = (logs[ticks:] - logs[:-ticks]).min(axis=1)
    first = int(np.argmin(falls))
    return first, first + ticks


def _estimate(found: Sequence[Candles], symbol: str, until: int) -> tuple[MarketRisk, int]:
    """Returns parameters and charge (ppm) fitted to the hours before, the defaults where too little
    is recorded; the day of a crash is in the estimate that is issued in it."""
    hourly = [each for each in found if each.symbol == symbol and each.seconds == HOUR]
    times = np.concatenate([each.times for each in hourly]) if hourly else np.empty(0, np.int64)
    closes = np.concatenate([each.prices[:, 3] for each in hourly]) if hourly else np.empty(0)
    known = times < until
    try:
        if not known.any():
            raise Infeasible("no hours", code="historyTooShort")
        made = estimate(days_of(times[known], closes[known]), None, version=f"until {until}")
    except Infeasible:
        return DEFAULT, DEFAULT.spot_initial
    return made.risk, made.charge
