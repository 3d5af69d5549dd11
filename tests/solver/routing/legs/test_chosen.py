"""Programs that leave a choice: solved, certified in integers, or told which limits clash."""

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.reference.chains import COVERED, INCOME, LEGS_MAX, MARKET, PERP, synthetic
from solver.domain.errors import Infeasible, Unproven
from solver.domain.instrument import Instrument
from solver.domain.numbers import WAD
from solver.domain.program import Choice, DeltaBox, ScenarioBudget
from solver.pricing.greeks import account_greeks
from solver.pricing.scenarios import risks
from solver.routing.certify import certify, duality
from solver.routing.certify.risk import GREEKS, greek_of, profit_of
from solver.solve import solve

TASK = synthetic(0, COVERED, venues=1, strikes=4)
CHOICE = cast(Choice, TASK.program.choice)
BUDGET = cast(ScenarioBudget, CHOICE.scenarios)
BOX = cast(DeltaBox, TASK.program.delta)


@pytest.fixture(scope="module")
def solution():
    return solve(TASK.program, TASK.account, TASK.snapshot)


def changed(**changes):
    return TASK.program._replace(choice=CHOICE._replace(**changes))


def test_a_choice_is_filled_in_lots_and_certified(solution):
    legs = {(fill.instrument, fill.maker) for fill in solution.fills}
    assert 0 < len(legs) <= LEGS_MAX
    assert all(fill.quantity % 10**15 == 0 for fill in solution.fills)
    assert solution.certificate.value <= solution.certificate.bound
    assert solution.certificate.gap_ppm < 500_000
    sold = [f for f in solution.fills if f.leg == 1]
    assert sold


def narrower():
    box = CHOICE.greeks[0]
    row, budget = CHOICE.structure[0], BUDGET
    return {
        "legs": changed(legs_max=1),
        "gamma": changed(greeks=(box._replace(low=-1, high=1),)),
        "budget": changed(scenarios=budget._replace(budget=1)),
        "least": changed(structure=(row._replace(quantity_min=10**4 * WAD),)),
        "most": changed(structure=(row._replace(quantity_max=0, quantity_min=0),)),
        "loss": changed(loss_max=0),
        "delta": TASK.program._replace(delta=DeltaBox(MARKET, 10**3 * WAD, 1)),
    }


@pytest.mark.parametrize("name", narrower())
def test_the_checker_holds_every_bound_of_a_choice(name, solution):
    with pytest.raises(Unproven):
        certify(narrower()[name], TASK.snapshot, solution, TASK.account)


def test_a_better_value_or_a_lower_bound_is_not_believed(solution):
    claim = solution.certificate
    for lie in (claim._replace(value=claim.value + 1), claim._replace(bound=claim.bound - 1)):
        with pytest.raises(Unproven):
            certify(TASK.program, TASK.snapshot, solution._replace(certificate=lie), TASK.account)


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(
    st.sampled_from([
        "leg:0:max", "leg:1:min", "delta:max", "delta:min", "greek:0:max", "greek:1:min",
        "scenario:0", "scenario:31", "structure:0:max", "structure:0:min", "loss:max",
    ]),
    st.integers(0, 10**26),
))  # fmt: skip
def test_any_multipliers_give_a_bound_that_holds(solution, rows):
    terms = ((TASK.program,), TASK.snapshot, (solution,), (TASK.account,))
    value, bound = duality.value_and_bound(*terms, duality.Multipliers({}, rows))
    assert value <= bound


def test_the_planner_and_the_checker_count_risks_alike():
    budget, market = BUDGET, TASK.snapshot.underlyings[0]
    ids = [*sorted({ladder.instrument for ladder in TASK.snapshot.ladders})[:40], PERP]
    found = risks([Instrument.unpack(i) for i in ids], market, TASK.snapshot.time, budget.scenarios)
    for place, instrument in enumerate(ids):
        for greek in GREEKS:
            unit = greek_of(instrument, greek, TASK.snapshot) / WAD
            assert getattr(found, greek)[place] == pytest.approx(unit, abs=1.1e-8)
        for row, scenario in enumerate(budget.scenarios):
            won = profit_of(instrument, scenario, TASK.snapshot) / WAD
            assert found.profits[row][place] == pytest.approx(won, abs=1.1e-8)


def test_the_greeks_after_are_in_the_boxes_as_pages_show_them(solution):
    from solver.domain.account import Position

    moved = [Position(fill.instrument, fill.quantity) for fill in solution.fills]
    (after,) = account_greeks([*TASK.account.positions, *moved], TASK.snapshot)
    for box in CHOICE.greeks:
        assert box.low - 10**9 <= getattr(after, box.greek) <= box.high + 10**9
    assert abs(after.delta - BOX.target) <= BOX.tolerance + 1


def told(program, account=TASK.account):
    with pytest.raises(Infeasible) as caught:
        solve(program, account, TASK.snapshot)
    assert caught.value.code == "limitsClash"
    limits = cast(list[dict[str, Any]], caught.value.data["limits"])
    return {limit["limit"]: limit for limit in limits}


def sold_only(low: int):
    """A program that may sell options and trade perps, its gamma at least `low`."""
    boxes = (CHOICE.greeks[0]._replace(low=low, high=WAD),)
    return changed(greeks=boxes)._replace(exposures=TASK.program.exposures[1:])


def test_what_clashes_is_named_and_what_is_told_is_just_enough():
    limits = told(sold_only(-(10**13)))
    assert set(limits) == {"gamma", "structure.0"}  # what is sold has a gamma below zero
    assert limits["structure.0"]["signed"] == "10"
    assert limits["gamma"]["end"] == "min"
    needed = float(limits["gamma"]["needed"])
    assert needed < 0
    enough = sold_only(int(needed * 1.01 * WAD))
    assert solve(enough, TASK.account, TASK.snapshot).fills
    assert "gamma" in told(sold_only(int(needed * 0.98 * WAD)))


def test_too_few_legs_are_told_with_how_many_are_needed():
    limits = told(changed(legs_max=1))
    assert int(limits["legsMax"]["needed"]) > 1


def test_income_without_anything_held_is_certified_too():
    task = synthetic(1, INCOME, venues=1, strikes=4)
    found = solve(task.program, task.account, task.snapshot)
    assert found.certificate.value > 0
