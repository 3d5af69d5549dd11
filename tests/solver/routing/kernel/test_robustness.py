"""Every hostile market ends solved, and rightly: an independent judge recomputes each certificate.

The judge (`bench.reference.certificate`) works the dual value out again in extended precision and
pours the flows through each edge's own curve, so a wrong answer cannot vouch for itself.
"""

import sys
from collections import defaultdict
from typing import NamedTuple

import pytest

from bench.reference.certificate import judged
from bench.reference.hostile import FAMILIES, hostile, value_locked
from solver.domain.errors import Unconverged
from solver.routing.kernel import solve

RESIDUAL_MAX, GAP_MAX = 1e-9, 1e-8
NIGHT = 20_000
# Of what the market holds: below a billionth of the smallest trade drawn there is only rounding;
# where the right answer is nothing, a bound relative to it would mean nothing.
NOISE, NOTHING = 1e-18, 1e-15
BOUND_ERROR_MAX = 1e-9  # of `value`, relative to the dual value worked out again


class Outcome(NamedTuple):
    """How one instance ended."""

    family: str
    seed: int
    residual: float
    gap: float  # proved by the judge
    wrong: str  # what is wrong with it, "" for nothing


def outcome(seed: int, is_compiled: bool) -> Outcome:
    family, task = hostile(seed)
    try:
        answer = solve(task, is_compiled=is_compiled)
    except Unconverged as stuck:
        return Outcome(family, seed, float("inf"), float("inf"), f"Unconverged {stuck}")
    verdict = judged(task, answer)
    proved, lack = verdict.proved(), verdict.shortfall + verdict.misdirected
    held = value_locked(task.graph) + float(task.supply.sum())
    noise = (NOISE if answer.primal > NOTHING * held else NOTHING) * held
    missing = max(verdict.bound - proved - noise, lack - noise, 0.0)
    gap = missing / proved if proved > 0 else float(missing > 0)
    claimed = answer.value - answer.primal
    said = (
        ""
        if answer.residual <= RESIDUAL_MAX or claimed <= GAP_MAX * answer.primal + noise
        else (f"residual {answer.residual:.1e} and gap {claimed:.1e} of {answer.primal:.6g}")
    )
    if not said and gap > GAP_MAX:
        said = f"claims {answer.value:.12g} and {answer.primal:.12g}, proved {verdict}"
    if not said and abs(answer.value - verdict.bound) > BOUND_ERROR_MAX * verdict.bound + noise:
        said = f"bound {answer.value:.15g}, proved {verdict.bound:.15g}"
    return Outcome(family, seed, answer.residual, gap, said)


def report(outcomes: list[Outcome]) -> str:
    """Returns one line for each family: share solved rightly, worst residual and gap."""
    families = defaultdict(list)
    for each in outcomes:
        families[each.family].append(each)
    right = sum(not each.wrong for each in outcomes)
    lines = [f"{right} of {len(outcomes)} solved and proved ({right / len(outcomes):.2%})"]
    for family, mine in families.items():
        good = [each for each in mine if not each.wrong]
        worst = max((each.gap for each in good), default=float("nan"))
        residual = max((each.residual for each in good), default=float("nan"))
        bad = [each.seed for each in mine if each.wrong]
        lines.append(
            f"  {family:<14} {len(good)}/{len(mine)}  worst proved gap {worst:.1e}, "
            f"residual {residual:.1e}" + (f", wrong seeds {bad[:8]}" if bad else "")
        )
    return "\n".join(lines)


def assert_all_right(outcomes: list[Outcome]) -> None:
    wrong = [each for each in outcomes if each.wrong]
    first = "\n".join(f"{each.family} seed {each.seed}: {each.wrong}" for each in wrong[:10])
    assert not wrong, f"{report(outcomes)}\n{first}"


def test_five_hundred_hostile_markets_are_solved_rightly() -> None:
    each = 37
    assert_all_right([outcome(seed, False) for seed in range(each * len(FAMILIES))])


@pytest.mark.night
@pytest.mark.parametrize("is_compiled", [False, True], ids=["numpy", "compiled"])
def test_a_night_of_hostile_markets(is_compiled: bool, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [outcome(seed, is_compiled) for seed in range(1_000_000, 1_000_000 + NIGHT)]
    with capsys.disabled():
        sys.stdout.write(f"\n{'compiled' if is_compiled else 'numpy'}: {report(outcomes)}\n")
    assert_all_right(outcomes)
