"""What is chosen is listed, quoted on the needed side, nearest to what was asked, and the same
every time; a range holds what the selector means and nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Infeasible, Malformed
from solver.domain.market import Ladder
from solver.intents.listing import described
from solver.pricing.greeks import delta_of
from tests.solver.intents.options.world import (
    DECEMBER,
    EXPIRIES,
    FRIDAYS,
    HELD,
    JANUARY,
    QUOTED,
    STRIKES,
    TIME,
    compiled,
    contracts,
    drafted,
    option,
    quoted,
)
from tests.solver.pricing.world import WAD

ETH = QUOTED.underlyings[0]


def asking(outcome="sellOption", **selector):
    return {"outcome": outcome, "underlying": "ETH", "size": "1", "instrument": selector}


def chosen(world=QUOTED, outcome="sellOption", **selector):
    ((_, contract, _),) = contracts(asking(outcome, **selector), world=world)
    return contract


def refused(kind, world=QUOTED, outcome="sellOption", **selector):
    with pytest.raises(kind) as caught:
        drafted(asking(outcome, **selector), world=world)
    return caught.value


@pytest.mark.parametrize("right", ["call", "put"])
@pytest.mark.parametrize("delta", ["0.1", "0.25", "0.5", "0.8"])
def test_the_nearest_delta_is_chosen(right, delta):
    contract = chosen(right=right, delta=delta, tenorDays=[20, 40])
    assert contract.expiry == FRIDAYS[3]  # 27.9 days: nearer to 30 than 20.9 and 34.9
    others = [option(right[0].upper(), strike // WAD, FRIDAYS[3]) for strike in STRIKES]
    miss = {each: abs(abs(delta_of(each, ETH, TIME)) - int(float(delta) * WAD)) for each in others}
    assert miss[contract] == min(miss.values())


def test_two_equally_near_expiries_give_the_earlier():
    days = (EXPIRIES[0] + EXPIRIES[1] - 2 * TIME) // 2 // 86_400
    world = quoted(time=EXPIRIES[0] + 3 * 86_400 + 43_200 - days * 86_400)
    assert chosen(world, right="call", moneyness="1", tenorDays=days).expiry == EXPIRIES[0]


@pytest.mark.parametrize(("right", "strike"), [("call", 3_800), ("put", 3_600)])
def test_of_two_equally_near_strikes_the_further_out_of_the_money_is_chosen(right, strike):
    assert chosen(right=right, strike="3700", expiry="20261225").strike == strike * WAD
    between = quoted(price=3_700 * WAD)
    assert chosen(between, right=right, moneyness="1", expiry="20261225").strike == strike * WAD


@pytest.mark.parametrize(("side", "outcome"), [("asks", "buyOption"), ("bids", "sellOption")])
def test_only_what_is_quoted_on_the_needed_side_is_chosen(side, outcome):
    gone = option("C", 3_600).id
    ladders = tuple(
        (ladder._replace(asks=()) if side == "asks" else ladder._replace(bids=()))
        if ladder.instrument == gone
        else ladder
        for ladder in QUOTED.ladders
    )
    world = QUOTED._replace(ladders=ladders)
    other = {"buyOption": "sellOption", "sellOption": "buyOption"}[outcome]
    wanted = {"right": "call", "moneyness": "1", "expiry": "2026-12-25"}
    assert chosen(world, outcome, **wanted) == option("C", 3_800)
    assert chosen(world, other, **wanted) == option("C", 3_600)


def test_ones_own_quotes_do_not_count():
    own = tuple(Ladder(HELD.id, *ladder[1:]) for ladder in QUOTED.ladders)
    error = refused(
        Infeasible, QUOTED._replace(ladders=own), right="call", moneyness="1", tenorDays=30
    )
    assert (error.code, error.data["nearest"]) == ("noContract", [])


def test_an_expiry_that_nobody_quotes_is_passed_over():
    gone = [option(right, strike // WAD, FRIDAYS[3]) for right in ("C", "P") for strike in STRIKES]
    assert chosen(quoted(*gone), right="call", moneyness="1", tenorDays=[20, 40]).expiry in (
        FRIDAYS[2],
        DECEMBER,
    )


def test_a_contract_far_from_what_was_asked_is_not_chosen():
    deep = [option("C", strike // WAD, FRIDAYS[3]) for strike in STRIKES if strike > 2_400 * WAD]
    wanted = {"right": "call", "delta": "0.25"}
    contract = chosen(quoted(*deep), tenorDays=[20, 40], **wanted)
    assert contract.expiry != FRIDAYS[3]
    assert abs(delta_of(contract, ETH, TIME) - WAD // 4) < WAD // 10
    error = refused(Infeasible, quoted(*deep), expiry="20261218", **wanted)
    assert error.code == "noContract"
    assert error.data["nearest"][0]["instrument"] == "ETH-20261218-2400-C"


def test_nothing_that_fits_says_what_came_nearest():
    error = refused(Infeasible, right="put", delta="0.25", tenorDays=[40, 60])
    assert (error.code, error.field) == ("noContract", "request.instrument")
    (nearest,) = error.data["nearest"]
    assert nearest["instrument"] == "ETH-20261225-3200-P"
    assert (nearest["days"], nearest["field"]) == ("34.91", "request.instrument")
    assert nearest["instrument"] in error.detail
    assert nearest["delta"] in error.detail
    assert refused(Infeasible, right="call", delta="0.25", expiry="20261224").code == "noContract"


def test_listed_per_expiry_strikes_are_heeded():
    series = ((DECEMBER, (3_500 * WAD, 3_900 * WAD)),)
    world = quoted(series=series)
    assert chosen(world, right="call", moneyness="1", expiry="20261225").strike == 3_500 * WAD
    assert chosen(world, right="call", moneyness="1", expiry="20261218").strike == 3_600 * WAD
    assert drafted(asking() | {"instrument": "ETH-20261225-3900-C"}, world=world)
    with pytest.raises(Malformed) as caught:
        drafted(asking() | {"instrument": "ETH-20261225-3800-C"}, world=world)
    assert caught.value.code == "instrumentNotListed"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"instrument": {"delta": "0.2", "tenorDays": 30}}, "request.instrument.right"),
        ({"instrument": {"right": "call", "delta": "0.2"}}, "request.instrument"),
        ({"instrument": {"right": "call", "tenorDays": 30}}, "request.instrument"),
        ({"underlying": None}, "request.underlying"),
        ({"underlying": "DOGE"}, "request.underlying"),
        ({"underlying": "BTC", "instrument": "ETH-20261225-4000-C"}, "request.instrument"),
        ({"instrument": "ETH-20261225-4000-X"}, "request.instrument"),
        ({"instrument": "ETH-20261225-4100-C"}, "request.instrument"),
        ({"instrument": "ETH-PERP"}, "request.instrument"),
        ({"size": "0"}, "request.size"),
        ({"minNetPremium": "1", "maxNetCost": "1"}, "request.maxNetCost"),
    ],
)
def test_a_wrong_request_is_refused_with_its_field(request_, field):
    wanted = asking(right="call", delta="0.2", tenorDays=30) | request_
    with pytest.raises(Malformed) as caught:
        drafted(wanted)
    assert caught.value.field == field


# ---- ranges


def span(**selector):
    (leg,) = drafted(asking(**selector)).legs
    return leg


def test_a_pair_signs_the_least_range_of_what_it_means():
    leg = span(right="call", strike=["3700", "4300"], tenorDays=[20, 40])
    assert (leg.strike_min, leg.strike_max) == (3_800 * WAD, 4_200 * WAD)
    assert (leg.expiry_min, leg.expiry_max) == (FRIDAYS[2], DECEMBER)
    near = span(right="put", moneyness=["0.8", "1"], tenorDays=30)
    assert (near.strike_min, near.strike_max) == (3_000 * WAD, 3_600 * WAD)
    assert near.expiry_min == near.expiry_max == FRIDAYS[3]


def test_a_range_over_an_expiry_that_nobody_quotes_holds_it_too():
    gone = [option("C", strike // WAD, FRIDAYS[3]) for strike in STRIKES]
    wanted = asking(right="call", strike=["3700", "4300"], tenorDays=[20, 40])
    (leg,) = drafted(wanted, world=quoted(*gone)).legs
    assert leg == drafted(wanted).legs[0]


deltas = st.integers(5, 95)
days = st.integers(0, 80)


@settings(max_examples=40)
@given(
    st.sampled_from(["call", "put"]),
    st.tuples(deltas, deltas).map(sorted),
    st.one_of(days, st.tuples(days, days).map(sorted)),
)
def test_a_range_of_deltas_holds_nothing_outside_it(right, ends, tenor):
    low, high = (f"{end / 100:.2f}" for end in ends)
    wanted = asking(right=right, delta=[low, high], tenorDays=tenor)
    refusals: list[tuple[str, str | None]] = []
    try:
        program = compiled(wanted)
    except (Infeasible, Malformed) as error:
        refusals.append((error.code, error.field))
    if refusals:
        assert refusals[0][0] in ("noContract", "rangeTooWide")
        assert refusals[0][1] == "request.instrument"
        return
    for packed in program.exposures[0].candidates:
        contract = option("C", 1).unpack(packed)
        delta = abs(delta_of(contract, ETH, TIME))
        assert ends[0] * WAD // 100 <= delta <= ends[1] * WAD // 100
        if isinstance(tenor, list):
            assert tenor[0] * 86_400 <= contract.expiry - TIME <= tenor[1] * 86_400


def test_deltas_over_far_expiries_need_a_narrower_tenor():
    error = refused(Malformed, right="call", delta=["0.2", "0.3"], tenorDays=[5, 75])
    assert error.code == "rangeTooWide"
    assert all(name.startswith("ETH-") for name in error.data["outside"])
    assert "narrow the tenor" in error.detail


def test_a_pair_outside_the_kinds_that_take_one_is_refused():
    wanted: dict[str, Any] = {
        "outcome": "straddle",
        "underlying": "ETH",
        "side": "buy",
        "size": "1",
    }
    wanted |= {"at": {"moneyness": ["0.9", "1.1"], "tenorDays": 30}}
    with pytest.raises(Malformed) as caught:
        drafted(wanted)
    assert caught.value.field == "request.at"


def test_a_contract_is_described_as_it_was_asked_for():
    told = described(option("P", 3_200), ETH, TIME)
    assert told.instrument == "ETH-20261225-3200-P"
    assert (told.days, told.moneyness) == ("34.91", "0.8889")
    assert 0 < float(told.delta) < 0.5
    assert JANUARY in EXPIRIES
