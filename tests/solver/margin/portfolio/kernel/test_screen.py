"""Both engines of the kernel stay within their bound, and whoever is near is decided exactly.

Beside the router's the only file of tests that compiles.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.account import Account
from solver.domain.errors import Malformed, NotFound
from solver.margin.portfolio.decide import SCALE, margins, sums
from solver.margin.portfolio.grid import RiskGrid, risk_grid
from solver.margin.portfolio.kernel.screen import Threshold, remargin, uncertain, verdicts
from solver.margin.portfolio.kernel.tables import book_of, tables_of
from solver.margin.portfolio.kernel.whatif import Trade, WhatIf
from solver.margin.portfolio.parameters import DEFAULT
from tests.solver.margin.portfolio.books import ALL, OPTIONS, book, pairs_of, world

GRID = risk_grid([instrument.id for instrument in ALL], world())
TABLES = tables_of(GRID)
WARNING, INITIAL = Threshold(110), Threshold(100)
MAINTENANCE, DEEP = Threshold(100, is_initial=False), Threshold(67, is_initial=False)
THRESHOLDS = (WARNING, INITIAL, MAINTENANCE, DEEP)
ENGINES = (True, False)

books = st.lists(pairs_of, min_size=1, max_size=6)


def crowd(count: int, seed: int = 5) -> list[Account]:
    """Random accounts of 1 to 20 positions, sizes over six orders of magnitude."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        chosen = rng.choice(len(ALL), rng.integers(1, 21), replace=False)
        sizes = rng.normal(0, 1, chosen.size) * 10 ** rng.uniform(0, 6)
        pairs = [(ALL[i], round(q)) for i, q in zip(chosen.tolist(), sizes.tolist(), strict=True)]
        out.append(book(pairs, cash=int(rng.normal(0, 1) * 10 ** rng.uniform(6, 13))))
    return out


def exact(account: Account, grid: RiskGrid) -> tuple[float, ...]:
    found = sums(account.positions, grid)
    cash = account.cash / 10**grid.decimals
    return found.equity / SCALE + cash, found.initial / SCALE, found.maintenance / SCALE


@pytest.mark.parametrize("is_compiled", ENGINES)
def test_every_figure_is_within_its_bound_of_the_exact_one(is_compiled):
    accounts = crowd(400)
    found = remargin(book_of(accounts, TABLES), TABLES, is_compiled=is_compiled)
    told = np.array([exact(account, GRID) for account in accounts])
    for figures, real in zip(found[:3], told.T, strict=True):
        assert (np.abs(figures - real) <= found.bound + 1e-15 * np.abs(real)).all()
    assert (found.bound <= 1e-9 * (1 + np.abs(told).max(axis=1))).mean() > 0.9  # and says something


@pytest.mark.parametrize("is_compiled", ENGINES)
def test_an_account_to_the_atom_at_a_threshold_is_decided_by_integers(is_compiled):
    rng = np.random.default_rng(2)
    accounts, truth = [], []
    for account in crowd(60, seed=9):
        flat = account._replace(cash=0)
        equity, initial, kept = margins(flat, GRID)
        for threshold in THRESHOLDS:
            asked = threshold.percent * (initial if threshold.is_initial else kept)
            edge = -(-asked // 100) - equity + int(rng.integers(-1, 2))
            accounts.append(flat._replace(cash=edge))
            truth.append(tuple(margins(accounts[-1], GRID)))
    found = verdicts(accounts, GRID, THRESHOLDS, is_compiled=is_compiled)
    for (equity, initial, kept), holds in zip(truth, found.holds.tolist(), strict=True):
        assert holds == [
            equity * 100 >= t.percent * (initial if t.is_initial else kept) for t in THRESHOLDS
        ]
    assert found.exact > len(accounts) // 2


def test_far_from_every_threshold_nobody_needs_integers():
    accounts = [account for account in crowd(300) if account.positions]
    found = verdicts(accounts, GRID, THRESHOLDS)
    assert found.exact < len(accounts) // 50
    exactly = [margins(account, GRID) for account in accounts]
    assert found.holds[:, 2].tolist() == [equity >= kept for equity, _, kept in exactly]


@given(books, st.integers(-(10**12), 10**12))
@settings(max_examples=40)
def test_both_engines_decide_as_integers_do(pairs, cash):
    accounts = [book(one, cash) for one in pairs]
    holds = [verdicts(accounts, GRID, THRESHOLDS, is_compiled=e).holds.tolist() for e in ENGINES]
    assert holds[0] == holds[1]
    for account, (_, opened, kept, _) in zip(accounts, holds[0], strict=True):
        equity, initial, maintenance = margins(account, GRID)
        assert (opened, kept) == (equity >= initial, equity >= maintenance)


huge = st.lists(
    st.tuples(st.sampled_from(ALL), st.integers(-(10**13), 10**13)),
    unique_by=lambda pair: pair[0],
    max_size=20,
)


@given(huge, st.sampled_from(THRESHOLDS), st.integers(-2, 2))
def test_books_of_any_size_at_the_edge_are_decided_as_integers_do(pairs, threshold, off):
    flat = book(pairs)
    equity, initial, kept = margins(flat, GRID)
    asked = threshold.percent * (initial if threshold.is_initial else kept)
    edge = flat._replace(cash=-(-asked // 100) - equity + off)
    for is_compiled in ENGINES:
        found = verdicts([edge], GRID, [threshold], is_compiled=is_compiled)
        assert found.holds.tolist() == [[(equity + edge.cash) * 100 >= asked]]


@given(st.integers(1, 10**13))
def test_a_box_whose_legs_cancel_is_within_the_bound(size):
    low, high = OPTIONS[3], OPTIONS[4]  # calls, then the puts of the same strikes
    puts = OPTIONS[12], OPTIONS[13]
    box = book([(low, size), (high, -size), (puts[0], -size), (puts[1], size)])
    for is_compiled in ENGINES:
        found = remargin(book_of([box], TABLES), TABLES, is_compiled=is_compiled)
        for figure, real in zip(found[:3], exact(box, GRID), strict=True):
            assert abs(figure[0] - real) <= found.bound[0] + 1e-15 * abs(real)


@pytest.mark.parametrize("is_compiled", ENGINES)
def test_accounts_without_positions_are_judged_by_their_cash(is_compiled):
    accounts = [book([], cash) for cash in (-1, 0, 1)]
    for grid in (GRID, risk_grid([], world())):
        found = verdicts(accounts, grid, [INITIAL], is_compiled=is_compiled)
        assert found.holds.tolist() == [[False], [True], [True]]
    assert verdicts([], GRID, THRESHOLDS).exact == 0


def test_an_instrument_outside_the_grid_is_told():
    outside = tables_of(risk_grid([ALL[0].id], world()))
    held = book([(ALL[1], 5)])
    with pytest.raises(NotFound):
        book_of([held], outside)
    with pytest.raises(NotFound):
        WhatIf(book([]), outside, is_compiled=False).after(Trade(ALL[1].id, 1.0))


def test_accounts_may_be_shared_out_in_any_parts():
    accounts = crowd(100)
    packed = book_of(accounts, TABLES)
    whole = remargin(packed, TABLES)
    out = np.empty((100, 4))
    for span in ((60, 100), (0, 7), (7, 60)):
        remargin(packed, TABLES, span=span, out=out)
    assert (out == np.stack(whole, axis=1)).all()


def test_what_is_not_a_number_is_uncertain():
    found = remargin(book_of(crowd(2), TABLES), TABLES)
    lost = found._replace(equity=found.equity * np.nan)
    assert uncertain(lost, WARNING, 6).all()


def test_a_credit_between_underlyings_is_left_to_integers():
    credited = risk_grid(
        [instrument.id for instrument in ALL],
        world(),
        DEFAULT._replace(correlation=DEFAULT.confidence_min // 2),
    )
    with pytest.raises(Malformed):
        tables_of(credited)
    assert verdicts(crowd(5), credited, THRESHOLDS).exact == 5


@pytest.mark.parametrize("is_compiled", ENGINES)
def test_a_question_about_a_trade_is_answered_within_its_bound(is_compiled):
    for account in crowd(20, seed=3):
        asked = WhatIf(account, TABLES, is_compiled=is_compiled)
        first, other = account.positions[0].instrument, ALL[0].id
        scale = TABLES.scales[TABLES.columns[first]]
        trades = (Trade(first, 2.0, -100.0), Trade(other, -1.0, 25.0))
        held = {p.instrument: p.quantity for p in account.positions}
        held[first] += 2 * 10**18 // scale
        held[other] = held.get(other, 0) - 10**18
        positions = tuple(type(account.positions[0])(i, q) for i, q in held.items())
        after = account._replace(positions=positions, cash=account.cash - 75 * 10**6)
        found = asked.after(*trades)
        for figure, real in zip(found[:3], exact(after, GRID), strict=True):
            assert abs(figure - real) <= found.bound + 1e-15 * abs(real)
