"""What contracts refuse from the intent alone is refused first, by the same name and a field."""

import pytest

from solver.domain.errors import SolventError
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.intent import Leg, Limits, OutcomeIntent
from solver.intents.envelope import Signed, check
from tests.solver.pricing.world import (
    DAI,
    EXPIRY,
    OWNER,
    TIME,
    USDC,
    WAD,
    WETH,
    account,
    snapshot,
)

STRIKE = 4000 * WAD
OPTION = Leg("option", WETH.address, "sell", "call", STRIKE, STRIKE, EXPIRY, EXPIRY, WAD, WAD)
PERP = Leg("perp", WETH.address, "buy", quantity_min=WAD, quantity_max=WAD)
TOKEN = Leg("token", DAI.address, "sell", quantity_min=1, quantity_max=1)
HOLD = Leg("collateral", WETH.address, "auto", quantity_min=1, quantity_max=2)
BOUND = Limits(USDC.address, max_slippage_bps=30)
INTENT = OutcomeIntent(
    OWNER, 0, ZERO_ADDRESS, "coveredCall", (OPTION,), BOUND, False, 0, TIME + 60, 0, bytes(32)
)


def judged(intent=INTENT, scheme="eip712", held=None):
    check(Signed(intent, held or account(), snapshot(), scheme))


def refusal(intent=INTENT, scheme="eip712", held=None):
    with pytest.raises(SolventError) as caught:
        judged(intent, scheme, held)
    return caught.value.code, caught.value.field


def with_leg(leg, **changes):
    return INTENT._replace(legs=(leg,))._replace(**changes)


@pytest.mark.parametrize("leg", [OPTION, PERP, TOKEN, HOLD])
def test_sane_legs_pass(leg):
    judged(with_leg(leg))


@pytest.mark.parametrize(
    ("leg", "rule", "field"),
    [
        (PERP._replace(kind="bridge"), "wrongChain", "legs.0.chainId"),
        (PERP._replace(chain_id=1), "wrongChain", "legs.0.chainId"),
        (PERP._replace(kind="swap"), "legKind", "legs.0.kind"),
        (PERP._replace(side="deposit"), "legSide", "legs.0.side"),
        (TOKEN._replace(side="auto"), "legSide", "legs.0.side"),
        (HOLD._replace(side="buy"), "legSide", "legs.0.side"),
        (OPTION._replace(right=""), "legRange", "legs.0.right"),
        (OPTION._replace(right="digitalCall"), "legRange", "legs.0.right"),
        (PERP._replace(right="call"), "legRange", "legs.0.right"),
        (OPTION._replace(strike_min=STRIKE + 1), "legRange", "legs.0.strikeMin"),
        (OPTION._replace(strike_min=0), "legRange", "legs.0.strikeMin"),
        (OPTION._replace(strike_max=2**96), "legRange", "legs.0.strikeMin"),
        (OPTION._replace(expiry_min=EXPIRY + 1), "legRange", "legs.0.expiryMin"),
        (OPTION._replace(expiry_max=2**40), "legRange", "legs.0.expiryMin"),
        (PERP._replace(strike_max=1), "legRange", "legs.0.strikeMin"),
        (PERP._replace(asset=USDC.address), "legRange", "legs.0.asset"),
        (TOKEN._replace(asset="0x" + "99" * 20), "tokenNotListed", "legs.0.asset"),
        (HOLD._replace(asset=DAI.address), "tokenNotListed", "legs.0.asset"),
        (PERP._replace(quantity_min=WAD + 1), "legQuantity", "legs.0.quantityMin"),
        (PERP._replace(quantity_min=0, quantity_max=0), "legQuantity", "legs.0.quantityMax"),
        (PERP._replace(quantity_max=2**95), "legQuantity", "legs.0.quantityMax"),
        (PERP._replace(side="auto", limit_price=1), "legPrice", "legs.0.limitPrice"),
        (TOKEN._replace(limit_price=1), "legPrice", "legs.0.limitPrice"),
        (HOLD._replace(side="deposit"), "walletPullNeedsPermit2", "legs.0"),
        (HOLD._replace(side="withdraw"), "receiverMissing", "receiver"),
    ],
)
def test_a_wrong_leg_is_refused_by_the_contracts_name(leg, rule, field):
    assert refusal(with_leg(leg)) == (rule, field)


def test_a_derivative_without_any_bound_is_unbounded():
    free = Limits(USDC.address)
    for side in ("auto", "buy"):
        leg = PERP._replace(side=side)
        assert refusal(with_leg(leg, limits=free)) == ("unbounded", "legs.0")
    judged(with_leg(PERP._replace(limit_price=4100 * WAD), limits=free))
    judged(with_leg(PERP._replace(side="auto"), limits=free._replace(max_net_cost=0)))


def test_partial_fills_exclude_permit2_and_delta_targets():
    partial = INTENT._replace(is_partially_fillable=True)
    judged(partial)
    assert refusal(partial, "permit2") == ("notPartial", "partiallyFillable")
    neutral = partial._replace(limits=BOUND._replace(delta_tolerance=1))
    assert refusal(neutral) == ("partialDelta", "limits.deltaTolerance")


def test_derivatives_settle_in_the_clearinghouse_token():
    elsewhere = BOUND._replace(settlement_token=DAI.address)
    assert refusal(INTENT._replace(limits=elsewhere)) == (
        "notQuoteToken",
        "limits.settlementToken",
    )
    judged(with_leg(TOKEN, limits=elsewhere))
    unknown = BOUND._replace(settlement_token="0x" + "99" * 20)
    assert refusal(with_leg(TOKEN, limits=unknown))[0] == "tokenNotListed"


def test_a_delta_bound_needs_an_underlying_in_the_first_leg():
    neutral = BOUND._replace(delta_tolerance=1)
    legs = (TOKEN, OPTION)
    assert refusal(INTENT._replace(legs=legs, limits=neutral)) == (
        "deltaUnattested",
        "legs.0.asset",
    )
    judged(INTENT._replace(legs=(OPTION, TOKEN), limits=neutral))


def test_authority_and_time():
    assert refusal(scheme="eip191") == ("unknownScheme", "scheme")
    assert refusal(INTENT._replace(valid_to=TIME - 1)) == ("tooLate", "validTo")
    judged(INTENT._replace(valid_to=TIME))
    assert refusal(INTENT._replace(valid_from=TIME + 61)) == ("malformed", "validFrom")
    assert refusal(held=account(epoch=1)) == ("epochStale", "nonce")
    judged(INTENT._replace(nonce=1 << 192), held=account(epoch=1))
    assert refusal(INTENT._replace(subaccount=1)) == ("malformed", "owner")


def test_an_intent_has_one_to_twenty_legs():
    assert refusal(INTENT._replace(legs=()))[1] == "legs"
    assert refusal(INTENT._replace(legs=(OPTION,) * 21))[1] == "legs"
