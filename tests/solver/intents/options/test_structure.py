"""Every structure by name and by selector, and only what its word means when it is signed."""

from typing import Any

import pytest

from solver.domain.errors import Infeasible, Malformed, SolventError
from solver.domain.program import CollateralFlow, TokenFlow
from solver.intents import compile_intent
from tests.solver.intents.options.world import (
    DECEMBER,
    FRIDAYS,
    HELD,
    JANUARY,
    QUOTED,
    compiled,
    contracts,
    drafted,
    option,
    quoted,
)
from tests.solver.pricing.world import OWNER, USDC, WAD, WETH, account, bitcoin

NAME = "ETH-20261225-{}-{}".format
NEXT = "ETH-20270129-{}-{}".format
STRUCTURES: dict[str, dict[str, Any]] = {
    "straddle": {"side": "buy", "at": "ETH-20261225-3600"},
    "strangle": {"side": "sell", "put": NAME(3200, "P"), "call": NAME(4200, "C")},
    "vertical": {"right": "call", "long": NAME(4000, "C"), "short": NAME(4400, "C")},
    "collar": {"underlying": "ETH", "put": NAME(3200, "P"), "call": NAME(4200, "C")},
    "calendar": {"right": "put", "near": NAME(3600, "P"), "far": NEXT(3600, "P")},
    "butterfly": {
        "right": "call",
        "lower": NAME(3400, "C"),
        "middle": NAME(3800, "C"),
        "upper": NAME(4200, "C"),
    },
    "ironCondor": {
        "putLong": NAME(2800, "P"),
        "putShort": NAME(3200, "P"),
        "callShort": NAME(4200, "C"),
        "callLong": NAME(4600, "C"),
    },
}
SELECTED: dict[str, Any] = {
    "outcome": "ironCondor",
    "underlying": "ETH",
    "size": "2",
    "tenorDays": [20, 40],
} | {
    "putLong": {"delta": "0.1"},
    "putShort": {"delta": "0.25"},
    "callShort": {"delta": "0.25"},
    "callLong": {"delta": "0.1"},
}


def named(word, **changes):
    return {"outcome": word, "size": "2"} | STRUCTURES[word] | changes


def rows(word, **changes):
    return [
        (side, f"{contract.strike // WAD}{contract.kind.name[0]}", quantity // WAD)
        for side, contract, quantity in contracts(named(word, **changes))
    ]


def refused(request, world=QUOTED, **terms):
    with pytest.raises(SolventError) as caught:
        drafted(request, world=world, **terms)
    return caught.value.code, caught.value.field


def test_by_name_each_leg_is_the_contract_named():
    assert rows("straddle") == [("buy", "3600P", 2), ("buy", "3600C", 2)]
    assert rows("strangle") == [("sell", "3200P", 2), ("sell", "4200C", 2)]
    assert rows("vertical") == [("buy", "4000C", 2), ("sell", "4400C", 2)]
    assert rows("collar") == [("buy", "3200P", 2), ("sell", "4200C", 2)]
    assert rows("calendar") == [("sell", "3600P", 2), ("buy", "3600P", 2)]
    assert rows("butterfly") == [("buy", "3400C", 2), ("sell", "3800C", 4), ("buy", "4200C", 2)]
    condor = [("buy", "2800P", 2), ("sell", "3200P", 2), ("sell", "4200C", 2), ("buy", "4600C", 2)]
    assert rows("ironCondor") == condor


@pytest.mark.parametrize("word", ["straddle", "strangle", "calendar", "butterfly", "ironCondor"])
def test_the_other_side_turns_every_leg(word):
    default = {"straddle": "buy", "strangle": "sell", "ironCondor": "sell"}.get(word, "buy")
    turned = {"buy": "sell", "sell": "buy"}
    other = [(turned[side], name, size) for side, name, size in rows(word, side=default)]
    assert rows(word, side=turned[default]) == other


def test_a_condor_by_selectors_has_one_expiry_and_rising_strikes():
    legs = contracts(SELECTED)
    assert {contract.expiry for _, contract, _ in legs} == {FRIDAYS[3]}
    assert [side for side, _, _ in legs] == ["buy", "sell", "sell", "buy"]
    strikes = [contract.strike for _, contract, _ in legs]
    assert strikes == sorted(set(strikes))
    assert drafted(SELECTED) == drafted(SELECTED)


def test_legs_that_want_one_strike_give_way_to_each_other():
    near = SELECTED | {"putLong": {"delta": "0.24"}, "callLong": {"delta": "0.24"}}
    strikes = [contract.strike for _, contract, _ in contracts(near)]
    assert strikes == sorted(set(strikes))


def test_selectors_take_the_expiry_of_a_name_beside_them():
    mixed = named("vertical", long=NAME(4000, "C"), short={"moneyness": "1.2"})
    assert [contract.expiry for _, contract, _ in contracts(mixed)] == [DECEMBER] * 2
    assert refused(mixed | {"tenorDays": [5, 10]}) == ("noContract", "request.long")


def test_an_expiry_without_all_legs_is_passed_over():
    gone = [option("P", 3_600, FRIDAYS[3]), option("C", 3_600, FRIDAYS[3])]
    at: dict[str, Any] = {"outcome": "straddle", "underlying": "ETH", "side": "buy", "size": "1"}
    at |= {"at": {"strike": "3600"}, "tenorDays": [20, 40]}
    (put, call) = contracts(at, world=quoted(gone[0]))
    assert put[1].strike == call[1].strike == 3_400 * WAD
    assert [c.expiry for _, c, _ in contracts(at)] == [FRIDAYS[3]] * 2


def test_a_butterfly_by_width_has_its_wings_listed():
    wide: dict[str, Any] = {
        "outcome": "butterfly",
        "underlying": "ETH",
        "right": "put",
        "size": "1",
    }
    wide |= {"middle": {"moneyness": "1"}, "width": "600", "tenorDays": 28}
    assert [c.strike // WAD for _, c, _ in contracts(wide)] == [3_000, 3_600, 4_200]
    gone = quoted(option("P", 3_000, FRIDAYS[3]))
    strikes = [c.strike // WAD for _, c, _ in contracts(wide, world=gone)]
    assert strikes == [2_800, 3_400, 4_000]
    assert refused(wide | {"width": "650"})[0] == "noContract"
    assert refused(wide | {"lower": NAME(3000, "P")})[1] == "request.lower"
    assert refused(wide | {"width": None})[1] == "request.lower"


def test_a_butterfly_by_three_selectors_keeps_equal_wings():
    wings: dict[str, Any] = {
        "outcome": "butterfly",
        "underlying": "ETH",
        "right": "call",
        "size": "1",
    }
    wings |= {"lower": {"delta": "0.7"}, "middle": {"delta": "0.45"}, "upper": {"delta": "0.2"}}
    low, middle, high = (c.strike for _, c, _ in contracts(wings | {"tenorDays": 28}))
    assert middle - low == high - middle > 0


def test_a_calendar_finds_one_strike_in_two_expiries():
    across: dict[str, Any] = {
        "outcome": "calendar",
        "underlying": "ETH",
        "right": "call",
        "size": "1",
    }
    across |= {"near": {"delta": "0.5", "tenorDays": [5, 15]}, "far": {"tenorDays": [60, 80]}}
    near, far = (contract for _, contract, _ in contracts(across))
    assert near.strike == far.strike
    assert (near.expiry, far.expiry) == (FRIDAYS[0], JANUARY)
    gone = quoted(option("C", near.strike // WAD, JANUARY))
    other, _ = (contract for _, contract, _ in contracts(across, world=gone))
    assert other.strike != near.strike
    strikeless = across | {"near": {"tenorDays": 7}}
    assert refused(strikeless)[1] == "request.near"
    assert refused(across | {"far": {"delta": "0.2"}})[1] == "request.far"
    assert refused(across | {"far": {"delta": "0.5", "tenorDays": 70}})[1] == "request.far"
    assert refused(across | {"far": NEXT(4000, "C")})[1] == "request.near"
    assert refused(across | {"far": {"tenorDays": [1, 4]}})[0] == "noContract"
    by_far = across | {"near": {"tenorDays": 7}, "far": NEXT(4000, "C")}
    assert [c.strike for _, c, _ in contracts(by_far)] == [4_000 * WAD] * 2


def test_a_straddle_is_at_the_money_unless_told_otherwise():
    plain: dict[str, Any] = {
        "outcome": "straddle",
        "underlying": "ETH",
        "side": "sell",
        "size": "1",
    }
    plain |= {"expiry": "2026-12-25"}
    assert [c.strike for _, c, _ in contracts(plain)] == [3_600 * WAD] * 2
    between = quoted(price=3_700 * WAD)
    assert [c.strike for _, c, _ in contracts(plain, world=between)] == [3_600 * WAD] * 2
    in_at = plain | {"expiry": None, "at": {"expiry": "20261225"}}
    assert contracts(in_at) == contracts(plain)
    assert refused(plain | {"at": {"right": "call", "moneyness": "1"}})[1] == "request.at.right"
    assert refused(plain | {"at": {"delta": "0.5"}})[1] == "request.at.delta"
    assert refused(plain | {"at": NAME(3600, "C")})[1] == "request.at"
    assert refused(plain | {"expiry": None})[1] == "request.at"


def test_a_tenor_is_said_once():
    twice = SELECTED | {"putLong": {"delta": "0.1", "tenorDays": 30}}
    assert refused(twice)[1] == "request.putLong.tenorDays"
    wrong = SELECTED | {"putLong": {"delta": "0.1", "right": "call"}}
    assert refused(wrong)[1] == "request.putLong.right"


def test_a_collar_is_covered_like_a_covered_call():
    program = compiled(named("collar"))
    assert program.collateral == (CollateralFlow(2, WETH.address, "auto", 2 * WAD, 2**256 - 1),)
    assert refused(named("collar", size="31"))[0] == "insufficientFunds"
    bought = compiled(named("collar", hold=False), account(cash=10**11))
    assert bought.buys == (TokenFlow(2, WETH.address, 2 * WAD, 2**256 - 1),)
    assert bought.sells[0].token == USDC.address


def test_the_cost_is_bounded_once_and_something_bounds_it():
    limits = drafted(named("ironCondor", minNetPremium="20.5")).limits
    assert limits.max_net_cost == -20_500_000
    assert drafted(named("vertical", maxNetCost="450")).limits.max_net_cost == 450_000_000
    both = named("vertical", maxNetCost="450")
    assert refused(both, minNetPremium="1") == ("malformed", "request.maxNetCost")
    assert refused(named("vertical"), slippageBps=None) == ("unbounded", "legs.0")


def test_nothing_between_atoms_is_rounded():
    assert refused(named("vertical", maxNetCost="0.0000001"))[1] == "request.maxNetCost"
    odd = drafted(named("butterfly", size="0.000000000000000001"))
    assert [leg.quantity_min for leg in odd.legs] == [1, 2, 1]


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        ("strangle", {"put": NAME(4400, "P")}),
        ("strangle", {"put": NAME(4200, "P")}),
        ("vertical", {"short": NAME(4000, "C")}),
        ("vertical", {"short": NEXT(4400, "C")}),
        ("collar", {"put": NAME(4400, "P")}),
        ("calendar", {"far": NEXT(3800, "P")}),
        ("calendar", {"far": NAME(3600, "P")}),
        ("butterfly", {"upper": NAME(4400, "C")}),
        ("ironCondor", {"putLong": NAME(3400, "P")}),
        ("ironCondor", {"callLong": NEXT(4600, "C")}),
        ("ironCondor", {"putShort": NAME(4200, "P")}),
    ],
)
def test_names_that_do_not_make_the_structure_are_refused(word, changes):
    with pytest.raises(Infeasible) as caught:
        drafted(named(word, **changes))
    assert caught.value.code == "noContract"


# ---- signed by whomever


def signed(word, change):
    """Returns the refusal of the named structure with its legs changed."""
    intent = drafted(named(word))
    intent = intent._replace(legs=tuple(change(list(intent.legs))))
    with pytest.raises(Malformed) as caught:
        compile_intent(intent, HELD, QUOTED, "eip712")
    return caught.value.code, caught.value.field


def one(index, **changes):
    return lambda legs: [
        leg._replace(**changes) if place == index else leg for place, leg in enumerate(legs)
    ]


def strike(index, at):
    return one(index, strike_min=at * WAD, strike_max=at * WAD)


def expiry(index, at):
    return one(index, expiry_min=at, expiry_max=at)


@pytest.mark.parametrize("word", list(STRUCTURES))
def test_every_order_of_the_legs_means_the_same(word):
    intent = drafted(named(word))
    for legs in (intent.legs[::-1], intent.legs[1:] + intent.legs[:1]):
        compile_intent(intent._replace(legs=legs), HELD, QUOTED, "eip712")


@pytest.mark.parametrize("word", list(STRUCTURES))
def test_a_leg_less_or_more_is_another_structure(word):
    assert signed(word, lambda legs: legs[1:])[0] == "legShape"
    assert signed(word, lambda legs: [*legs, legs[0]])[0] == "legShape"


@pytest.mark.parametrize("word", list(STRUCTURES))
def test_legs_name_one_contract_and_an_exact_quantity(word):
    wide = one(0, strike_max=5_000 * WAD)
    assert signed(word, wide) == ("legShape", "legs.0.strikeMax")
    assert signed(word, one(0, expiry_max=JANUARY + 1)) == ("legShape", "legs.0.expiryMax")
    loose = one(1, quantity_min=0)
    assert signed(word, loose) == ("legShape", "legs.1.quantityMin")


@pytest.mark.parametrize("word", list(STRUCTURES))
def test_ratios_are_kept(word):
    double = one(1, quantity_min=8 * WAD, quantity_max=8 * WAD)
    assert signed(word, double) == ("legShape", "legs.1.quantityMin")


@pytest.mark.parametrize("word", [word for word in STRUCTURES if word != "calendar"])
def test_one_expiry_is_kept(word):
    assert signed(word, expiry(1, JANUARY))[0] == "legShape"


@pytest.mark.parametrize("word", [word for word in STRUCTURES if word != "collar"])
def test_one_underlying_is_kept(word):
    other = one(1, asset=bitcoin().base.address)
    assert signed(word, other) == ("legShape", "legs.1.asset")


@pytest.mark.parametrize(
    ("word", "change", "field"),
    [
        ("straddle", one(0, side="sell"), "legs.1.side"),
        ("straddle", one(0, right="call"), "legs.0.right"),
        ("straddle", strike(1, 3_800), "legs.1.strikeMin"),
        ("strangle", strike(0, 4_200), "legs.1.strikeMin"),
        ("strangle", one(1, side="buy"), "legs.1.side"),
        ("vertical", strike(1, 4_000), "legs.1.strikeMin"),
        ("vertical", one(1, right="put"), "legs.0.right"),
        ("calendar", strike(0, 3_400), "legs.1.strikeMin"),
        ("calendar", expiry(1, DECEMBER), "legs.1.expiryMin"),
        ("butterfly", strike(2, 4_400), "legs.2.strikeMin"),
        ("ironCondor", strike(1, 4_200), "legs.2.strikeMin"),
        ("ironCondor", strike(1, 2_600), "legs.2.side"),
        ("collar", strike(1, 3_200), "legs.1.strikeMin"),
        ("collar", one(0, right="call", strike_min=4_000 * WAD, strike_max=4_000 * WAD),
         "legs.0.right"),
        ("collar", one(2, quantity_min=WAD), "legs"),
    ],
)  # fmt: skip
def test_what_the_word_does_not_mean_is_refused(word, change, field):
    assert signed(word, change) == ("legShape", field)


def test_a_collar_is_not_sold():
    def turn(legs):
        return [legs[0]._replace(side="sell"), legs[1]._replace(side="buy"), legs[2]]

    assert signed("collar", turn) == ("legShape", "legs.0.side")
    assert drafted(named("collar")).owner == OWNER
