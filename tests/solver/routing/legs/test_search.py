"""The search for legs, its bound and its lots, against HiGHS's mixed-integer optimum."""

import numpy as np
import pytest

from bench.reference.chains import COVERED, INCOME, LEGS_MAX, LOT, synthetic, table
from bench.reference.peers.milp import GAP, optimum
from solver.routing.legs.menu import STAKE, Found, Menu, normal, trimmed
from solver.routing.legs.restricted import USED, Restricted
from solver.routing.legs.search import Search
from solver.routing.legs.whole import in_lots

OFF_MAX = 0.01
CASES = [(seed, kind) for seed in (0, 1) for kind in (COVERED, INCOME)]


def small(seed, kind):
    return table(synthetic(seed, kind, venues=1, strikes=3)).menu


def best_of(menu: Menu) -> Found:
    found = Search(menu).found()
    assert found is not None
    return found


def missed(menu: Menu, found: Found) -> float:
    """How far the worst row is missed, as a share of what a full column moves it by."""
    moved = menu.rows @ found.units + menu.spare * found.margin
    unit = np.maximum(np.abs(menu.rows * menu.size).max(axis=1), 1e-9)
    return float((np.maximum(menu.low - moved, moved - menu.high) / unit).max())


@pytest.mark.parametrize(("seed", "kind"), CASES)
def test_legs_are_within_one_per_cent_of_the_proved_optimum(seed, kind):
    menu = small(seed, kind)
    found, proved = best_of(menu), optimum(menu)
    assert proved is not None
    assert proved.gap <= GAP
    assert found.cost <= proved.cost + OFF_MAX * abs(proved.cost)
    assert found.bound <= proved.cost * (1 - 1e-9) + 1e-6
    assert missed(menu, found) <= 1e-6
    assert len(np.unique(menu.leg[found.units > 1e-7])) <= LEGS_MAX
    assert (found.units <= menu.size + 1e-9).all()


@pytest.mark.parametrize(("seed", "kind"), CASES)
def test_lots_keep_every_row_and_cost_little(seed, kind):
    menu = small(seed, kind)
    found = best_of(menu)
    whole = in_lots(menu, found, LOT)
    assert whole is not None
    lots = whole.units / LOT
    assert np.abs(lots - lots.round()).max() < 1e-9
    assert missed(menu, whole) <= 1e-9
    assert whole.cost <= found.cost + 0.01 * abs(found.cost)
    assert whole.cost >= found.bound


@pytest.mark.parametrize("kind", [COVERED, INCOME])
def test_no_exchange_of_one_leg_is_better(kind):
    menu = small(1, kind)
    found, all_legs = best_of(menu), np.arange(len(menu.fixed))
    table, _, unit = normal(trimmed(menu))
    legs = set(np.unique(menu.leg[found.units > USED]).tolist())
    near, best = Restricted(table, STAKE), found.cost / unit
    for gone in [*legs, None]:
        rest = legs - {gone}
        if len(rest) < menu.legs_max:
            for leg in set(all_legs.tolist()) - legs:
                assert near.worth(rest | {leg}).cost >= best - 1e-6 * abs(best)


def test_what_one_answer_tells_of_other_legs_holds():
    table, _, _ = normal(trimmed(small(5, COVERED)))
    near, rng = Restricted(table, STAKE), np.random.default_rng(5)
    drawn = [tuple(rng.choice(len(table.fixed), 6, replace=False).tolist()) for _ in range(12)]
    worths = [near.worth(legs) for legs in drawn]
    for worth in worths:
        for legs, other in zip(drawn, worths, strict=True):
            units, margin = near.units(legs)  # all of them paid for, used or not
            cost = float(table.cost @ units + table.fixed[list(legs)].sum())
            cost += table.spare_cost * margin + STAKE * other.slack
            told = worth.cut.base + worth.cut.worths[list(legs)].sum()
            assert told <= cost + 1e-6 * abs(cost)


def test_the_same_menu_is_searched_alike_twice():
    menu = small(3, COVERED)
    one, other = best_of(menu), best_of(menu)
    assert (one.units == other.units).all()
    assert one[1:4] == other[1:4]


def test_more_legs_or_wider_rows_never_cost_more():
    menu = small(2, INCOME)
    costs = [best_of(menu._replace(legs_max=legs)).cost for legs in (4, 6, 8)]
    assert costs[0] >= costs[1] - 0.01 * abs(costs[1])
    assert costs[1] >= costs[2] - 0.01 * abs(costs[2])


def test_what_a_budget_alone_forbids_is_cut_from_the_levels():
    menu = Menu(
        cost=np.array([-3.0, -2.0, -1.0]),
        size=np.array([4.0, 4.0, 4.0]),
        leg=np.array([0, 0, 0]),
        run=np.array([0, 0, 0]),
        fixed=np.zeros(1),
        rows=np.array([[1.0, 1.0, 1.0]]),
        low=np.array([0.0]),
        high=np.array([6.0]),
        spare=np.zeros(1),
        spare_cost=0.0,
        spare_max=0.0,
        legs_max=1,
    )
    assert trimmed(menu).size.tolist() == [4.0, 2.0, 0.0]
    assert best_of(menu).cost == pytest.approx(-16.0)


def test_lots_that_no_move_of_two_repairs_are_found():
    # 6, 10 and 15 add up to 59 in few ways, none of them a lot or two from the best
    found = Found(np.array([1.5, 1.1, 2.6]), 0.0, -5.2, -5.2, np.zeros(1), 0)
    menu = Menu(
        cost=np.full(3, -1.0),
        size=np.full(3, 9.0),
        leg=np.arange(3),
        run=np.arange(3),
        fixed=np.zeros(3),
        rows=np.array([[6.0, 10.0, 15.0]]),
        low=np.array([58.9]),
        high=np.array([59.1]),
        spare=np.zeros(1),
        spare_cost=0.0,
        spare_max=0.0,
        legs_max=3,
    )
    whole = in_lots(menu, found, 1.0)
    assert whole is not None
    assert menu.rows @ whole.units == 59.0
    assert in_lots(menu._replace(low=np.array([1.1]), high=np.array([5.9])), found, 1.0) is None
