"""One window under every fault, beside the baselines and the faults alone at prices that hold."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from app.stress.windows import Window, calm_of, stage_of, storm_of
from solver.margin.contagion import (
    AUCTION,
    CLOSE,
    Candles,
    Check,
    Clock,
    Crowding,
    Faults,
    Outcome,
    Population,
    Stage,
    World,
    checks,
    crowding,
    populated,
    replay,
)

NONE = Faults("none")
FAULTS = (
    NONE,
    Faults("impact x2", impact=24.0),
    Faults("depth to 2 %", depth=0.02),
    Faults("oracle not behind", lag=0),
    Faults("oracle 3 ticks behind", lag=3),
    Faults("gas x100", gas=100.0),
    Faults("one venue down", is_venue_down=True),
    Faults("stable -3 % on one venue", depeg=0.03),
    Faults("stable -35 % on one venue", depeg=0.35),
    Faults("vol x1.6", vol=1.6),
    Faults("re-estimate", is_reestimated=True),
)
AUCTION_ALONE = Faults("auction alone", policy=AUCTION)
HARMLESS = FAULTS[-4], FAULTS[-3], FAULTS[-1]  # alone they liquidate nobody
COMPARED = FAULTS[:3]  # with closing everything at once: what else moves no price has the same
Tell = Callable[[str, int], None]  # what is being done, and of how many ticks one more is over


class WindowResult(NamedTuple):
    """Everything that one window showed."""

    stage: Stage
    population: Population
    outcomes: tuple[Outcome, ...]
    baselines: tuple[Outcome, ...]
    alone: tuple[Outcome, ...]
    auction: Outcome
    crowd: Crowding
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """True when every check passed but goals, which may be missed."""
        return all(check.passed or check.is_goal for check in self.checks)


def ticks_of(stage: Stage, calm: Stage) -> int:
    """Returns how many ticks a window's replays have together."""
    storms = len(FAULTS) + len(COMPARED) + 1
    return storms * len(stage.path) + len(HARMLESS) * len(calm.path)


def run_window(
    window: Window,
    found: Sequence[Candles],
    *,
    accounts: int,
    seed: int,
    clock: Clock,
    is_storm: bool = False,
    tell: Tell = lambda what, ticks: None,
) -> WindowResult:
    """Returns what a window shows, whole or its storm. Raises Infeasible `windowNotCovered` as
    `stage_of`."""
    stage = stage_of(window, found, seed)
    stage = storm_of(stage) if is_storm else stage
    return run_stage(stage, accounts=accounts, seed=seed, clock=clock, tell=tell)


def run_stage(
    stage: Stage,
    *,
    accounts: int,
    seed: int,
    clock: Clock,
    tell: Tell = lambda what, ticks: None,
) -> WindowResult:
    """Returns what a stage shows under every fault, the same accounts in each."""
    first = World(stage, NONE).step(0)
    population = populated(stage, first, accounts, seed)
    calm = calm_of(stage, seed)
    total = ticks_of(stage, calm)

    def run(faults: Faults, at: Stage = stage) -> Outcome:
        name = f"{at.name}: {faults.name}{', all at once' if faults.policy == CLOSE else ''}"
        return replay(at, population, faults, clock=clock, watch=lambda tick: tell(name, total))

    outcomes = tuple(run(faults) for faults in FAULTS)
    baselines = tuple(run(faults._replace(policy=CLOSE)) for faults in COMPARED)
    auction = run(AUCTION_ALONE)
    alone = tuple(run(faults, calm) for faults in HARMLESS)
    crowd = crowding(stage, population, first)
    table = checks(outcomes, {each.faults.name: each for each in baselines}, alone, crowd)
    return WindowResult(stage, population, outcomes, baselines, alone, auction, crowd, table)
