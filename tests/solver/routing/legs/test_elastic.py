"""What clashes and by how much each limit must give, on menus where that is known."""

import numpy as np
import pytest

from solver.routing.legs.elastic import MARGIN, clashes, legs_needed
from solver.routing.legs.menu import Menu
from solver.routing.legs.search import Search


def menu(rows, low, high, **changes):
    """Two legs of one column, ten units each."""
    rows = np.array(rows, dtype=float)
    return Menu(
        cost=np.zeros(2),
        size=np.full(2, 10.0),
        leg=np.array([0, 1]),
        run=np.array([0, 1]),
        fixed=np.zeros(2),
        rows=rows,
        low=np.array(low, dtype=float),
        high=np.array(high, dtype=float),
        spare=np.zeros(len(rows)),
        spare_cost=0.0,
        spare_max=0.0,
        legs_max=2,
    )._replace(**changes)


def test_rows_that_hold_together_do_not_clash():
    assert clashes(menu([[1, 0], [1, 1]], [2, 0], [3, 5])) == ()


def test_two_rows_that_clash_are_named_and_no_third():
    asked = menu([[1, 0], [1, 0], [0, 1]], [5, -np.inf, 1], [np.inf, 3, 2])
    found = {clash.row: clash.alone for clash in clashes(asked)}
    assert found == {0: pytest.approx(-2.0), 1: pytest.approx(2.0)}
    assert sum(abs(clash.together) for clash in clashes(asked)) == pytest.approx(2.0)


def test_a_gamma_and_a_dollar_weigh_alike():
    asked = menu([[1e-6, 0], [1e6, 0]], [5e-6, -np.inf], [np.inf, 3e6])
    found = {clash.row: clash.alone for clash in clashes(asked)}
    assert found == {0: pytest.approx(-2e-6), 1: pytest.approx(2e6)}


def test_depth_that_is_not_there_is_told_as_what_there_is():
    (clash,) = clashes(menu([[1, 1]], [26], [np.inf]))
    assert clash.alone == pytest.approx(-6.0)


def test_a_limit_that_cannot_help_alone_says_so():
    # x >= 5 with x <= 3, and y >= 4 with y <= 2: no single limit mends both
    rows = [[1, 0], [1, 0], [0, 1], [0, 1]]
    asked = menu(rows, [5, -np.inf, 4, -np.inf], [np.inf, 3, np.inf, 2])
    found = clashes(asked)
    assert len(found) >= 2
    assert all(clash.alone is None for clash in found)
    assert sum(abs(clash.together) for clash in found) > 0


def test_the_margins_cap_is_blamed_but_never_the_scenario():
    # a unit loses 2 in the scenario; 4 units are asked for and the margin is capped at 5
    asked = menu([[1, 0], [-2, 0]], [4, 0], [np.inf, np.inf])
    asked = asked._replace(spare=np.array([0.0, 1.0]), spare_max=5.0)
    found = {clash.row: clash.alone for clash in clashes(asked, firm=(1,))}
    assert found == {0: pytest.approx(-1.5), MARGIN: pytest.approx(3.0)}


def test_how_many_legs_are_needed_is_found():
    asked = menu([[1, 1]], [15], [np.inf], legs_max=1)
    assert Search(asked).found() is None
    assert clashes(asked) == ()
    assert legs_needed(asked) == 2
