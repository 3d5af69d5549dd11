"""A track keeps what tells a living source from one that repeats itself, and no more."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from solver.domain.numbers import WAD
from solver.pricing.oracle import remember
from solver.pricing.oracle.memory import (
    FROZEN_TICKS,
    TURNS_MAX,
    frozen,
    has_moved,
    is_repeating,
)


class Sample(NamedTuple):
    source: str
    price: int
    time: int
    cls: str = "any"
    confidence: int = 0


def track(prices, source="a"):
    found: tuple = ()
    for time, price in enumerate(prices):
        found = remember(found, [Sample(source, price, time)])
    return found[0]


def test_equal_reports_are_counted_from_the_first_of_them():
    found = track([5, 5, 7, 7, 7])
    assert (found.price, found.equal, found.since, found.time) == (7, 3, 2, 4)


def test_a_source_read_twice_ticks_once_and_an_old_report_not_at_all():
    found = remember([], [Sample("a", 5, 10)])
    assert remember(found, [Sample("a", 5, 10)]) == found
    assert remember(found, [Sample("a", 9, 9)]) == found
    assert remember(found, [Sample("a", 5, 11)])[0].equal == 2


def test_twenty_equal_reports_are_a_repetition():
    assert not is_repeating(track([WAD] * (FROZEN_TICKS - 1)))
    assert is_repeating(track([WAD] * FROZEN_TICKS))


@given(st.lists(st.integers(9_500, 10_500), min_size=1, max_size=100), st.data())
def test_a_move_is_seen_within_two_turns_of_its_true_size(prices, data):
    since = data.draw(st.integers(0, len(prices) - 1))
    found, span = track(prices), prices[since:]
    true = max(span) / min(span) - 1
    if true > 0.015:
        assert has_moved(found, since)
    if max(prices) / min(prices) - 1 <= 0.01:
        assert not has_moved(found, since)


def test_memory_is_bounded():
    wild = track([WAD * (1 + i % 2) for i in range(5 * TURNS_MAX)])
    assert len(wild.turns) == TURNS_MAX
    still = track([WAD] * 1_000)
    assert len(still.turns) == 1


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6), st.data())
def test_movers_of_at_most_half_the_weight_freeze_nobody(shares, data):
    names = [f"s{i}" for i in range(len(shares))]
    movers = data.draw(st.sets(st.sampled_from(names)))
    weights = dict(zip(names, shares, strict=True))
    tracks = {
        name: track([100 + (i if name in movers else 0) for i in range(25)], name) for name in names
    }
    found = frozen(tracks, weights)
    moved = sum(weights[name] for name in movers)
    assert found == (frozenset(names) - movers if 2 * moved > sum(shares) else frozenset())
