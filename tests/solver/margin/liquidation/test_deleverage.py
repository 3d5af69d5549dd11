"""Deleveraging raises the deficit to the atom, in proportion, within caps, whatever the gains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.margin.liquidation.deleverage import (
    Deleveraging,
    Haircut,
    Winner,
    deleveraging,
    round_of,
)

keys = st.binary(min_size=32, max_size=32)


@st.composite
def events(draw):
    """A deficit that the rooms hold, and winners of whom some paid a page before."""
    names = draw(st.lists(keys, min_size=1, max_size=12, unique=True))
    gains = [draw(st.integers(4, 10**12)) for _ in names]
    taken = [0] + [draw(st.sampled_from((0, 0, gain // 8, gain))) for gain in gains[1:]]
    winners = [Winner(*row) for row in zip(names, gains, taken, strict=True)]
    rooms = sum(w.room for w in winners)
    return draw(st.integers(1, rooms)), winners


@given(events())
def test_what_is_raised_is_the_deficit_and_nobody_pays_above_the_cap(event):
    deficit, winners = event
    paid = {cut.key: cut.amount for cut in deleveraging(deficit, winners).haircuts}
    assert sum(paid.values()) == deficit
    assert all(0 <= paid[w.key] <= w.room for w in winners)
    assert all(4 * (paid[w.key] + w.taken) <= w.gain for w in winners if paid.get(w.key))


@given(events())
def test_neighbours_below_their_caps_pay_in_proportion_to_an_atom(event):
    deficit, winners = event
    paid = {cut.key: cut.amount for cut in deleveraging(deficit, winners).haircuts}
    free = [w for w in winners if paid.get(w.key, 0) < w.room]
    for one in free:
        for other in winners:
            over = paid.get(other.key, 0) * one.gain - paid.get(one.key, 0) * other.gain
            assert over <= one.gain + other.gain  # who is at the cap pays less, nobody more


@given(events(), st.randoms(use_true_random=False))
def test_the_order_of_winners_changes_nothing(event, order):
    deficit, winners = event
    shuffled = list(winners)
    order.shuffle(shuffled)
    assert deleveraging(deficit, winners) == deleveraging(deficit, shuffled)


def test_an_excess_over_one_cap_is_spread_over_the_others():
    half_paid = Winner(b"\1" * 32, 400, taken=90)
    fresh = Winner(b"\2" * 32, 400), Winner(b"\3" * 32, 800)
    cuts = deleveraging(250, (half_paid, *fresh)).haircuts
    assert [cut.amount for cut in cuts] == [10, 80, 160]


def test_atoms_left_over_go_to_the_largest_remainders():
    winners = [Winner(bytes([n]) * 32, gain) for n, gain in ((1, 100), (2, 150), (3, 50))]
    cuts = deleveraging(10, winners).haircuts  # 3.33, 5, 1.67
    assert [cut.amount for cut in cuts] == [3, 5, 2]


def test_what_the_caps_do_not_hold_is_refused_with_what_they_would():
    with pytest.raises(Infeasible) as refused:
        deleveraging(26, (Winner(b"\1" * 32, 100),))
    assert refused.value.code == "deficitTooLarge"
    assert refused.value.data["raisableAtoms"] == "25"


def test_who_gained_nothing_pays_nothing():
    cuts = deleveraging(5, (Winner(b"\1" * 32, 100), Winner(b"\2" * 32, 0))).haircuts
    assert [cut.key for cut in cuts] == [b"\1" * 32]


def test_the_root_changes_with_every_word():
    cut = Haircut(b"\1" * 32, 100, 5)
    base = Deleveraging(5, 0, (cut,)).root
    for other in (cut._replace(key=b"\2" * 32), cut._replace(gain=101), cut._replace(amount=6)):
        assert Deleveraging(5, 0, (other,)).root != base
    assert Deleveraging(5, 0, (cut, cut)).root != base


@given(events())
def test_a_round_on_chain_is_in_proportion_for_everybody_listed(event):
    deficit, winners = event
    try:
        found = round_of(deficit, winners)
    except Infeasible:
        return
    assert sum(cut.amount for cut in found.haircuts) == deficit
    taken = {w.key: w.taken for w in winners}
    for key, gain, amount in found.haircuts:
        assert abs(amount * found.total_gain - deficit * gain) < found.total_gain
        assert 4 * (taken[key] + amount) <= gain


def test_a_first_round_is_the_water_level_and_a_spent_account_is_left_out():
    fresh = [Winner(bytes([n]) * 32, gain) for n, gain in ((1, 100), (2, 333), (3, 50))]
    assert round_of(120, fresh) == deleveraging(120, fresh)
    spent = [fresh[0]._replace(taken=25), *fresh[1:]]
    assert [cut.key for cut in round_of(20, spent).haircuts] == [b"\2" * 32, b"\3" * 32]
    with pytest.raises(Infeasible):
        round_of(121, fresh)
