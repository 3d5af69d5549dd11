"""The program with cuts finds what one with every row would, and says so when there is nothing."""

import numpy as np
from scipy.optimize import linprog

from solver.margin.cure.convex import Bound, Frame, group
from solver.margin.cure.program import Offer, cheapest

COLUMNS, CASES = 6, 9


def problem(seed):
    """An account a little short of its bound, plain rows, two levels of each column."""
    dice = np.random.default_rng(seed)
    losses = dice.normal(size=(CASES, COLUMNS)) * 100
    held, worth = dice.integers(-9, 10, COLUMNS).astype(float), dice.uniform(10, 90, COLUMNS)
    rows = group(losses[None], [0] * COLUMNS, np.arange(COLUMNS), COLUMNS)
    cash = 0.9 * rows.value(held) - worth @ held
    frame = Frame(held, worth, cash, (rows,), (Bound(np.array([1.0])),))
    offers = [
        Offer(c, side, worth[c] + side * half * level, half * level, 6.0)
        for c in range(COLUMNS)
        for side in (-1, 1)
        for level, half in ((1, 0.5 + c), (2, 0.5 + c))
    ]
    return frame, offers, losses


def test_the_cost_is_that_of_the_program_with_every_row():
    for seed in range(30):
        frame, offers, losses = problem(seed)
        signs = np.array([o.sign for o in offers])
        where = [o.column for o in offers]
        costs = np.array([o.cost for o in offers])
        rows = losses[:, where] * signs + costs
        room = frame.cash + frame.worth @ frame.held - losses @ frame.held
        whole = linprog(costs, A_ub=rows, b_ub=room, bounds=[(0, o.most) for o in offers])
        found = cheapest(frame, offers)
        assert (found is None) == (whole.status == 2)
        if found is not None:
            assert abs(found.cost - whole.fun) <= 1e-6 * max(1, whole.fun)


def test_what_must_be_taken_is_taken():
    frame, offers, _ = problem(1)
    forced = [o._replace(least=2.0) if n == 3 else o for n, o in enumerate(offers)]
    found = cheapest(frame, forced)
    assert found is not None
    assert found.units[3] >= 2.0 - 1e-9


def test_gas_gathers_trades_in_fewer_instruments():
    frame, offers, _ = problem(4)

    def touched(gas):
        found = cheapest(frame, [o._replace(gas=gas) for o in offers])
        assert found is not None
        return len({o.column for o, unit in zip(offers, found.units, strict=True) if unit > 0})

    assert touched(1e4) <= touched(0.0)


def test_nothing_on_offer_is_no_cure():
    frame, offers, _ = problem(2)
    assert cheapest(frame, []) is None
    assert cheapest(frame._replace(cash=-1e9), offers) is None
