"""No minority of sources moves the price, and nothing broken has a vote."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.pricing.oracle import (
    OracleParams,
    Track,
    aggregate,
    remember,
)
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


@given(st.lists(prices, min_size=3, max_size=3), prices, st.integers(1, 4))
def test_one_of_four_that_outweighs_the_others_together_is_capped_below_them(
    honest, hostile, weight
):
    samples = [Sample(f"h{i}", "push", p, 0) for i, p in enumerate(honest)]
    samples.append(Sample("x", "amm", hostile, 0))
    got = aggregate(samples, NOW, PARAMS._replace(weights=(("x", weight),)))
    assert min(honest) <= got.price <= max(honest)


def capped(samples, weights):
    """RISK 2.6: min(w, .4 W), in tenths."""
    weighed = {sample.source: weights.get(sample.source, 1) for sample in samples}
    return {name: min(10 * w, 4 * sum(weighed.values())) for name, w in weighed.items()}


@st.composite
def worlds(draw):
    """Honest sources that are sound and follow their market; hostile ones with any past and any
    words; weights of all kinds."""
    middle = draw(st.integers(10**6, 10**30))
    count = draw(st.integers(1, 6))
    still = draw(st.booleans())  # honest sources that repeat themselves do so in a calm market only
    honest, hostile, tracks = [], [], []
    for i in range(count):
        price = middle * draw(st.integers(95, 105)) // 100
        sure = price * draw(st.integers(0, 10_000)) // 10**6
        time = NOW - draw(st.integers(0, 60))
        honest.append(Sample(f"h{i}", draw(st.sampled_from("ab")), price, sure, time))
        if still:
            past = Track(f"h{i}", time - 1, price, 30, NOW - 900, ((NOW - 900, price),))
            tracks.append(past)
    for i in range(draw(st.integers(0, 6))):
        price = draw(st.integers(-5, 10**31))
        sample = Sample(
            f"x{i}", "c", price, draw(st.integers(-1, 10**29)), NOW + draw(st.integers(-99, 9))
        )
        hostile += [sample] * draw(st.integers(1, 3))
        turns = ((NOW - 950, draw(st.integers(1, 10**31))), (NOW - 99, 1))
        past = Track(f"x{i}", NOW - 100, max(price, 1), 40, NOW - 950, turns)
        tracks += [past] * draw(st.integers(0, 1))
    weights = tuple(
        (s.source, draw(st.integers(1, 50))) for s in {*honest, *hostile} if draw(st.booleans())
    )
    return honest, hostile, tracks, weights, draw(st.randoms(use_true_random=False))


@given(worlds())
def test_less_than_half_the_capped_weight_never_leaves_the_honest_votes(world):
    honest, hostile, tracks, weights, random = world
    said = [*honest, *hostile]
    random.shuffle(said)
    params = OracleParams(60, weights=weights)
    got = aggregate(said, NOW, params, tracks)
    sound = {*got.sources, *(source for source, why in got.refused if why == "frozen")}
    heard = {sample.source: sample for sample in said if sample.source in sound}.values()
    shares = capped(heard, dict(weights))
    against = sum(share for name, share in shares.items() if name.startswith("x"))
    if 2 * against >= sum(shares.values()):
        return
    assert {s.source for s in honest} <= set(got.sources), "no honest source is silenced"
    assert min(s.price - s.confidence for s in honest) <= got.price
    assert got.price <= max(s.price + s.confidence for s in honest)


def test_more_than_half_of_all_weight_in_one_hand_is_less_than_half_of_the_capped():
    honest = [Sample(f"h{i}", "push", (4000 + i) * WAD) for i in range(3)]
    liar = Sample("x", "amm", 6000 * WAD)
    weights = (("x", 55), *((s.source, 15) for s in honest))
    got = aggregate([*honest, liar], NOW, PARAMS._replace(weights=weights))
    assert 3999 * WAD <= got.price <= 4003 * WAD


def ticking(source, prices, step=10):
    """The track of a source that said these prices, the newest ten seconds ago."""
    track: tuple[Track, ...] = ()
    for i, price in enumerate(prices):
        time = NOW - step * (len(prices) - i)
        track = remember(track, [Sample(source, "any", price, 0, time)])
    return track


MOVING = [(4000 + 3 * i) * WAD for i in range(20)]  # 1.4 % in all


def test_a_source_that_repeats_itself_while_the_others_move_has_no_vote():
    tracks = ticking("chainlink", MOVING) + ticking("pyth", MOVING)
    tracks += ticking("twap", [4000 * WAD] * 20)
    now = [
        Sample("chainlink", "push", 4060 * WAD),
        Sample("pyth", "pull", 4061 * WAD),
        Sample("twap", "amm", 4000 * WAD),
    ]
    got = aggregate(now, NOW, PARAMS, tracks)
    assert got.refused == (("twap", "frozen"),)
    assert (got.price, got.state) == (4060 * WAD + WAD // 2, "DEGRADED")


def test_nineteen_equal_reports_or_a_calm_market_silence_nobody():
    few = ticking("twap", [4000 * WAD] * 18)
    moving = ticking("chainlink", MOVING) + ticking("pyth", MOVING)
    assert aggregate(three(price=4000 * WAD), NOW, PARAMS, moving + few).refused == ()
    calm = [4000 * WAD + i * WAD for i in range(20)]
    tracks = ticking("chainlink", calm) + ticking("pyth", calm)
    tracks += ticking("twap", [4000 * WAD] * 20)
    assert aggregate(three(price=4000 * WAD), NOW, PARAMS, tracks).state == "OK"


def test_one_that_moves_alone_silences_nobody():
    wild = [(4000 + 40 * i) * WAD for i in range(20)]
    tracks = ticking("chainlink", [4000 * WAD] * 20) + ticking("pyth", [4002 * WAD] * 20)
    tracks += ticking("twap", wild)
    got = aggregate(three(price=4800 * WAD), NOW, PARAMS, tracks)
    assert got.refused == ()
    assert got.price == 4002 * WAD, "an honest vote"


def test_a_report_older_than_the_last_has_no_vote():
    tracks = (Track("twap", NOW - 5, 4001 * WAD, 1, NOW - 5, ((NOW - 5, 4001 * WAD),)),)
    got = aggregate(three(time=NOW - 6), NOW, PARAMS, tracks)
    assert got.refused == (("twap", "outOfOrder"),)
    assert aggregate(three(time=NOW - 5), NOW, PARAMS, tracks).state == "OK"


def test_what_is_no_number_has_no_vote():
    nan: Any = float("nan")
    assert reasons(three(price=nan)) == {"twap": "notPositive"}
    assert reasons(three(confidence=nan)) == {"twap": "notPositive"}


def test_a_source_that_weighs_nothing_has_no_vote_and_is_no_class():
    got = aggregate(three(), NOW, PARAMS._replace(weights=(("twap", 0),)))
    assert (got.refused, got.state) == ((("twap", "weightless"),), "DEGRADED")


def test_the_traded_venue_never_values_its_own_collateral():
    """2025-10-10: a synthetic dollar at .65 on one venue's book, near its peg everywhere else."""
    dollar = [
        Sample("book", "own", 6567 * WAD // 10_000, WAD // 500),
        Sample("pool", "dex", 996 * WAD // 1000, WAD // 500),
        Sample("exchange", "cex", 972 * WAD // 1000, WAD // 250),
        Sample("net", "net", 985 * WAD // 1000, WAD // 200),
    ]
    got = aggregate(dollar, NOW, PARAMS._replace(traded=frozenset({"book"})))
    assert got.refused == (("book", "tradedVenue"),)
    assert 976 * WAD // 1000 <= got.price <= 990 * WAD // 1000
    assert got.state == "UNCERTAIN"
    assert aggregate(dollar, NOW, PARAMS).price >= 968 * WAD // 1000, "nor could it alone"


def test_a_settlement_token_off_its_peg_makes_every_price_uncertain():
    off = PARAMS._replace(settlement=WAD * 989 // 1000)
    assert aggregate(three(), NOW, off).state == "UNCERTAIN"
    assert aggregate(three(), NOW, off).price == 4001 * WAD
    assert aggregate(three()[:2], NOW, off).state == "DEGRADED"
    assert aggregate(three(), NOW, PARAMS._replace(settlement=WAD * 99 // 100)).state == "OK"
