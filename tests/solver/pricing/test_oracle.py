"""No minority of sources moves the price, and nothing broken has a vote."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.pricing.oracle import OracleParams, aggregate
from tests.solver.pricing.world import WAD

NOW = 1_795_000_000
PARAMS = OracleParams(heartbeat_seconds=60)


class Sample(NamedTuple):
    source: str
    cls: str
    price: int
    confidence: int = WAD
    time: int = NOW


def three(**third):
    values: dict[str, Any] = {"source": "twap", "cls": "amm", "price": 4001 * WAD} | third
    return [
        Sample("chainlink", "push", 4000 * WAD),
        Sample("pyth", "pull", 4002 * WAD),
        Sample(**values),
    ]


def reasons(samples, params=PARAMS):
    return dict(aggregate(samples, NOW, params).refused)


def test_three_sources_of_two_classes_that_agree_are_ok():
    got = aggregate(three(), NOW, PARAMS)
    assert (got.price, got.state) == (4001 * WAD, "OK")
    assert got.confidence >= got.price // 10_000
    assert got.sources == ("chainlink", "pyth", "twap")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"time": NOW - 61}, "stale"),
        ({"time": NOW + 3}, "future"),
        ({"price": 0, "confidence": 0}, "notPositive"),
        ({"price": -WAD}, "notPositive"),
        ({"confidence": -1}, "notPositive"),
        ({"confidence": 41 * WAD}, "unsure"),
    ],
)
def test_a_broken_source_has_no_vote(broken, reason):
    assert reasons(three(**broken)) == {"twap": reason}
    got = aggregate(three(**broken), NOW, PARAMS)
    assert got.state == "DEGRADED"
    assert got.price == 4001 * WAD


@pytest.mark.parametrize("time", [NOW - 60, NOW + 2])
def test_the_edges_of_time_are_still_valid(time):
    assert aggregate(three(time=time), NOW, PARAMS).state == "OK"


def test_wrong_decimals_are_refused_against_the_reference():
    params = PARAMS._replace(reference=4000 * WAD)
    assert reasons(three(price=4001 * 10**8, confidence=0), params) == {"twap": "scale"}
    assert reasons(three(price=4001 * 10**20, confidence=0), params) == {"twap": "scale"}


def test_wrong_decimals_of_one_source_do_not_move_the_price_even_without_a_reference():
    got = aggregate(three(price=4001 * 10**8, confidence=0), NOW, PARAMS)
    assert 3999 * WAD <= got.price <= 4003 * WAD
    assert got.state == "UNCERTAIN"


def test_a_source_that_repeats_itself_has_one_vote_and_the_newest_counts():
    flood = [Sample("pyth", "pull", 9000 * WAD, WAD, NOW - 1 - i) for i in range(50)]
    assert aggregate([*flood, *three()], NOW, PARAMS) == aggregate(three(), NOW, PARAMS)
    assert aggregate([*three(), *flood], NOW, PARAMS) == aggregate(three(), NOW, PARAMS)


def test_few_or_uniform_sources_degrade():
    one_class = [s._replace(cls="push") for s in three()]
    assert aggregate(one_class, NOW, PARAMS).state == "DEGRADED"
    assert aggregate(three()[:2], NOW, PARAMS).state == "DEGRADED"
    assert aggregate(three()[:1], NOW, PARAMS).state == "HALT"
    assert aggregate([], NOW, PARAMS)[:3] == (0, 0, "HALT")


def test_a_wide_spread_or_a_far_price_is_uncertain():
    wide = [s._replace(price=s.price * (100 + i) // 100) for i, s in enumerate(three())]
    assert aggregate(wide, NOW, PARAMS).state == "UNCERTAIN"
    far = PARAMS._replace(reference=3600 * WAD)
    assert aggregate(three(), NOW, far).state == "UNCERTAIN"


prices = st.integers(1, 10**30)


@given(st.lists(prices, min_size=2, max_size=6), st.data())
def test_fewer_hostile_than_honest_sources_never_leave_the_honest_range(honest, data):
    hostile = data.draw(st.lists(prices, max_size=len(honest) - 1))
    samples = [Sample(f"h{i}", "push", p, 0) for i, p in enumerate(honest)]
    samples += [Sample(f"x{i}", "amm", p, 0) for i, p in enumerate(hostile)]
    got = aggregate(data.draw(st.permutations(samples)), NOW, PARAMS)
    assert min(honest) <= got.price <= max(honest)


@given(st.lists(st.tuples(prices, st.integers(1, 100)), min_size=3, max_size=3), prices)
def test_no_weight_lets_one_of_four_decide(honest, hostile):
    samples = [Sample(f"h{i}", "push", p, 0) for i, (p, _) in enumerate(honest)]
    samples.append(Sample("x", "amm", hostile, 0))
    equal = PARAMS._replace(weights=(("x", 2),))
    got = aggregate(samples, NOW, equal)
    assert min(p for p, _ in honest) <= got.price <= max(p for p, _ in honest)
