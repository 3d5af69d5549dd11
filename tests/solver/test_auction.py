"""Batches: opposites meet at one price, nobody does worse than alone, the best set wins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.auction import ITEMS_MAX, Bid, batches, net, score, winners
from solver.domain.errors import Unproven
from solver.domain.intent import NO_SLIPPAGE_LIMIT
from solver.domain.numbers import WAD
from solver.routing.certify import certify_batch
from solver.solve import solve
from tests.solver.routing import world
from tests.solver.routing.world import ALICE, BOB, DAI, MAKER, OTHER_MAKER, USDC, WBTC, WETH

SNAPSHOT = world.snapshot()


def seller(eth=25, least=80_000, who=ALICE):
    return world.swap(WETH, USDC, int(eth * WAD), least * 10**6, who=who)


def buyer(dollars=100_000, least=27, who=BOB):
    return world.swap(USDC, WETH, dollars * 10**6, int(least * WAD), who=who)


def settled(*programs):
    """The batch's solutions, which must exist."""
    together = net(programs, SNAPSHOT)
    assert together is not None
    return together


def received(solutions):
    return [solution.outs[0].amount for solution in solutions]


def alone(program):
    return solve(program, world.account(program.account), SNAPSHOT)


@settings(max_examples=15)
@given(st.integers(2, 400), st.integers(5_000, 1_500_000), st.booleans())
def test_opposites_do_better_together_than_alone(eth, dollars, is_buyer_first):
    programs = (seller(eth, least=1), buyer(dollars, least=0.1))
    programs = programs[::-1] if is_buyer_first else programs
    together = settled(*programs)
    for program, solution in zip(programs, together, strict=True):
        assert solution.outs[0].amount > alone(program).outs[0].amount


def test_a_batch_conserves_every_token():
    together = settled(seller(), buyer())
    for token in (WETH.address, USDC.address):
        into = sum(p.amount for s in together for p in s.pulls if p.token == token)
        into += sum(w.amount_out for s in together for w in s.swaps if w.token_out == token)
        out = sum(o.amount for s in together for o in s.outs if o.token == token)
        out += sum(w.amount_in for s in together for w in s.swaps if w.token_in == token)
        fees = sum(s.fee for s in together) if token == USDC.address else 0
        assert into == out + fees


def test_swaps_wait_for_every_pull():
    together = settled(buyer(), seller())
    assert together[0].swaps == ()
    assert together[1].swaps != ()


def test_a_side_of_many_gets_one_price():
    programs = (seller(10, least=1), buyer(400_000, 100), seller(5, least=1, who=MAKER))
    first, _, third = received(settled(*programs))
    fee = settled(*programs)[0].fee
    assert abs((first + fee) - 2 * (third + fee)) <= 2


def test_a_batch_carries_one_tight_certificate():
    programs = (seller(), buyer())
    together = settled(*programs)
    assert together[0].certificate == together[1].certificate
    assert together[0].certificate.gap_ppm <= 100
    accounts = [world.account(program.account) for program in programs]
    certify_batch(programs, SNAPSHOT, together, accounts)
    greedy = together[0]._replace(outs=(together[0].outs[0]._replace(amount=10**12),))
    with pytest.raises(Unproven):
        certify_batch(programs, SNAPSHOT, (greedy, together[1]), accounts)


@pytest.mark.parametrize(
    "programs",
    [
        (seller(), seller(who=BOB)),
        (seller(), world.swap(DAI, WETH, 10**20, who=BOB)),
        (seller(least=95_000), buyer(least=27)),
        (seller(), buyer(who=ALICE)),
        (seller(), world.buy_exactly(USDC, WETH, 10**11, WAD, who=BOB)),
        (world.covered_call(4_000), buyer()),
    ],
)
def test_what_does_not_oppose_at_a_common_price_is_not_netted(programs):
    assert net(programs, SNAPSHOT) is None


def test_batches_group_opposites_by_pair():
    dai = world.swap(WETH, DAI, WAD, who=MAKER)
    assert batches((seller(), dai, buyer())) == ((0, 2),)
    assert batches((seller(), dai)) == ()


def test_the_score_is_the_owners_surplus():
    program = seller()
    solution = alone(program)
    assert score(program, solution, SNAPSHOT) == solution.outs[0].amount - 80_000 * 10**6


def test_the_greatest_fair_total_wins():
    bids = (
        Bid("one", ("a",), (5,)),
        Bid("two", ("b",), (5,)),
        Bid("two", ("a", "b"), (6, 6)),
        Bid("three", ("c",), (0,)),
    )
    assert winners(bids) == bids[2:]


def test_a_batch_that_robs_one_member_loses_however_large():
    bids = (Bid("one", ("a",), (5,)), Bid("two", ("a", "b"), (4, 100)))
    assert winners(bids) == bids[:1]


def test_a_tie_goes_to_the_earlier_bid():
    bids = (Bid("one", ("a",), (5,)), Bid("two", ("a",), (5,)))
    assert winners(bids) == bids[:1]


def test_no_bids_no_winners():
    assert winners(()) == ()


def unvalued(sell, buy, dollars, who, least=1):
    """A swap without a slippage limit: nothing marks some of these tokens."""
    terms = world.limits(max_slippage_bps=NO_SLIPPAGE_LIMIT)
    amount = world.atoms(sell, dollars)
    return world.swap(sell, buy, amount, least, who=who, limits=terms)


def ring(*dollars):
    ends = ((WETH, USDC, ALICE), (USDC, WBTC, BOB), (WBTC, WETH, MAKER))
    return tuple(
        unvalued(sell, buy, size, who) for (sell, buy, who), size in zip(ends, dollars, strict=True)
    )


@pytest.mark.parametrize(
    "dollars", [(100_000, 100_000, 100_000), (100_000, 50_000, 20_000), (1_000, 900, 1_100)]
)
def test_three_in_a_ring_do_no_worse_than_alone(dollars):
    programs = ring(*dollars)
    apart = [alone(program) for program in programs]
    together = net(programs, SNAPSHOT, apart)
    assert together is not None
    accounts = [world.account(program.account) for program in programs]
    certify_batch(programs, SNAPSHOT, together, accounts)
    gains = [a - b for a, b in zip(received(together), received(apart), strict=True)]
    assert min(gains) >= 0
    assert sum(gain > 0 for gain in gains) >= 2


def test_a_ring_that_balances_hardly_needs_a_pool():
    together = settled(*ring(100_000, 100_000, 100_000))
    routed = sum(swap.amount_in for swap in together[-1].swaps if swap.token_in == USDC.address)
    assert routed < 2_000 * 10**6


def test_two_pairs_that_share_a_token_settle_in_one_batch():
    programs = (
        unvalued(WETH, USDC, 90_000, ALICE),
        unvalued(USDC, WETH, 40_000, BOB),
        unvalued(USDC, WBTC, 30_000, MAKER),
        unvalued(WBTC, USDC, 80_000, OTHER_MAKER),
    )
    apart = [alone(program) for program in programs]
    together = net(programs, SNAPSHOT, apart)
    assert together is not None
    for mine, before in zip(received(together), received(apart), strict=True):
        assert mine >= before


def test_batches_find_rings_and_leave_out_what_leads_nowhere():
    dai = world.swap(WETH, DAI, WAD, who=OTHER_MAKER)
    assert batches((*ring(1, 1, 1)[:2], dai, ring(1, 1, 1)[2])) == ((0, 1, 3),)
    assert batches(ring(1, 1, 1)[:2]) == ()


def test_two_rings_apart_are_two_batches():
    others = (
        unvalued(DAI, WBTC, 10, ALICE),
        unvalued(WBTC, DAI, 10, BOB),
        unvalued(WETH, USDC, 10, MAKER),
        unvalued(USDC, WETH, 10, OTHER_MAKER),
    )
    assert batches(others) == ((0, 1), (2, 3))


def test_a_batch_is_no_larger_than_a_transaction_takes():
    many = [seller(1 + n, least=1) if n % 2 else buyer(3_600 * n + 1, 0) for n in range(40)]
    (group,) = batches(many)
    assert group == tuple(range(ITEMS_MAX))
