"""A roll closes what is held and opens the same side later, in one intent."""

import pytest

from solver.domain.errors import Expired, Malformed, Refused, SolventError
from solver.intents import compile_intent
from tests.solver.intents.options.world import (
    DECEMBER,
    HELD,
    HELD_CALL,
    HELD_PUT,
    JANUARY,
    QUOTED,
    contracts,
    drafted,
    option,
    quoted,
)
from tests.solver.pricing.world import WAD, account

ROLL = {"outcome": "roll", "instrument": "ETH-20261225-4000-C"}


def refused(request, held=HELD, **terms):
    with pytest.raises(SolventError) as caught:
        drafted(request, held=held, **terms)
    return caught.value


def test_by_default_the_strike_stays_and_the_expiry_is_the_next():
    assert contracts(ROLL) == [
        ("buy", HELD_CALL, 2 * WAD),
        ("sell", option("C", 4_000, JANUARY), 2 * WAD),
    ]
    put = ROLL | {"instrument": "ETH-20261225-3200-P", "size": "0.5"}
    assert contracts(put) == [
        ("sell", HELD_PUT, WAD // 2),
        ("buy", option("P", 3_200, JANUARY), WAD // 2),
    ]


def test_a_near_one_rolls_into_the_next_week():
    near = option("C", 4_000, DECEMBER - 14 * 86_400)
    name = ROLL | {"instrument": "ETH-20261211-4000-C"}
    held = account((near, -WAD))
    assert contracts(name, held=held)[1][1].expiry == DECEMBER - 7 * 86_400
    gone = quoted(option("C", 4_000, DECEMBER - 7 * 86_400))
    assert contracts(name, held=held, world=gone)[1][1].expiry == DECEMBER


def test_the_new_strike_may_be_named_or_selected():
    assert contracts(ROLL | {"to": {"delta": "0.2"}})[1][1].strike > HELD_CALL.strike
    by_name = ROLL | {"to": "ETH-20270129-4400-C"}
    assert contracts(by_name)[1][1] == option("C", 4_400, JANUARY)
    assert drafted(by_name) == drafted(by_name)


def test_limit_prices_are_of_their_legs():
    request = ROLL | {"limitPrice": "100", "closeLimitPrice": "150.5", "maxNetCost": "40"}
    intent = drafted(request)
    assert [leg.limit_price for leg in intent.legs] == [150_500_000_000_000_000_000, 100 * WAD]
    assert intent.limits.max_net_cost == 40_000_000


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ({"tenorDays": [5, 30]}, "noContract"),
        ("ETH-20261218-4000-C", "noContract"),
        ("ETH-20261225-4400-C", "noContract"),
        ("ETH-20270129-4000-P", "malformed"),
        ({"right": "put"}, "malformed"),
        ({"moneyness": ["1", "1.2"]}, "malformed"),
    ],
)
def test_a_roll_goes_to_a_later_contract_of_the_same_right(to, code):
    error = refused(ROLL | {"to": to})
    assert error.code == code
    assert code != "noContract" or "expire after 2026-12-25" in error.detail


def test_only_what_is_held_is_rolled():
    error = refused(ROLL, account())
    assert isinstance(error, Refused)
    assert (error.code, error.field) == ("nothingToClose", "request.instrument")
    assert refused(ROLL | {"size": "2.5"}).code == "nothingToClose"
    with pytest.raises(Expired):
        drafted(ROLL | {"instrument": "ETH-20261113-4000-C"})


@pytest.mark.parametrize(
    ("index", "changes", "field"),
    [
        (1, {"right": "put"}, "legs.1.right"),
        (1, {"quantity_min": WAD, "quantity_max": WAD}, "legs.1.quantityMin"),
        (0, {"quantity_min": WAD}, "legs.0.quantityMin"),
        (1, {"expiry_min": DECEMBER, "expiry_max": DECEMBER}, "legs.1.expiryMin"),
        (1, {"strike_max": 5_000 * WAD}, "legs.1.strikeMax"),
        (1, {"side": "buy"}, "legs.1"),
    ],
)
def test_a_signed_roll_is_a_roll(index, changes, field):
    intent = drafted(ROLL)
    legs = [leg._replace(**changes) if i == index else leg for i, leg in enumerate(intent.legs)]
    with pytest.raises(Malformed) as caught:
        compile_intent(intent._replace(legs=tuple(legs)), HELD, QUOTED, "eip712")
    assert (caught.value.code, caught.value.field) == ("legShape", field)


def test_a_signed_roll_closes_what_is_held_then():
    intent = drafted(ROLL)
    compile_intent(intent._replace(legs=intent.legs[::-1]), HELD, QUOTED, "eip712")
    for held in (account(), account((HELD_CALL, -WAD)), account((HELD_CALL, 2 * WAD))):
        with pytest.raises(Refused) as caught:
            compile_intent(intent, held, QUOTED, "eip712")
        assert caught.value.code == "nothingToClose"
