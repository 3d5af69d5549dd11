"""Each kind turns a human request into concrete ranges, and those into a Program."""

from typing import Any

import pytest

from solver.domain.errors import Expired, InsufficientFunds, Malformed, Refused
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.instrument import Kind
from solver.domain.intent import (
    NO_COST_LIMIT,
    NO_DELTA_LIMIT,
    NO_MARGIN_LIMIT,
    NO_SLIPPAGE_LIMIT,
    SCHEMES,
    Leg,
)
from solver.domain.numbers import UINT256_MAX
from solver.domain.program import CollateralFlow, DeltaBox, Exposure, TokenFlow
from solver.intents import KINDS, compile_intent, draft, examples, parse_wanted
from tests.solver.intents.options import world as options
from tests.solver.pricing.world import (
    BASE,
    CALL,
    EXPIRY,
    OWNER,
    PERP,
    USDC,
    WAD,
    WBTC,
    WETH,
    account,
    ether,
    snapshot,
)

USD = 10**6
HELD = account((BASE, 12 * WAD), (PERP, -3 * WAD), cash=10**11)
TERMS: dict[str, Any] = {"owner": OWNER, "slippageBps": "30", "maxFee": "5"}


def drafted(request, held=HELD, world=None, **terms):
    wanted = parse_wanted({"request": request, "terms": TERMS | terms})
    return draft(wanted.request, held, world or snapshot(), wanted.terms)


def compiled(request, held=HELD, **terms):
    scheme = terms.get("scheme", "eip712")
    return compile_intent(drafted(request, held, **terms), held, snapshot(), scheme)


@pytest.mark.parametrize("word", list(KINDS))
def test_every_example_drafts_and_compiles(word):
    wanted = parse_wanted(examples()[word])
    intent = draft(wanted.request, options.HELD, options.QUOTED, wanted.terms)
    assert intent.outcome == word
    program = compile_intent(intent, options.HELD, options.QUOTED, wanted.terms.scheme)
    parts = (program.sells, program.buys, program.collateral, program.exposures)
    legs = [part[0] for some in parts for part in some]
    assert sorted(legs) == list(range(len(intent.legs)))
    assert program.limits == intent.limits


def test_the_same_request_drafts_the_same_intent_and_another_a_fresh_nonce():
    request = {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "buy", "size": "1"}
    assert drafted(request) == drafted(request)
    other = drafted(request | {"size": "2"})
    assert other.nonce != drafted(request).nonce
    assert drafted(request, held=HELD._replace(epoch=9)).nonce >> 192 == 9
    assert drafted(request, nonce="77").nonce == 77


def test_terms_left_out_are_none_values():
    limits = drafted({"outcome": "withdraw", "token": "USDC", "amount": "1"}).limits
    assert limits.max_net_cost == NO_COST_LIMIT
    assert limits.max_margin_used == NO_MARGIN_LIMIT
    assert limits.delta_tolerance == NO_DELTA_LIMIT
    assert limits.min_health == 0
    assert limits.max_fee == 5 * USD


def test_terms_become_signed_limits():
    intent = drafted(
        {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "sell", "size": "1.5"},
        maxNetCost="-0.5",
        maxMarginUsed="250.25",
        minHealth="1.1",
        validForSeconds="60",
        subaccount="0",
        appData="0x" + "ab" * 32,
    )
    assert intent.limits.max_net_cost == -USD // 2
    assert intent.limits.max_margin_used == 250_250_000
    assert intent.limits.min_health == 11 * WAD // 10
    assert intent.valid_to == snapshot().time + 60
    assert intent.app_data == b"\xab" * 32
    leg = Leg("perp", WETH.address, "sell", quantity_min=3 * WAD // 2, quantity_max=3 * WAD // 2)
    assert intent.legs == (leg,)


def test_swap_exact_in_signs_the_least_bought_only_if_asked():
    request = {"outcome": "swap", "sellToken": "WETH", "buyToken": "USDC", "sellAmount": "2.5"}
    program = compiled(request, scheme="permit2", receiver=OWNER)
    sold = 5 * WAD // 2
    assert program.sells == (TokenFlow(0, WETH.address, sold, sold),)
    assert program.buys == (TokenFlow(1, USDC.address, 0, UINT256_MAX),)
    assert program.is_from_wallet
    assert program.receiver == OWNER
    bound = compiled(request | {"minBuyAmount": "9000"})
    assert bound.buys[0].amount_min == 9000 * USD
    assert not bound.is_from_wallet
    assert bound.receiver == ZERO_ADDRESS


def test_swap_exact_out_sells_at_most_the_mark_with_slippage_and_fee():
    request = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "buyAmount": "1"}
    sell, buy = drafted(request).legs
    assert (sell.quantity_min, sell.quantity_max) == (0, 4012 * USD + 5 * USD)
    assert buy.quantity_min == WAD
    capped = drafted(request | {"maxSellAmount": "4001"})
    assert capped.legs[0].quantity_max == 4001 * USD
    back = {"outcome": "swap", "sellToken": WETH.address, "buyToken": "USDC", "buyAmount": "4000"}
    assert drafted(back).legs[0].quantity_max == WAD * 10_030 // 10_000


def test_swap_of_tokens_without_a_mark_names_its_own_cap():
    request = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WBTC", "buyAmount": "0.1"}
    with pytest.raises(Malformed) as caught:
        drafted(request)
    assert caught.value.field == "request.maxSellAmount"
    intent = drafted(request | {"maxSellAmount": "10100"})
    assert intent.legs[1].asset == WBTC.address
    assert intent.legs[1].quantity_min == 10**7


def test_close_perp_is_the_opposite_of_what_is_held_and_reduces_only():
    intent = drafted({"outcome": "closePerp", "instrument": "ETH-PERP"})
    (leg,) = intent.legs
    assert (leg.side, leg.quantity_min, leg.quantity_max) == ("buy", 3 * WAD, 3 * WAD)
    assert intent.limits.max_margin_used == 0
    part = drafted({"outcome": "closePerp", "instrument": "ETH-PERP", "size": "1"})
    assert part.legs[0].quantity_max == WAD
    long = drafted({"outcome": "closePerp", "instrument": "ETH-PERP"}, account((PERP, WAD)))
    assert long.legs[0].side == "sell"


@pytest.mark.parametrize(
    ("held", "size"), [(account(), None), (account((PERP, -WAD)), "2")], ids=["none", "larger"]
)
def test_close_perp_never_opens(held, size):
    with pytest.raises(Refused) as caught:
        drafted({"outcome": "closePerp", "instrument": "ETH-PERP", "size": size}, held)
    assert caught.value.code == "nothingToClose"


def test_a_close_signed_against_another_position_is_refused():
    intent = drafted({"outcome": "closePerp", "instrument": "ETH-PERP"})
    for held in (account(), account((PERP, 3 * WAD))):
        with pytest.raises(Refused):
            compile_intent(intent, held, snapshot(), "eip712")


COVERED = {
    "outcome": "coveredCall",
    "underlying": "ETH",
    "size": "10",
    "instrument": "ETH-20261225-4000-C",
    "minNetPremium": "280",
}


def test_who_signs_is_in_the_gas():
    intent = drafted(COVERED)
    programs = {s: compile_intent(intent, HELD, snapshot(), s) for s in SCHEMES}
    gas = {scheme: program.authority_gas for scheme, program in programs.items()}
    assert gas.pop("eip1271") > 0
    assert gas.pop("mandate") > 0
    assert set(gas.values()) == {0}


def test_covered_call_holds_the_base_and_signs_the_premium_as_a_credit():
    program = compiled(COVERED)
    assert program.exposures == (Exposure(0, "sell", (CALL.id,), 10 * WAD, 10 * WAD, 0),)
    assert program.collateral == (CollateralFlow(1, WETH.address, "auto", 10 * WAD, UINT256_MAX),)
    assert program.limits.max_net_cost == -280 * USD
    assert program.delta is None


def test_delta_neutral_adds_a_hedge_large_enough_and_a_box():
    program = compiled(COVERED | {"deltaNeutral": True, "deltaTolerance": "0.1"})
    call, hedge = program.exposures
    assert call.candidates == (CALL.id,)
    assert (hedge.side, hedge.candidates, hedge.quantity_min) == ("auto", (PERP.id,), 0)
    assert hedge.quantity_max == 10 * WAD
    assert program.delta == DeltaBox(1, 0, WAD // 10)
    rich = account((BASE, 25 * WAD))
    wide = compiled(COVERED | {"deltaNeutral": True, "deltaTolerance": "0.1"}, rich)
    assert wide.exposures[1].quantity_max == 25 * WAD


def test_covered_call_can_buy_its_cover():
    request = COVERED | {"hold": False}
    del request["minNetPremium"]
    program = compiled(request, account(cash=10**11))
    assert program.buys == (TokenFlow(1, WETH.address, 10 * WAD, UINT256_MAX),)
    assert program.sells == (TokenFlow(2, USDC.address, 0, 40_120 * USD + 5 * USD),)
    assert program.collateral == ()


def test_covered_call_without_the_base_says_what_is_missing():
    with pytest.raises(InsufficientFunds) as caught:
        drafted(COVERED, account((BASE, 9 * WAD)))
    assert caught.value.data == {"token": WETH.address, "required": "10", "available": "9"}


def test_a_strike_range_compiles_to_every_listed_contract_inside():
    intent = drafted(COVERED)
    wide = intent.legs[0]._replace(strike_max=4200 * WAD, expiry_max=EXPIRY + 30 * 86_400)
    program = compile_intent(
        intent._replace(legs=(wide, *intent.legs[1:])), HELD, snapshot(), "eip712"
    )
    assert len(program.exposures[0].candidates) == 4
    assert CALL.id in program.exposures[0].candidates


def test_deposit_and_withdraw_are_exact_amounts():
    program = compiled({"outcome": "deposit", "token": "WETH", "amount": "1.25"}, scheme="permit2")
    atoms = 5 * WAD // 4
    assert program.collateral == (CollateralFlow(0, WETH.address, "deposit", atoms, atoms),)
    out = drafted({"outcome": "withdraw", "token": "USDC", "amount": "3"})
    assert out.receiver == OWNER
    other = "0x" + "aa" * 20
    paid = drafted({"outcome": "withdraw", "token": "USDC", "amount": "3", "receiver": other})
    assert paid.receiver == other


PERP_REQUEST = {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "buy", "size": "1"}
SWAP = {"outcome": "swap", "sellToken": "WETH", "buyToken": "USDC", "sellAmount": "1"}


@pytest.mark.parametrize(
    ("request_", "terms", "field"),
    [
        (PERP_REQUEST | {"instrument": "DOGE-PERP"}, {}, "request.instrument"),
        (PERP_REQUEST | {"instrument": "ETH-20261225-4000-C"}, {}, "request.instrument"),
        (PERP_REQUEST | {"size": "0"}, {}, "request.size"),
        (PERP_REQUEST, {"maxFee": "0.0000001"}, "terms.maxFee"),
        (PERP_REQUEST, {"validForSeconds": "0"}, "terms.validForSeconds"),
        (PERP_REQUEST, {"owner": "0x" + "aa" * 20}, "terms.owner"),
        (PERP_REQUEST, {"maxNetCost": "5", "minNetPremium": "1"}, "terms.minNetPremium"),
        (SWAP | {"sellToken": "DOGE"}, {}, "request.sellToken"),
        (SWAP | {"sellToken": "0x" + "99" * 20}, {}, "request.sellToken"),
        (SWAP | {"buyToken": "WETH"}, {}, "legs.1.asset"),
        (SWAP | {"buyAmount": "1"}, {}, "request.sellAmount"),
        (SWAP | {"maxSellAmount": "1"}, {}, "request.maxSellAmount"),
        (SWAP | {"sellAmount": None}, {}, "request.sellAmount"),
        (
            SWAP | {"sellAmount": None, "buyAmount": "1", "minBuyAmount": "1"},
            {},
            "request.minBuyAmount",
        ),
        (COVERED | {"instrument": "ETH-20261225-4100-C"}, {}, "request.instrument"),
        (COVERED | {"instrument": "ETH-20261225-3500-P"}, {}, "request.instrument"),
        (COVERED | {"underlying": "BTC"}, {}, "request.underlying"),
        (COVERED | {"deltaNeutral": True}, {}, "request.deltaTolerance"),
        (COVERED | {"deltaTolerance": "1"}, {}, "request.deltaTolerance"),
        (COVERED, {"maxNetCost": "1"}, "request.minNetPremium"),
        (COVERED | {"hold": False}, {"receiver": OWNER}, "terms.receiver"),
        (COVERED | {"hold": False}, {"slippageBps": None}, "terms.slippageBps"),
        (COVERED | {"hold": False}, {}, "request.hold"),
        ({"outcome": "deposit", "token": "DAI", "amount": "1"}, {"scheme": "permit2"},
         "legs.0.asset"),
        ({"outcome": "withdraw", "token": "USDC", "amount": "1", "receiver": "0x" + "bb" * 20},
         {"receiver": OWNER}, "request.receiver"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_with_its_field(request_, terms, field):
    with pytest.raises(Malformed) as caught:
        drafted(request_, **terms)
    assert caught.value.field == field


def test_expired_contracts_are_not_drafted():
    with pytest.raises(Expired) as caught:
        drafted(COVERED, world=snapshot(time=EXPIRY))
    assert caught.value.code == "instrumentExpired"


def test_ambiguous_symbols_need_an_address():
    fake = WETH._replace(address="0x" + "f0" * 20)
    world = snapshot(tokens=(USDC, WETH, fake))
    with pytest.raises(Malformed) as caught:
        drafted(SWAP, world=world)
    assert caught.value.field == "request.sellToken"
    assert drafted(SWAP | {"sellToken": WETH.address.upper().replace("0X", "0x")}, world=world)


def test_a_swap_that_nothing_bounds_is_refused():
    with pytest.raises(Malformed) as caught:
        drafted(SWAP, slippageBps=None)
    assert caught.value.code == "unbounded"
    assert drafted(SWAP, slippageBps=None, maxNetCost="-3900").limits.max_slippage_bps == (
        NO_SLIPPAGE_LIMIT
    )


def test_kinds_of_other_outcomes_are_not_known():
    with pytest.raises(Malformed) as caught:
        compile_intent(drafted(PERP_REQUEST)._replace(outcome="x"), HELD, snapshot(), "eip712")
    assert caught.value.field == "outcome"


def test_candidates_are_of_the_named_kind():
    put = drafted(COVERED)
    puts = put.legs[0]._replace(right="put")
    with pytest.raises(Malformed):
        compile_intent(put._replace(legs=(puts, *put.legs[1:])), HELD, snapshot(), "eip712")
    assert CALL.kind is Kind.CALL
    assert ether().strikes[1] == CALL.strike
