"""One option bought or sold, and the covered call that takes the same selectors."""

from typing import Any

import pytest

from solver.domain.errors import Malformed
from solver.domain.intent import Leg
from solver.intents import compile_intent
from tests.solver.intents.options.world import (
    DECEMBER,
    FRIDAYS,
    HELD,
    QUOTED,
    compiled,
    contracts,
    drafted,
    option,
)
from tests.solver.pricing.world import WAD, WETH

BY_NAME = {"instrument": "ETH-20261225-3200-P", "size": "1.5", "limitPrice": "60.25"}
BY_SELECTOR: dict[str, Any] = {"underlying": "ETH", "size": "1"} | {
    "instrument": {"right": "call", "delta": "0.25", "tenorDays": [20, 40]}
}
BY_PAIR = BY_SELECTOR | {"instrument": {"right": "put", "delta": ["0.15", "0.35"], "tenorDays": 28}}


@pytest.mark.parametrize(("outcome", "side"), [("buyOption", "buy"), ("sellOption", "sell")])
def test_a_named_option_is_one_exact_leg(outcome, side):
    strike, size = 3_200 * WAD, 3 * WAD // 2
    (leg,) = drafted({"outcome": outcome} | BY_NAME).legs
    at = (strike, strike, DECEMBER, DECEMBER, size, size, 60_250_000_000_000_000_000)
    assert leg == Leg("option", WETH.address, side, "put", *at)


@pytest.mark.parametrize("outcome", ["buyOption", "sellOption"])
def test_a_selected_option_is_one_exact_leg_and_the_same_each_time(outcome):
    request = {"outcome": outcome} | BY_SELECTOR
    ((_, contract, _),) = contracts(request)
    assert contract == option("C", 4_200, FRIDAYS[3])
    assert drafted(request) == drafted(request)


@pytest.mark.parametrize("outcome", ["buyOption", "sellOption"])
def test_a_pair_compiles_to_every_contract_inside(outcome):
    (exposure,) = compiled({"outcome": outcome} | BY_PAIR).exposures
    assert set(exposure.candidates) == {
        option("P", strike, FRIDAYS[3]).id for strike in (3_200, 3_400)
    }


def test_a_bought_option_is_not_sold_and_stands_alone():
    intent = drafted({"outcome": "buyOption"} | BY_NAME)
    (leg,) = intent.legs
    for legs in ((leg._replace(side="sell"),), (leg, leg), (leg._replace(side="auto"),)):
        with pytest.raises(Malformed) as caught:
            compile_intent(intent._replace(legs=legs), HELD, QUOTED, "eip712")
        assert caught.value.code in ("legShape", "legPrice")


COVERED: dict[str, Any] = {"outcome": "coveredCall", "underlying": "ETH", "size": "10"}


def test_a_covered_call_takes_a_selector_without_right():
    request: dict[str, Any] = COVERED | {"instrument": {"delta": "0.25", "tenorDays": [20, 40]}}
    ((side, contract, size),) = contracts(request)
    assert (side, contract, size) == ("sell", option("C", 4_200, FRIDAYS[3]), 10 * WAD)
    request["instrument"] |= {"right": "put"}
    with pytest.raises(Malformed) as caught:
        drafted(request)
    assert caught.value.field == "request.instrument.right"


def test_a_covered_call_takes_a_range():
    pair = COVERED | {"instrument": {"strike": ["4000", "4400"], "expiry": "20261225"}}
    (exposure,) = compiled(pair).exposures
    assert len(exposure.candidates) == 3
