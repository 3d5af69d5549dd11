"""The laws of PORTFOLIO margin on exact integers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import NotFound
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.margin.portfolio.decide import margins
from solver.margin.portfolio.grid import risk_grid
from solver.margin.portfolio.parameters import DEFAULT, Skew
from tests.solver.margin.portfolio.books import (
    ALL,
    LATE,
    LINEAR,
    OPTIONS,
    OTHERS,
    book,
    pairs_of,
    quantities,
    world,
)
from tests.solver.pricing.world import BASE, PERP, account, bitcoin, ether, snapshot

GRID = risk_grid([instrument.id for instrument in ALL], world())
USD = 10**6
SHORT_CALL, LONG_CALL = OPTIONS[4], OPTIONS[5]


@given(pairs_of, st.integers(0, 10**13))
def test_a_deposit_raises_equity_by_itself_and_asks_for_nothing(pairs, amount):
    before, after = (margins(book(pairs, cash), GRID) for cash in (0, amount))
    assert after == (before[0] + amount, *before[1:])


@given(pairs_of, st.integers(1, 10**5))
def test_a_deposit_of_base_never_lowers_a_margin(pairs, thousandths):
    for base in (LINEAR[1], LINEAR[3]):
        held = dict(pairs)
        before = margins(book(list(held.items())), GRID)
        held[base] = abs(held.get(base, 0)) + thousandths
        after = margins(book(list(held.items())), GRID)
        assert after[0] - after[2] >= before[0] - before[2]


@given(pairs_of)
def test_initial_is_never_below_maintenance_nor_below_the_floor(pairs):
    _, initial, maintenance = margins(book(pairs), GRID)
    gross = 0
    for instrument, thousandths in pairs:
        price = 4000 if instrument.market == 1 else 100_000
        is_counted = instrument.kind is Kind.PERP or (instrument.is_option and thousandths < 0)
        gross += abs(thousandths) * price * is_counted
    assert initial >= max(maintenance, gross * USD // 1000 // 100)
    assert maintenance >= 0


@given(pairs_of, pairs_of)
def test_two_books_together_need_no_more_than_apart(one, other):
    merged = dict(one)
    for instrument, quantity in other:
        is_base = instrument.kind is Kind.BASE
        known = merged.get(instrument, 0)
        merged[instrument] = abs(known) + abs(quantity) if is_base else known + quantity
    without_size = risk_grid(
        [i.id for i in ALL], world(), DEFAULT._replace(impact=0, confidence_charge=0)
    )
    parts = [margins(book(pairs), without_size) for pairs in (one, other)]
    together = margins(book(list(merged.items())), without_size)
    assert together[2] <= parts[0][2] + parts[1][2] + 1
    assert together[1] <= sum(max(part[1:]) for part in parts) + 1


@given(pairs_of, st.randoms(use_true_random=False))
def test_the_order_of_positions_decides_nothing(pairs, shuffler):
    shuffled = list(pairs)
    shuffler.shuffle(shuffled)
    assert margins(book(pairs), GRID) == margins(book(shuffled), GRID)


SURE = tuple(market._replace(confidence=0) for market in world().underlyings)
PLAIN = risk_grid(
    [instrument.id for instrument in ALL],
    world()._replace(underlyings=SURE),
    DEFAULT._replace(impact=0, linear=Skew(0, 0), absolute=Skew(0, 0)),
)


@given(pairs_of, st.sampled_from((*OPTIONS, *OTHERS)), st.integers(1, 50_000))
def test_a_bought_option_never_costs_more_margin_than_its_premium(pairs, option, thousandths):
    # but for its size, and for skews, which count a gain as a loss
    held = dict(pairs)
    before = margins(book(pairs), PLAIN)
    mark = mark_of(option)
    premium = -(-thousandths * mark * USD // (1000 * WAD))
    held[option] = held.get(option, 0) + thousandths
    after = margins(book(list(held.items()), cash=-premium), PLAIN)
    for figure in (1, 2):
        assert (before[0] - before[figure]) - (after[0] - after[figure]) <= premium + 4


def mark_of(option: Instrument) -> int:
    return next(c.mark_long for m in GRID.markets for c in m.columns if c.instrument == option.id)


@given(quantities.filter(bool))
def test_a_hedge_lowers_the_requirement(thousandths):
    naked = margins(book([(SHORT_CALL, -abs(thousandths))]), GRID)
    hedged = margins(book([(SHORT_CALL, -abs(thousandths)), (LONG_CALL, abs(thousandths))]), GRID)
    covered = margins(book([(SHORT_CALL, -abs(thousandths)), (BASE, abs(thousandths))]), GRID)
    assert hedged[2] <= naked[2]
    assert covered[2] <= naked[2] + margins(book([(BASE, abs(thousandths))]), GRID)[2]


def test_equity_is_marks_and_cash():
    held = account((PERP, 2 * WAD), (BASE, WAD), (SHORT_CALL, -WAD), cash=100 * USD)
    exact = (2 * 3975 + 4000 + 100) * USD - -(-mark_of(SHORT_CALL) * USD // WAD)
    assert margins(held, GRID)[0] == exact


def test_a_perp_alone_needs_what_can_be_worked_out_on_paper():
    # 18 % of 4000, damped tails no worse; MM .8 x 720 + 3 % = 696; IM 720 + 4 % = 880
    grid = risk_grid([PERP.id], snapshot(ether(confidence=0)))
    assert margins(account((PERP, WAD)), grid) == (4000 * USD, 880 * USD, 696 * USD)


def test_initial_margin_takes_the_price_where_it_may_be_worst():
    usual, unsure = (snapshot(ether(confidence=c * WAD)) for c in (0, 10))
    one = account((PERP, WAD), (BASE, WAD), (SHORT_CALL, -WAD))
    ids = [PERP.id, BASE.id, SHORT_CALL.id]
    before, after = (margins(one, risk_grid(ids, there)) for there in (usual, unsure))
    assert (after[0], after[2]) == (before[0], before[2])
    assert 20 * USD < after[1] - before[1] < 30 * USD  # the call half as sure of itself


def test_the_wider_range_binds_new_positions_only():
    usual, wide = snapshot(ether()), world()  # each sure of its price to 2
    one = account((PERP, WAD))
    for there in (usual, wide):
        assert margins(one, risk_grid([PERP.id], there))[2] == 696 * USD
    # 22 % + 4 % + 2, and for its size 160 x sqrt(1 / 500)
    assert margins(one, risk_grid([PERP.id], wide))[1] == 1_049_155_418


def test_low_confidence_and_a_lost_peg_raise_initial_margin_alone():
    one = account((PERP, WAD), (SHORT_CALL, -WAD))
    ids = [PERP.id, SHORT_CALL.id]
    sure = margins(one, risk_grid(ids, snapshot()))
    doubted = margins(one, risk_grid(ids, snapshot(ether(confidence=30 * WAD))))
    assert doubted[2] == sure[2]
    assert 6000 * USD < doubted[1] - sure[1] < 6056 * USD  # all but .25 of 4000, twice
    lost = margins(one, risk_grid(ids, snapshot(settlement_price=WAD * 94 // 100)))
    assert lost[2] == sure[2]
    assert lost[1] > sure[1] * 11 // 10


def test_opposite_risks_in_two_markets_are_credited_where_that_is_allowed():
    one = account((PERP, WAD), (Instrument(2, Kind.PERP), -WAD // 25))
    both = snapshot(ether(), bitcoin())
    ids = [p.instrument for p in one.positions]
    alone = margins(one, risk_grid(ids, both))
    credited = margins(one, risk_grid(ids, both, DEFAULT._replace(correlation=WAD // 2)))
    assert alone[1] - credited[1] == 360 * USD
    same = account((PERP, WAD), (Instrument(2, Kind.PERP), WAD // 25))
    grids = [risk_grid(ids, both, DEFAULT._replace(correlation=c)) for c in (0, WAD // 2)]
    assert margins(same, grids[0]) == margins(same, grids[1])


def test_an_expired_option_is_worth_its_fixed_price_and_nothing_moves_it():
    option = Instrument(1, Kind.CALL, LATE, 4000 * WAD)
    fixed = snapshot(ether(price=5000 * WAD, expiry_prices=((LATE, 4100 * WAD),)), time=LATE + 60)
    grid = risk_grid([option.id], fixed)
    equity, initial, kept = margins(account((option, WAD)), grid)
    assert equity == 100 * USD
    assert (initial, kept) == (0, 0) or kept <= 5 * USD  # the discount on an asset alone
    open_ = risk_grid([option.id], snapshot(ether(price=5000 * WAD), time=LATE + 60))
    assert margins(account((option, WAD)), open_)[0] == 1000 * USD
    assert margins(account((option, -WAD)), open_)[2] > 700 * USD


def test_an_instrument_outside_the_grid_is_not_judged():
    with pytest.raises(NotFound):
        margins(account((PERP, WAD)), risk_grid([BASE.id], snapshot()))


@given(pairs_of)
@settings(max_examples=30)
def test_an_accounts_own_grid_and_everybodys_decide_alike(pairs):
    held = book(pairs)
    own = risk_grid((p.instrument for p in held.positions), world())
    assert margins(held, own) == margins(held, GRID)
