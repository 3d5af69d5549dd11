"""Closing trades towards zero, never past it, and raises no requirement unless told."""

import pytest

from solver.domain.errors import Infeasible, Malformed, Refused, SolventError
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import NO_MARGIN_LIMIT
from solver.intents import compile_intent
from solver.intents.closing import CloseAll
from solver.routing.rounding import LOT
from tests.solver.intents.options.world import (
    HELD,
    HELD_CALL,
    HELD_PUT,
    QUOTED,
    TIME,
    compiled,
    contracts,
    drafted,
    option,
    quoted,
)
from tests.solver.pricing.world import BASE, PERP, WAD, account

CALL, ALL = {"outcome": "closeOption", "instrument": "ETH-20261225-4000-C"}, {"outcome": "closeAll"}
BTC_PERP = Instrument(2, Kind.PERP)


def refused(request, held=HELD, world=QUOTED, **terms):
    with pytest.raises(SolventError) as caught:
        drafted(request, held=held, world=world, **terms)
    return caught.value.code, caught.value.field


def test_an_option_is_closed_whole_or_in_part_on_its_own_side():
    assert contracts(CALL) == [("buy", HELD_CALL, 2 * WAD)]
    assert contracts(CALL | {"size": "0.75"}) == [("buy", HELD_CALL, 3 * WAD // 4)]
    put = CALL | {"instrument": "ETH-20261225-3200-P"}
    assert contracts(put) == [("sell", HELD_PUT, WAD)]
    assert drafted(CALL | {"limitPrice": "150"}).legs[0].limit_price == 150 * WAD


def test_closing_raises_no_requirement_unless_told():
    assert drafted(CALL).limits.max_margin_used == 0
    assert drafted(ALL).limits.max_margin_used == 0
    assert drafted(CALL, maxMarginUsed="10").limits.max_margin_used == 10_000_000
    roll = {"outcome": "roll", "instrument": "ETH-20261225-4000-C"}
    assert drafted(roll).limits.max_margin_used == NO_MARGIN_LIMIT


def test_what_is_listed_no_more_can_still_be_closed():
    world = quoted(strikes=(3_600 * WAD,))
    assert contracts(CALL, world=world) == [("buy", HELD_CALL, 2 * WAD)]


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        ({"instrument": "ETH-20261225-4200-C"}, "nothingToClose", "request.instrument"),
        ({"size": "2.1"}, "nothingToClose", "legs.0.quantityMax"),
        ({"size": "0"}, "malformed", "request.size"),
        ({"instrument": "ETH-PERP"}, "malformed", "request.instrument"),
        ({"instrument": "ETH-20261113-4000-C"}, "instrumentExpired", "request.instrument"),
    ],
)
def test_nothing_else_is_closed(request_, code, field):
    assert refused(CALL | request_) == (code, field)


def test_everything_is_one_leg_for_each_position_but_base_and_what_expired():
    gone = option("P", 3_400, TIME)
    held = account((BASE, WAD), (PERP, -3 * WAD), (gone, WAD), (HELD_CALL, -2 * WAD))
    legs = drafted(ALL, held=held).legs
    assert [(leg.kind, leg.side, leg.quantity_min) for leg in legs] == [
        ("perp", "buy", 3 * WAD),
        ("option", "buy", 2 * WAD),
    ]


def test_one_underlying_alone_may_be_closed():
    held = account((PERP, WAD), (BTC_PERP, -WAD))
    assert len(drafted(ALL, held=held).legs) == 2
    (leg,) = drafted(ALL | {"underlying": "BTC"}, held=held).legs
    assert leg.side == "buy"


def test_an_account_without_positions_has_nothing_to_close():
    for held in (account(cash=10**9), account((BASE, WAD)), account((option("P", 3_400, TIME), 1))):
        assert refused(ALL, held) == ("nothingToClose", "request.underlying")
    assert refused(ALL | {"underlying": "BTC"}) == ("nothingToClose", "request.underlying")
    assert refused(ALL | {"underlying": "DOGE"})[1] == "request.underlying"


def test_what_is_too_small_to_trade_is_left_out_and_named():
    dust = (PERP, -(LOT - 1))
    held = account((HELD_CALL, -2 * WAD), dust, (HELD_PUT, LOT), (BTC_PERP, 1), cash=10**11)
    legs = drafted(ALL, held=held).legs
    assert [(leg.kind, leg.quantity_min) for leg in legs] == [("option", 2 * WAD), ("option", LOT)]
    everything, bitcoin = CloseAll(), CloseAll(underlying="BTC")
    assert everything.left_out(held, QUOTED) == ("ETH-PERP", "BTC-PERP")
    assert bitcoin.left_out(held, QUOTED) == ("BTC-PERP",)
    assert everything.left_out(HELD, QUOTED) == ()
    with pytest.raises(Refused) as caught:
        drafted(ALL, held=account(dust))
    assert (caught.value.code, caught.value.data["least"]) == ("dust", "0.001")


def test_closing_everything_needs_a_bound():
    assert refused(ALL, slippageBps=None) == ("unbounded", "terms.slippageBps")
    assert drafted(ALL, slippageBps=None, maxNetCost="900")
    assert drafted(ALL, slippageBps=None, minNetPremium="1")


def test_twenty_positions_are_twenty_legs():
    rows = [(option("C", 2_200 + 200 * n), (-1) ** n * (n + 1) * WAD) for n in range(18)]
    held = account((PERP, 5 * WAD), (BTC_PERP, WAD), *rows)
    assert len(compiled(ALL, held=held).exposures) == 20


def signed(request, change, held=HELD):
    intent = drafted(request)
    intent = intent._replace(legs=tuple(change(list(intent.legs))))
    with pytest.raises((Malformed, Refused)) as caught:
        compile_intent(intent, held, QUOTED, "eip712")
    return caught.value.code, caught.value.field


def test_a_signed_closing_closes():
    def more(legs):
        return [legs[0]._replace(quantity_max=3 * WAD), *legs[1:]]

    def turned(legs):
        return [legs[0]._replace(side="sell"), *legs[1:]]

    assert signed(CALL, more) == ("nothingToClose", "legs.0.quantityMax")
    assert signed(CALL, turned) == ("nothingToClose", "legs.0.quantityMax")
    assert signed(CALL, lambda legs: legs, account()) == ("nothingToClose", "legs.0.quantityMax")
    wide = signed(CALL, lambda legs: [legs[0]._replace(strike_max=5_000 * WAD)])
    assert wide == ("legShape", "legs.0.strikeMax")
    two = signed(CALL, lambda legs: [legs[0], legs[0]._replace(side="sell")])
    assert two == ("legShape", "legs")


def test_a_signed_closing_of_everything_leaves_nothing():
    assert signed(ALL, lambda legs: legs[1:]) == ("legShape", "legs")
    assert signed(ALL, lambda legs: [*legs, legs[0]]) == ("legShape", "legs.3")
    part = signed(ALL, lambda legs: [legs[0]._replace(quantity_min=WAD), *legs[1:]])
    assert part == ("legShape", "legs.0.quantityMin")
    other = signed(ALL, lambda legs: [*legs, legs[1]._replace(strike_min=WAD, strike_max=WAD)])
    assert other == ("nothingToClose", "legs.3.quantityMax")


def test_what_changes_between_quote_and_submission_is_told():
    intent = drafted(ALL)

    def told(*positions):
        with pytest.raises((Malformed, Refused)) as caught:
            compile_intent(intent, account(*positions), QUOTED, "eip712")
        return caught.value.code, caught.value.field, caught.value.data

    def numbers(requested, available):
        return {"requested": requested, "available": available}

    call, put, perp = (HELD_CALL, -2 * WAD), (HELD_PUT, WAD), (PERP, -3 * WAD)
    quantity = "legs.0.quantityMax"
    assert told(call, put) == ("nothingToClose", quantity, numbers("3", "0"))
    assert told((PERP, -2 * WAD), call, put) == ("nothingToClose", quantity, numbers("3", "2"))
    assert told((PERP, 3 * WAD), call, put) == ("nothingToClose", quantity, numbers("3", "0"))
    grown = told((PERP, -4 * WAD), call, put)
    assert grown == ("legShape", "legs.0.quantityMin", numbers("3", "4"))
    assert told(perp, call, put, (option("C", 4_200), WAD))[:2] == ("legShape", "legs")
    for more in ((BTC_PERP, WAD), (option("C", 4_200), LOT - 1), (BASE, WAD)):
        assert compile_intent(intent, account(perp, call, put, more), QUOTED, "eip712")
    late = QUOTED._replace(time_ms=HELD_CALL.expiry * 1_000)
    fresh = intent._replace(valid_to=HELD_CALL.expiry + 60)
    with pytest.raises(Infeasible) as caught:
        compile_intent(fresh, HELD, late, "eip712")
    assert (caught.value.code, caught.value.field) == ("noContract", "legs.1")
