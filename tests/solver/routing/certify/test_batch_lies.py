"""Lies about batches and about cases are refused, each by the check that is meant for it."""

import pytest

from solver.domain.route import Case
from solver.routing.certify import certify, certify_batch
from solver.routing.curves import PRICE_UNIT
from tests.solver.routing import world
from tests.solver.routing.certify.claims import (
    BOTH,
    BOUND,
    CONSERVES,
    FEE,
    NETTED,
    PAIR_ACCOUNTS,
    PULL,
    ROUTED,
    SNAPSHOT,
    SWAP,
    VALUE,
    WALLET,
    at,
    reclaimed,
    refused,
)

CLAIM = ROUTED.certificate
ONE, OTHER = NETTED
JOINT = ONE.certificate


def both(one=ONE, other=OTHER, **changes):
    """The batch with one claim changed for both."""
    return tuple(reclaimed(each, **changes) if changes else each for each in (one, other))


BATCH_LIES = {
    "an atom from one to the other": (
        CONSERVES,
        both(at(ONE, "outs", amount=ONE.outs[0].amount + 1)),
    ),
    "one's token as the other's": (
        CONSERVES,
        both(other=at(OTHER, "outs", amount=OTHER.outs[0].amount + 1)),
    ),
    "a fee of which nobody has": (CONSERVES, both(ONE._replace(fee=FEE + 1))),
    "two certificates": ("one certificate for all", (ONE, reclaimed(OTHER, bound=JOINT.bound + 1))),
    "a solution too few": ("one solution for each program", (ONE,)),
    "no solutions": ("one solution for each program", ()),
    "solutions exchanged": (PULL, (OTHER, ONE)),
    "one of another snapshot": (
        "of another snapshot",
        both(other=OTHER._replace(snapshot_hash=b"\1" * 32)),
    ),
    "the rest not swapped": (CONSERVES, both(other=OTHER._replace(swaps=()))),
    "a joint value an atom too high": (VALUE, both(value=JOINT.value + 1)),
    "a joint bound an atom too low": (BOUND, both(bound=JOINT.bound - 1)),
    "a joint value of the first alone": (VALUE, both(value=ONE.outs[0].amount + FEE)),
}

COVER, APART = "every plan is in a case", "no plan is in two cases"


# ---- cases: pool 1 not used; used, with 6 or without

P1, P6 = (world.POOLS[i].address for i in (0, 5))
AT = CLAIM.token_prices
TREE = (Case((P1,), (), AT), Case((P6,), (P1,), AT), Case((), (P1, P6), AT))


def priced_case(**changes):
    prices = {getattr(world, name).address: price for name, price in changes.items()}
    return TREE[0]._replace(token_prices=tuple((dict(AT) | prices).items()))


CASE_LIES = {
    "no case where no pool is used": (COVER, TREE[1:]),
    "the case with the best plans left out": (COVER, TREE[:2]),
    "one side of one pool": (COVER, (Case((P6,), (), AT),)),
    "a case told twice": (APART, (*TREE, TREE[0])),
    "a case within another": (APART, (*TREE, Case((P1, P6), (), AT))),
    "cases of different pools": (APART, (Case((P1,), (), AT), Case((), (P6,), AT))),
    "everything, and a case": (APART, (Case((), (), AT), TREE[0])),
    "shares that sum to one": (APART, (Case((P1,), (), AT), Case((P6,), (), AT))),
    "a pool both used and not": (
        "a pool is fixed once",
        (Case((P1,), (P1,), AT), *TREE[1:]),
    ),
    "a pool named twice": ("a pool is fixed once", (Case((P1, P1), (), AT), *TREE[1:])),
    "too many cases": ("few cases", TREE * 22),
    "a case of more pools than any tree fixes": (
        "no case is deeper",
        (*TREE[:2], TREE[2]._replace(open=tuple(f"0x{n}" for n in range(64)))),
    ),
    "no number for a price in a case": (
        "in each case is an integer",
        (priced_case(DAI=float("nan")), *TREE[1:]),
    ),
    "a price of 257 bits in a case": (
        "in each case is an integer",
        (priced_case(DAI=2**256), *TREE[1:]),
    ),
    "a negative price in a case": (
        "in each case is not negative",
        (priced_case(DAI=-1), *TREE[1:]),
    ),
    "a price told twice in a case": (
        "a price a token in each case",
        (TREE[0]._replace(token_prices=(*AT, AT[0])), *TREE[1:]),
    ),
    "a numeraire below 1 in a case": (
        "has its price in each case",
        (priced_case(USDC=PRICE_UNIT - 1), *TREE[1:]),
    ),
    "a numeraire of nothing in a case": (
        "has its price in each case",
        (priced_case(USDC=0), *TREE[1:]),
    ),
    "a token worth nothing in a case": (BOUND, (priced_case(WETH=0), *TREE[1:])),
}


@pytest.mark.parametrize("name", BATCH_LIES)
def test_a_lie_about_a_batch_is_refused(name):
    claim, lie = BATCH_LIES[name]
    with refused(claim):
        certify_batch(BOTH, SNAPSHOT, lie, PAIR_ACCOUNTS)


@pytest.mark.parametrize("name", CASE_LIES)
def test_cases_that_are_not_every_plan_are_refused(name):
    claim, cases = CASE_LIES[name]
    with refused(claim):
        certify(SWAP, SNAPSHOT, reclaimed(ROUTED, cases=cases), WALLET)


def test_the_bound_is_of_the_case_with_the_best_plans():
    low = CLAIM.bound - 2 * 10**6  # what pool 6 alone is worth
    assert low > CLAIM.value
    with refused(BOUND):
        certify(SWAP, SNAPSHOT, reclaimed(ROUTED, cases=TREE, bound=low), WALLET)


def test_an_account_has_one_item_in_a_batch():
    with refused("one item an account"):
        certify_batch((SWAP,) * 2, SNAPSHOT, (ROUTED,) * 2, (WALLET,) * 2)
    with refused("one account for each program"):
        certify_batch(BOTH, SNAPSHOT, NETTED, (WALLET,))
