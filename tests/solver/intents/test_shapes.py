"""A signed intent answers to the shape of its kind, whoever wrote it."""

import pytest

from solver.domain.errors import Malformed, SolventError
from solver.domain.intent import Leg
from solver.intents import compile_intent, draft, examples, parse_wanted
from tests.solver.intents.options.world import HELD
from tests.solver.intents.options.world import QUOTED as SNAPSHOT
from tests.solver.pricing.world import DAI, USDC, WAD, WETH, bitcoin

HOLD = Leg("collateral", WETH.address, "auto", quantity_min=1, quantity_max=2)
TOKEN_BUY = Leg("token", WETH.address, "buy", quantity_min=1, quantity_max=2)


def example(word):
    wanted = parse_wanted(examples()[word])
    return draft(wanted.request, HELD, SNAPSHOT, wanted.terms), wanted.terms.scheme


def refused(intent, scheme):
    with pytest.raises(SolventError) as caught:
        compile_intent(intent, HELD, SNAPSHOT, scheme)
    return caught.value.code, caught.value.field


@pytest.mark.parametrize("word", ["swap", "openPerp", "closePerp", "deposit", "withdraw"])
def test_a_leg_too_many_is_refused(word):
    intent, scheme = example(word)
    more = intent._replace(legs=(*intent.legs, HOLD))
    assert refused(more, scheme) == ("legShape", f"legs.{len(intent.legs)}")


@pytest.mark.parametrize("word", list(examples()))
def test_legs_of_nothing_but_collateral_are_no_other_outcome(word):
    intent, scheme = example(word)
    code, _ = refused(intent._replace(legs=(HOLD,)), scheme)
    assert code == "legShape"


def test_two_perp_legs_do_not_open_a_perp():
    intent, scheme = example("openPerp")
    (leg,) = intent.legs
    both = intent._replace(legs=(leg, leg._replace(side="sell", limit_price=0)))
    assert refused(both, scheme) == ("legShape", "legs")


def test_calls_must_stay_covered():
    intent, scheme = example("coveredCall")
    option, hedge, hold = intent.legs
    assert refused(intent._replace(legs=(option, hedge)), scheme)[0] == "legShape"
    less = hold._replace(quantity_min=hold.quantity_min - 1)
    assert refused(intent._replace(legs=(option, hedge, less)), scheme) == ("legShape", "legs")


def test_a_covered_call_is_about_one_underlying():
    intent, scheme = example("coveredCall")
    option, hedge, hold = intent.legs
    other = hedge._replace(asset=bitcoin().base.address)
    assert refused(intent._replace(legs=(option, other, hold)), scheme)[1] == "legs.1.asset"
    paid = Leg("token", DAI.address, "sell", quantity_min=0, quantity_max=5)
    assert refused(intent._replace(legs=(*intent.legs, paid)), scheme)[1] == "legs.3.asset"


def test_a_hedge_of_either_side_needs_a_delta_tolerance():
    intent, scheme = example("coveredCall")
    loose = intent._replace(limits=intent.limits._replace(delta_tolerance=2**256 - 1))
    assert refused(loose, scheme) == ("unbounded", "limits.deltaTolerance")


def test_bought_cover_stays_in_the_account():
    intent, scheme = example("coveredCall")
    option, hedge, _ = intent.legs
    bought = TOKEN_BUY._replace(quantity_min=10 * WAD, quantity_max=10 * WAD)
    paid = Leg("token", USDC.address, "sell", quantity_min=0, quantity_max=5 * 10**10)
    away = intent._replace(legs=(option, hedge, bought, paid), receiver=intent.owner)
    assert refused(away, scheme) == ("malformed", "receiver")
    compile_intent(away._replace(receiver="0x" + "00" * 20), HELD, SNAPSHOT, scheme)


def test_a_range_without_a_listed_contract_is_infeasible():
    intent, scheme = example("coveredCall")
    far = intent.legs[0]._replace(strike_min=1, strike_max=2)
    assert refused(intent._replace(legs=(far, *intent.legs[1:])), scheme)[0] == "noContract"


def test_drafting_never_answers_what_compiling_refuses():
    wanted = parse_wanted(examples()["deposit"])
    terms = wanted.terms.model_copy(update={"scheme": "eip712"})
    with pytest.raises(Malformed) as caught:
        draft(wanted.request, HELD, SNAPSHOT, terms)
    assert caught.value.code == "walletPullNeedsPermit2"
