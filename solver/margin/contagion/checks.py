"""What a replay must show: RISK.md 2.9 as a table of figures and bounds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from solver.margin.contagion.crowding import Crowding
from solver.margin.contagion.replay import Outcome

DEBT_FACTOR = 1.5
REMARGIN_SECONDS = 0.1
BUCKET_SHARE_MAX = 0.1


class Check(NamedTuple):
    """One figure and the most that it may be. A goal may be missed and is told as missed; whatever
    else fails is a defect."""

    name: str
    value: float
    bound: float
    unit: str = ""
    is_goal: bool = False

    @property
    def passed(self) -> bool:
        return self.value <= self.bound


def checks(
    outcomes: Sequence[Outcome],
    baselines: Mapping[str, Outcome],
    alone: Sequence[Outcome],
    crowd: Crowding,
) -> tuple[Check, ...]:
    """Returns the table of one window. `outcomes` are its replays, `baselines` those that close all
    at once, by fault, and `alone` those of a fault at prices that do not move."""
    ticks = sum(len(each.ticks) for each in outcomes)
    rows = [
        Check("ticks whose sums differ by an atom", ticks - sum(e.audited for e in outcomes), 0),
        Check("debts without fund or deleveraging", sum(e.pending for e in outcomes), 0, "$"),
        Check(
            "deleveraging beside what was missing", sum(e.misraised for e in outcomes), 0, "atoms"
        ),
    ]
    rows += [
        Check(f"liquidated by {each.faults.name} alone", len(each.liquidated), 0) for each in alone
    ]
    slowest = max((each.seconds for each in outcomes), default=0.0)
    rows.append(Check("slowest re-margining", 1000 * slowest, 1000 * REMARGIN_SECONDS, "ms"))
    rows.append(
        Check(
            "fullest 0.5 % of liquidations", 100 * crowd.largest, 100 * BUCKET_SHARE_MAX, "% of OI"
        )
    )
    for each in outcomes:
        peer = baselines.get(each.faults.name)
        if peer is not None:
            name = f"bad debt, {each.faults.name}: 1.5 x closing at once"
            bound = DEBT_FACTOR * peer.bad_debt
            rows.append(Check(name, each.bad_debt, bound, "$", is_goal=True))
    return tuple(rows)
