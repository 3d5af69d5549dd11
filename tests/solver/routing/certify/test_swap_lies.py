"""Lies about swaps are refused, each by the check that is meant for it."""

import pytest

from solver.domain.numbers import WAD
from solver.domain.route import Out, Pull, Swap
from solver.routing import curves
from solver.routing.certify import certify
from solver.routing.curves import PRICE_UNIT
from solver.routing.toll import toll
from tests.solver.routing import world
from tests.solver.routing.certify import claims
from tests.solver.routing.certify.claims import (
    BOUND,
    CODE,
    CONSERVES,
    COST,
    FEE,
    GAP,
    LEG_OUT,
    NUMERAIRE,
    PULL,
    ROUTED,
    SLIPPAGE,
    SNAPSHOT,
    SPENDS,
    SWAP,
    VALUE,
    WALLET,
    at,
    priced,
    reclaimed,
    refused,
)
from tests.solver.routing.world import BOB, DAI, USDC, WBTC, WETH

CLAIM, OUT, FIRST = ROUTED.certificate, ROUTED.outs[0].amount, ROUTED.swaps[0]
GAS = sum(pool.gas for swap in ROUTED.swaps for pool in world.POOLS if pool.address == swap.pool)
STEPS, PER_GAS = ROUTED.swaps, toll(USDC.address, SNAPSHOT)
SWAP_LIES = {
    # the steps
    "an atom more comes out of a pool": (CODE, at(ROUTED, "swaps", amount_out=STEPS[0][-1] + 1)),
    "an atom less comes out of a pool": (CODE, at(ROUTED, "swaps", amount_out=STEPS[0][-1] - 1)),
    "a pool gives nothing": (CODE, at(ROUTED, "swaps", amount_out=0)),
    "a pool gives before it takes": (CODE, at(ROUTED, "swaps", amount_out=-1)),
    "a pool used again as if it were fresh": (
        CODE,
        at(
            ROUTED,
            "swaps",
            -1,
            amount_out=curves.amount_out(
                claims.V2, (WETH.address, USDC.address), STEPS[-1].amount_in
            ),
        ),
    ),
    "the two uses of a pool exchanged": (
        CODE,
        ROUTED._replace(swaps=(STEPS[-1], *STEPS[1:-1], STEPS[0])),
    ),
    "an atom more goes into a pool": (
        SPENDS,
        at(ROUTED, "swaps", amount_in=STEPS[0].amount_in + 1),
    ),
    "a step of more than there is": (SPENDS, at(ROUTED, "swaps", amount_in=200 * WAD + 1)),
    "a step of nothing": (SPENDS, at(ROUTED, "swaps", -1, amount_in=0, amount_out=0)),
    "a step of less than nothing": (SPENDS, at(ROUTED, "swaps", amount_in=-1, amount_out=-1)),
    "tokens spent before they are there": (
        SPENDS,
        ROUTED._replace(swaps=(STEPS[4], *STEPS[:4], *STEPS[5:])),
    ),
    "a step that was left out": (SPENDS, ROUTED._replace(swaps=(STEPS[0], *STEPS[2:]))),
    "the last step left out": (CONSERVES, ROUTED._replace(swaps=STEPS[:-1])),
    "no steps": (CONSERVES, ROUTED._replace(swaps=())),
    "a step doubled": (SPENDS, ROUTED._replace(swaps=(*STEPS, STEPS[-1]))),
    "a pool that is not there": (
        "there is no pool",
        at(ROUTED, "swaps", pool="0x" + "9" * 40),
    ),
    "a pool of another venue": ("there is no pool", at(ROUTED, "swaps", venue="uniswap_v3")),
    "another pool of the same pair": (
        CODE,
        at(ROUTED, "swaps", 3, pool=world.POOLS[6].address),
    ),
    "a pool of a lower fee": (CODE, at(ROUTED, "swaps", 3, pool=world.POOLS[7].address)),
    "a token that the pool has not": (
        "does not trade",
        at(ROUTED, "swaps", token_out=WBTC.address),
    ),
    "a token for itself": ("does not trade", at(ROUTED, "swaps", token_out=WETH.address)),
    "a step turned round": (
        SPENDS,
        at(ROUTED, "swaps", token_in=USDC.address, token_out=WETH.address),
    ),
    "more than a pool can take": (
        "cannot take",
        ROUTED._replace(
            pulls=(Pull(0, WETH.address, 2**113, True),),
            swaps=(Swap("uniswap_v2", FIRST.pool, WETH.address, USDC.address, 2**112, 1),),
        ),
    ),
    # what goes in and comes out
    "an atom more is delivered": (CONSERVES, at(ROUTED, "outs", amount=OUT + 1)),
    "an atom is kept": (CONSERVES, at(ROUTED, "outs", amount=OUT - 1)),
    "nothing is delivered": (CONSERVES, ROUTED._replace(outs=())),
    "a leftover dropped": (
        CONSERVES,
        ROUTED._replace(swaps=(*STEPS[:4], *STEPS[5:])),
    ),
    "more is pulled than is swapped": (CONSERVES, at(ROUTED, "pulls", amount=200 * WAD + 1)),
    "less is pulled than is swapped": (SPENDS, at(ROUTED, "pulls", amount=200 * WAD - 1)),
    "nothing is pulled": (SPENDS, ROUTED._replace(pulls=())),
    "a pull from the other purse": (PULL, at(ROUTED, "pulls", is_from_wallet=False)),
    "a pull of another token": (SPENDS, at(ROUTED, "pulls", token=WBTC.address)),
    "a pull for a leg that sells nothing": (
        PULL,
        ROUTED._replace(pulls=(*ROUTED.pulls, Pull(1, USDC.address, 1, True))),
    ),
    "a pull of nothing": (
        "a pull is positive",
        ROUTED._replace(pulls=(*ROUTED.pulls, Pull(0, WETH.address, 0, True))),
    ),
    "a pull given back": (
        "a pull is positive",
        ROUTED._replace(
            pulls=(
                Pull(0, WETH.address, 201 * WAD, True),
                Pull(0, WETH.address, -WAD, True),
            )
        ),
    ),
    "an out for another leg": (LEG_OUT, at(ROUTED, "outs", leg=5, amount=OUT + FEE)),
    "an out that hides its leg": (CONSERVES, at(ROUTED, "outs", leg=0)),
    "an out of nothing": (
        LEG_OUT,
        ROUTED._replace(outs=(*ROUTED.outs, Out(1, USDC.address, 0))),
    ),
    "an out of another token beside": (
        CONSERVES,
        ROUTED._replace(outs=(*ROUTED.outs, Out(1, DAI.address, 1))),
    ),
    # money
    "a fee above its cap": (
        "the fee is within its cap",
        at(ROUTED, "outs", amount=OUT + FEE - 6 * 10**6)._replace(fee=6 * 10**6),
    ),
    "a fee below nothing": (
        "the fee is within its cap",
        at(ROUTED, "outs", amount=OUT + FEE + 1)._replace(fee=-1),
    ),
    "another fee than was held back": (CONSERVES, ROUTED._replace(fee=FEE - 1)),
    "a net cost that flatters": (COST, ROUTED._replace(net_cost=ROUTED.net_cost - 1)),
    "a net cost without the fee": (COST, ROUTED._replace(net_cost=ROUTED.net_cost - FEE)),
    "another snapshot": ("of another snapshot", ROUTED._replace(snapshot_hash=b"\0" * 32)),
    "the snapshot a block before": (
        "of another snapshot",
        ROUTED._replace(snapshot_hash=SNAPSHOT._replace(block_number=1233).hash),
    ),
    # the claim
    "a value an atom too high": (VALUE, reclaimed(ROUTED, value=CLAIM.value + 1)),
    "a value an atom too low": (VALUE, reclaimed(ROUTED, value=CLAIM.value - 1)),
    "a value without its gas": (
        VALUE,
        reclaimed(ROUTED, value=CLAIM.value + PER_GAS.up(GAS)),
    ),
    "a value with the fee taken off": (VALUE, reclaimed(ROUTED, value=CLAIM.value - FEE)),
    "a value and a bound without gas": (
        VALUE,
        reclaimed(ROUTED, value=OUT + FEE, bound=CLAIM.bound + CLAIM.value),
    ),
    "a bound an atom too low": (BOUND, reclaimed(ROUTED, bound=CLAIM.bound - 1)),
    "a bound at the value": (BOUND, reclaimed(ROUTED, bound=CLAIM.value)),
    "a bound below the value": (BOUND, reclaimed(ROUTED, bound=CLAIM.value - 1)),
    "a gap that flatters": (GAP, reclaimed(ROUTED, gap_ppm=CLAIM.gap_ppm - 1)),
    "a gap of nothing": (GAP, reclaimed(ROUTED, gap_ppm=0)),
    "a gap that shames": (GAP, reclaimed(ROUTED, gap_ppm=CLAIM.gap_ppm + 1)),
    "a gap below nothing": (GAP, reclaimed(ROUTED, gap_ppm=-1)),
    "a numeraire below 1": (NUMERAIRE, priced(ROUTED, USDC, PRICE_UNIT - 1)),
    "a numeraire above 1": (NUMERAIRE, priced(ROUTED, USDC, PRICE_UNIT + 1)),
    "no prices": (NUMERAIRE, reclaimed(ROUTED, token_prices=())),
    "another numeraire": (
        NUMERAIRE,
        priced(priced(ROUTED, USDC, PRICE_UNIT // 10**12), DAI, PRICE_UNIT),
    ),
    "no number for a price": ("a token is an integer", priced(ROUTED, DAI, float("nan"))),
    "a part of a price": ("a token is an integer", priced(ROUTED, DAI, 0.5)),
    "a price of 257 bits": ("a token is an integer", priced(ROUTED, DAI, 2**256)),
    "a row of more than any number": (
        "a row is an integer",
        reclaimed(ROUTED, row_prices=(("leg:0:max", float("inf")),)),
    ),
    "a negative price": ("a token is not negative", priced(ROUTED, DAI, -1)),
    "a token sold that is worth nothing": (BOUND, priced(ROUTED, WETH, 0)),
    "a token on the way that is worth nothing": (BOUND, priced(ROUTED, DAI, 0)),
    "a token sold that is worth less": (
        BOUND,
        priced(ROUTED, WETH, dict(CLAIM.token_prices)[WETH.address] * 9 // 10),
    ),
    "a price told twice": (
        "a price a token",
        reclaimed(ROUTED, token_prices=(*CLAIM.token_prices, (WETH.address, 0))),
    ),
    "a row told twice": (
        "a price a row",
        reclaimed(ROUTED, row_prices=(("leg:0:max", 1), ("leg:0:max", 0))),
    ),
}

# ---- honest plans that are not what was signed

LIMITS = SWAP.limits
UNSIGNED = {
    "more wanted than is bought": (
        "leg 1 receives its least",
        SWAP._replace(buys=(SWAP.buys[0]._replace(amount_min=OUT + 1),)),
    ),
    "less sold than is pulled": (
        "leg 0 in its range",
        SWAP._replace(sells=(SWAP.sells[0]._replace(amount_max=200 * WAD - 1),)),
    ),
    "more sold than is pulled": (
        "leg 0 in its range",
        SWAP._replace(sells=(SWAP.sells[0]._replace(amount_min=200 * WAD + 1),)),
    ),
    "a greater least credit": (
        "the net cost is within its limit",
        SWAP._replace(limits=LIMITS._replace(max_net_cost=ROUTED.net_cost - 1)),
    ),
    "less slippage": (SLIPPAGE, SWAP._replace(limits=LIMITS._replace(max_slippage_bps=1))),
    "a lower cap of the fee": (
        "the fee is within its cap",
        SWAP._replace(limits=LIMITS._replace(max_fee=FEE - 1)),
    ),
    "collateral instead of the wallet": (PULL, SWAP._replace(is_from_wallet=False)),
    "another account": ("the account is the program's", SWAP._replace(account=BOB)),
}


@pytest.mark.parametrize("name", SWAP_LIES)
def test_a_lie_about_a_swap_is_refused(name):
    claim, lie = SWAP_LIES[name]
    with refused(claim):
        certify(SWAP, SNAPSHOT, lie, WALLET)


@pytest.mark.parametrize("name", UNSIGNED)
def test_a_plan_outside_what_was_signed_is_refused(name):
    claim, program = UNSIGNED[name]
    with refused(claim):
        certify(program, SNAPSHOT, ROUTED, WALLET)
