"""Lies about fills are refused, each by the check that is meant for it."""

import pytest

from solver.domain.account import Account
from solver.domain.numbers import INT256_MAX, WAD
from solver.domain.program import CollateralFlow, DeltaBox
from solver.domain.route import Out, Pull
from solver.routing.certify import certify, certify_batch, tally
from solver.routing.curves import PRICE_UNIT
from solver.routing.toll import toll
from tests.solver.routing import world
from tests.solver.routing.certify import claims
from tests.solver.routing.certify.claims import (
    BOUGHT,
    BOUND,
    CALL,
    CONSERVES,
    COST,
    HOLDER,
    MIXED,
    NUMERAIRE,
    PULL,
    SLIPPAGE,
    SNAPSHOT,
    SOLD,
    TAKEN,
    VALUE,
    WALLET,
    at,
    priced,
    reclaimed,
    refused,
)
from tests.solver.routing.world import BOB, DAI, MAKER, OTHER_MAKER, USDC, WETH, call

PER_GAS = toll(USDC.address, SNAPSHOT)
FILL, HEDGE = SOLD.fills
CREDIT = SOLD.certificate
MIXED_LIES = {
    "premium counted twice": (
        VALUE,
        reclaimed(BOUGHT, value=BOUGHT.certificate.value + 126 * 10**7),
    ),
    "the bought token as numeraire": (
        NUMERAIRE,
        priced(priced(BOUGHT, USDC, 1), WETH, PRICE_UNIT),
    ),
    "tokens bought without a price": (VALUE, priced(BOUGHT, WETH, 0)),
    "tokens bought that count for nothing": (
        BOUND,
        reclaimed(
            priced(BOUGHT, WETH, 0),
            value=tally.credit(BOUGHT.fills, SNAPSHOT) - PER_GAS.up(claims.V3.gas),
        ),
    ),
    "a limit price ignored": (
        "a fill within its limit price",
        at(BOUGHT, "fills", price=125 * WAD),
    ),
    "a delta row that nothing bounds": (
        "a price on a delta",
        reclaimed(BOUGHT, row_prices=(("delta:max", 1),)),
    ),
}

CALL_LIES = {
    "a better price than is offered": (TAKEN, at(SOLD, "fills", price=FILL.price + 1)),
    "a worse price than is offered": (TAKEN, at(SOLD, "fills", price=FILL.price - 1)),
    "a maker without such an offer": (TAKEN, at(SOLD, "fills", maker=OTHER_MAKER)),
    "a fill of nobody": (TAKEN, at(SOLD, "fills", maker=None)),
    "a quote that was not given": (TAKEN, at(SOLD, "fills", quote_index=0)),
    "a level filled twice over": (
        TAKEN,
        SOLD._replace(fills=(FILL, HEDGE, HEDGE)),
    ),
    "a fill with oneself": ("with another account", at(SOLD, "fills", maker=CALL.account)),
    "another contract": ("of a candidate", at(SOLD, "fills", instrument=call(4_400))),
    "the hedge as the option": ("of a candidate", at(SOLD, "fills", 1, leg=0)),
    "the other side": ("a fill's side", at(SOLD, "fills", quantity=-FILL.quantity)),
    "more than the leg may take": (
        "a leg in its range",
        at(SOLD, "fills", quantity=2 * FILL.quantity),
    ),
    "less than the leg's least": (
        "a leg in its range",
        at(SOLD, "fills", quantity=FILL.quantity + 1),
    ),
    "a fill of nothing": (
        "a fill is of an exposure",
        SOLD._replace(fills=(FILL, HEDGE, FILL._replace(quantity=0))),
    ),
    "a leg that is not there": ("a fill is of an exposure", at(SOLD, "fills", leg=7)),
    "no fills": ("a leg in its range", SOLD._replace(fills=())),
    "no hedge": (COST, SOLD._replace(fills=(FILL,))),
    "less of the hedge": (COST, at(SOLD, "fills", 1, quantity=HEDGE.quantity + 10**15)),
    "both sides of one leg": (
        "one sign for each leg",
        SOLD._replace(
            fills=(*SOLD.fills, HEDGE._replace(quantity=10**15, price=3_601_080 * 10**15))
        ),
    ),
    "a credit without the fee": (COST, SOLD._replace(net_cost=SOLD.net_cost - SOLD.fee)),
    "a credit an atom too high": (VALUE, reclaimed(SOLD, value=CREDIT.value + 1)),
    "a bound of fills an atom too low": (BOUND, reclaimed(SOLD, bound=CREDIT.bound - 1)),
    "a bound without its rows": (BOUND, reclaimed(SOLD, row_prices=())),
    "a row worth less": (
        BOUND,
        reclaimed(SOLD, row_prices=(("delta:max", 1_080_000 * WAD), ("leg:0:max", 10**24))),
    ),
    "a negative row": (
        "a price a row is not negative",
        reclaimed(SOLD, row_prices=(("leg:0:max", -1),)),
    ),
    "a pull of what is only held": (
        PULL,
        SOLD._replace(pulls=(Pull(2, WETH.address, WAD, False),)),
    ),
    "an out that nobody asked for": (
        CONSERVES,
        SOLD._replace(outs=(Out(0, USDC.address, 1),)),
    ),
}
UNSIGNED_FILLS = {
    "a delta closer to nothing": (
        "delta in its box",
        CALL._replace(delta=DeltaBox(world.ETH, 0, WAD // 10**6)),
        HOLDER,
    ),
    "another delta": ("delta in its box", CALL._replace(delta=DeltaBox(1, WAD, WAD // 2)), HOLDER),
    "more premium": (
        "the net cost is within its limit",
        CALL._replace(limits=CALL.limits._replace(max_net_cost=SOLD.net_cost - 1)),
        HOLDER,
    ),
    "no slippage": (
        SLIPPAGE,
        CALL._replace(limits=CALL.limits._replace(max_slippage_bps=0)),
        HOLDER,
    ),
    "more ETH held": (
        "the balance held is in its range",
        CALL._replace(collateral=(CollateralFlow(2, WETH.address, "auto", 11 * WAD, 12 * WAD),)),
        HOLDER,
    ),
    "an account that holds less": ("the balance held", CALL, world.account(eth=9)),
    "an account that holds more": ("delta in its box", CALL, world.account(eth=11)),
    "another's account": (
        "the account is the program's",
        CALL,
        Account(MAKER, positions=HOLDER.positions),
    ),
    "a limit price": (
        "a fill within its limit price",
        CALL._replace(
            exposures=(CALL.exposures[0]._replace(limit_price=FILL.price + 1), CALL.exposures[1])
        ),
        HOLDER,
    ),
    "a deposit that was not pulled": (
        "leg 3 in its range",
        CALL._replace(collateral=(CollateralFlow(3, WETH.address, "deposit", WAD, WAD),)),
        HOLDER,
    ),
    "a market that nothing marks": (
        "is not in this snapshot",
        CALL._replace(delta=DeltaBox(2, 0, INT256_MAX)),
        HOLDER,
    ),
}


@pytest.mark.parametrize("name", CALL_LIES)
def test_a_lie_about_fills_is_refused(name):
    claim, lie = CALL_LIES[name]
    with refused(claim):
        certify(CALL, SNAPSHOT, lie, HOLDER)


@pytest.mark.parametrize("name", MIXED_LIES)
def test_a_lie_about_tokens_and_fills_is_refused(name):
    claim, lie = MIXED_LIES[name]
    program = MIXED._replace(delta=None) if "nothing bounds" in name else MIXED
    with refused(claim):
        certify(program, SNAPSHOT, lie, WALLET)


@pytest.mark.parametrize("name", UNSIGNED_FILLS)
def test_fills_outside_what_was_signed_are_refused(name):
    claim, program, account = UNSIGNED_FILLS[name]
    with refused(claim):
        certify(program, SNAPSHOT, SOLD, account)


def test_slippage_of_what_has_no_mark_is_refused():
    program = world.swap(WETH, DAI, WAD)
    steps = [(claims.V3_DAI, WETH.address, DAI.address, None)]
    unbounded = program._replace(limits=world.limits(max_slippage_bps=2**32 - 1))
    solution = claims.routed(unbounded, SNAPSHOT, steps)
    certify(unbounded, SNAPSHOT, solution, WALLET)
    with refused("nothing marks"):
        certify(program, SNAPSHOT, solution, WALLET)


def test_a_batch_takes_no_more_of_a_level_than_it_offers():
    naked = CALL._replace(collateral=(), delta=None, exposures=CALL.exposures[:1])
    programs = naked, naked._replace(account=BOB)
    accounts = world.account(), world.account(BOB)
    drafts = (SOLD._replace(fills=SOLD.fills[:1]),) * 2
    rows = {"leg:0:max": 126_708_856 * WAD}
    solutions = claims.proved(programs, SNAPSHOT, drafts, accounts, rows)
    with refused(TAKEN):
        certify_batch(programs, SNAPSHOT, solutions, accounts)
    alone = claims.proved(programs[:1], SNAPSHOT, drafts[:1], accounts[:1], rows)
    certify(naked, SNAPSHOT, alone[0], accounts[0])
