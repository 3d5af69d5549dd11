"""The auction's arithmetic against published vectors, and the laws it keeps for any account."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.numbers import WAD
from solver.margin.liquidation import (
    Perp,
    Standing,
    Terms,
    after_sale,
    buffered,
    cash,
    discount,
    fillable_price,
    fraction_max,
    fund_payment,
    liquidation_price,
    starting_fee,
)
from tests.recorded import SHARED, needs

VECTORS = SHARED / "vectors/risk.json"
FIFTH = Terms(buffer=WAD // 5)
USD = 10**6


def test_the_price_falls_fast_then_slowly_to_nothing():
    assert discount(0) == 98 * WAD // 100
    assert discount(30) == 926 * WAD // 1000
    assert discount(100) == 80 * WAD // 100
    assert abs(discount(600) / WAD - 0.772222) < 1e-6
    assert abs(discount(9000) / WAD - 0.305556) < 1e-6
    assert discount(14_500) == discount(10**9) == 0


@needs(VECTORS, "risk vectors")
def test_every_published_auction_is_reproduced():
    cases = json.loads(VECTORS.read_text())["liquidation"]
    assert len(cases) == 4
    for case in cases.values():
        received, fee = 0, round(case["LiquidationFee"] * WAD)
        for action in case["Actions"]:
            wanted, seconds = action["Results"], action["Time"]
            before = Standing(wanted["PreMtM"], wanted["PreMM"], received)
            if seconds == 0:
                unpaid = before._replace(value=before.value + fee, margin=before.margin + fee)
                assert near(starting_fee(unpaid, FIFTH), fee)
            price = discount(seconds, FIFTH)
            most = fraction_max(before, price, FIFTH)
            sold = min(most, action["Liquidator"]["PercentWant"])
            paid = cash(before, price, sold)
            after = after_sale(before, paid, sold)
            found = (
                buffered(before, FIFTH), most, sold, paid, after.value, after.margin,
                buffered(after, FIFTH), fraction_max(after, price, FIFTH),
            )  # fmt: skip
            names = (
                "PreBM", "PreFMax", "FinalPercentageReceived", "ExpectedBidPrice", "PostMtM",
                "PostMM", "PostBM", "PostFMax",
            )  # fmt: skip
            for name, value in zip(names, found, strict=True):
                assert near(value, wanted[name]), name
            received = after.received


def near(found: int, wanted: int) -> bool:
    """To 1e-8; a zero that the vectors state is one of floating point."""
    return abs(found - wanted) <= max(abs(wanted), WAD) * 1e-8


standings = st.builds(
    lambda value, requirement, received: Standing(
        value, value - requirement, min(received, max(value, 0))
    ),
    st.integers(-(10**15), 10**15),
    st.integers(0, 10**15),
    st.integers(0, 10**13),
)
times = st.integers(0, 20_000)


@given(standings, times)
def test_taking_the_most_restores_the_buffer_unless_everything_goes(standing, seconds):
    price = discount(seconds)
    most = fraction_max(standing, price)
    assert 0 <= most <= WAD
    after = after_sale(standing, cash(standing, price, most), most)
    if 0 < most < WAD:
        kept = -standing.margin + standing.value + abs(standing.value) + standing.received
        assert abs(buffered(after)) <= 4 + 4 * kept // WAD  # the fraction ends at 1e-18
    if buffered(standing) >= 0:
        assert most == 0


@given(standings, times, st.integers(0, WAD))
def test_a_sale_in_two_parts_pays_what_one_would(standing, seconds, fraction):
    price = discount(seconds)
    first = fraction // 2
    paid = cash(standing, price, first)
    middle = after_sale(standing, paid, first)
    rest = (fraction - first) * WAD // (WAD - first)
    both = paid + cash(middle, price, rest)
    assert abs(both - cash(standing, price, fraction)) <= 2 + abs(standing.value) // 10**15


@given(standings, times, times, st.integers(0, WAD))
def test_waiting_never_makes_a_slice_dearer_nor_the_fund_pay_less(standing, early, late, fraction):
    early, late = sorted((early, late))
    assert discount(early) >= discount(late)
    assert cash(standing, discount(early), fraction) >= cash(standing, discount(late), fraction)
    assert fund_payment(standing, early, fraction) <= fund_payment(standing, late, fraction)


def test_the_fund_pays_what_is_owed_at_once_and_the_margin_after_its_ramp():
    broke = Standing(-100 * USD, -160 * USD)
    assert fund_payment(broke, 0, WAD) == 100 * USD
    assert fund_payment(broke, 1_800, WAD) == 130 * USD
    assert fund_payment(broke, 10**6, WAD // 2) == 80 * USD
    assert fund_payment(Standing(50 * USD, -10 * USD), 0, WAD) == 0


def test_who_has_nothing_pays_no_fee():
    assert starting_fee(Standing(-USD, -2 * USD)) == 0
    assert starting_fee(Standing(100 * USD, 90 * USD)) == 0  # nothing is to be sold


@pytest.mark.parametrize(
    ("size", "cash_held", "slope", "spread", "price"),
    [
        (1, -4501, 1, 1, 49_999),
        (1, -4501, 2, 1, 49_998),
        (1, -4501, 1, 2, 49_998),
        (-1, 5499, 1, 1, 50_001),
        (-1, 5499, 2, 1, 50_002),
    ],
)
def test_a_fillable_price_is_the_venues(size, cash_held, slope, spread, price):
    perp = Perp(size * WAD // 10, 50_000 * WAD, WAD // 10)
    net = cash_held * WAD + size * 5_000 * WAD
    found = fillable_price(perp, net, perp.requirement, spread * WAD // 10, slope * WAD)
    assert found == price * WAD


@pytest.mark.parametrize(
    ("size", "price", "margin", "leverage", "wanted"),
    [(0.1, 50_000, 500, 40, 45569.620253), (-10, 3_000, 6_000, 25, 3529.411765)],
)
def test_a_liquidation_price_is_the_venues(size, price, margin, leverage, wanted):
    perp = Perp(int(size * 10) * WAD // 10, price * WAD, WAD // (2 * leverage))
    assert abs(liquidation_price(perp, margin * WAD) / WAD - wanted) < 1e-6


@given(st.integers(1, 10**24), st.booleans(), st.integers(10**15, 10**23), st.integers(1, 10**25))
def test_at_the_liquidation_price_the_margin_is_used_up(size, is_long, price, margin):
    perp = Perp(size if is_long else -size, price, WAD // 20)
    found = liquidation_price(perp, margin)
    if found:
        value = margin * WAD + perp.size * (found - price)
        needed = size * found // 20
        assert abs(value - needed) <= 4 * size + 4 * WAD + 4 * price
