"""One market's predictive margin, day after day, each said from the days before it and then judged.

Nothing here is fitted to the result: the charge of a day is what `solvent risk fit` would have put
in force that morning.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from adapters.bars import Bars
from solver.domain.calendar import DAY, rfc3339, seconds_of_day
from solver.domain.errors import Infeasible
from solver.margin.predictive import Charges, Days, charges, days_of, peer
from solver.margin.predictive.coverage import Check, Coverage, judge, judge_step, step_response
from solver.margin.predictive.days import Floats
from solver.margin.predictive.variance import fit

FIRST_DAY = 800  # of history: the first of them only teach
JUDGED_DAYS_MIN = 250
# Crash days whose ratio is told whether they breached or not; 2020-03-12 no one-day model covered.
STRESS_DAYS = (
    "2018-11-19", "2020-03-12", "2021-05-19", "2022-05-09", "2022-06-13", "2022-11-08",
    "2022-11-09", "2024-08-05", "2025-10-10",
)  # fmt: skip


class Stress(NamedTuple):
    """A crash day, or one that breached: the size of its move and the charge it met."""

    day: str
    move: float
    charge: float

    @property
    def ratio(self) -> float:
        """|r| / C: more than 1 was not covered."""
        return self.move / self.charge


class Backtest(NamedTuple):
    """One market, or its implied volatility. `first` is the index of the first day judged."""

    name: str
    days: Days
    charges: Charges
    peer: Floats
    response: Floats
    first: int
    coverage: Coverage
    stress: tuple[Stress, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """The whole acceptance table."""
        return (*self.coverage.checks, *judge_step(self.response))

    @property
    def passed(self) -> bool:
        """True when every line of the table passed."""
        return all(check.passed for check in self.checks)

    @property
    def span(self) -> tuple[str, str]:
        """First and last day judged."""
        return _name(int(self.days.number[self.first])), _name(int(self.days.number[-1]))


def backtest(bars: Bars, since: str | None = None) -> Backtest:
    """Returns the walk-forward of one history, judged from `since` (a date) or its 800th day on.

    Raises Infeasible when less than 250 days are left to judge.
    """
    days = days_of(bars.times, bars.closes)
    first = first_judged(days, since)
    if len(days.number) - first < JUDGED_DAYS_MIN:
        detail = f"{bars.symbol} has {len(days.number)} days: {first + JUDGED_DAYS_MIN} are needed"
        raise Infeasible(detail, code="historyTooShort")
    found, plain = charges(days), peer(days)
    judged = slice(first, len(days.number))
    coverage = judge(days.returns[judged], found.charge[judged], plain[judged])
    name = f"{bars.symbol} volatility" if bars.is_volatility else bars.symbol
    return Backtest(
        name=name,
        days=days,
        charges=found,
        peer=plain,
        response=step_response(fit(days)),
        first=first,
        coverage=coverage,
        stress=tuple(_stress(days, found.charge, first)),
    )


def first_judged(days: Days, since: str | None) -> int:
    """Returns the index of the first day judged: that of `since`, but no earlier than the 800th."""
    if since is None:
        return FIRST_DAY
    wanted = seconds_of_day(since.replace("-", "")) // DAY
    return max(FIRST_DAY, int(np.searchsorted(days.number, wanted)))


def _stress(days: Days, charge: Floats, first: int) -> Iterable[Stress]:
    """Yields the days of STRESS_DAYS that are judged and every day that breached, in order."""
    for at in range(first, len(days.number)):
        day, move = _name(int(days.number[at])), abs(float(days.returns[at]))
        if day in STRESS_DAYS or move > charge[at]:
            yield Stress(day, move, float(charge[at]))


def _name(number: int) -> str:
    return rfc3339(number * DAY)[:10]
