"""From a program to a certified plan: fees as the contract takes them, limits told in numbers."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Infeasible, InsufficientFunds
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.numbers import UINT256_MAX, WAD
from solver.domain.program import CollateralFlow, Exposure, TokenFlow
from solver.domain.snapshot import Underlying
from solver.domain.surface import flat
from solver.pricing.gas import gas_cost
from solver.routing.certify import certify, tally
from solver.solve import solve
from tests.solver.routing import world
from tests.solver.routing.world import DAI, PERP, USDC, WBTC, WETH

SNAPSHOT = world.snapshot()
WALLET = world.account()
NO_SLIPPAGE = world.limits(max_slippage_bps=2**32 - 1)


def delivered(solution):
    return sum(out.amount for out in solution.outs)


def pulled(solution):
    return sum(pull.amount for pull in solution.pulls)


def test_the_same_question_has_the_same_answer():
    for program, account in (
        (world.swap(WETH, USDC, 100 * WAD), WALLET),
        (world.covered_call(3_600, 4_000), world.account(eth=10)),
    ):
        assert solve(program, account, SNAPSHOT) == solve(program, account, world.snapshot())


def test_a_fee_on_bought_dollars_is_held_back_from_them():
    solution = solve(world.swap(WETH, USDC, 25 * WAD), WALLET, SNAPSHOT)
    from_pools = sum(s.amount_out for s in solution.swaps if s.token_out == USDC.address)
    assert solution.fee == min(5 * 10**6, gas_cost(solution.gas, SNAPSHOT)) > 0
    assert delivered(solution) == from_pools - solution.fee
    assert solution.net_cost == -delivered(solution)


def test_a_fee_on_sold_dollars_is_inside_what_is_pulled():
    solution = solve(world.swap(USDC, WETH, 10**11), WALLET, SNAPSHOT)
    into_pools = sum(s.amount_in for s in solution.swaps if s.token_in == USDC.address)
    assert pulled(solution) == 10**11 == into_pools + solution.fee
    assert solution.net_cost == 10**11


def test_no_fee_where_the_contract_could_not_collect_it():
    program = world.swap(WETH, WBTC, 25 * WAD, limits=NO_SLIPPAGE)
    assert solve(program, WALLET, SNAPSHOT).fee == 0
    rich = solve(program, world.account(cash=100), SNAPSHOT)
    assert rich.fee > 0
    assert rich.net_cost == rich.fee


def test_a_fee_never_exceeds_what_was_signed():
    program = world.swap(WETH, USDC, 25 * WAD, limits=world.limits(max_fee=7))
    assert solve(program, WALLET, SNAPSHOT).fee == 7


def test_what_a_wallets_answer_takes_is_in_gas_and_fee():
    program = world.swap(WETH, USDC, 25 * WAD, limits=world.limits(max_fee=10**9))
    by_key = solve(program, WALLET, SNAPSHOT)
    by_wallet = solve(program._replace(authority_gas=28_000), WALLET, SNAPSHOT)
    assert by_wallet.gas == by_key.gas + 28_000
    assert by_wallet.fee == gas_cost(by_wallet.gas, SNAPSHOT) > by_key.fee


@settings(max_examples=10)
@given(st.integers(10**6, 10**12), st.booleans())
def test_exact_in_sells_all_and_certifies(amount, is_dollars):
    sell, buy = (USDC, WETH) if is_dollars else (WETH, USDC)
    amount = amount if is_dollars else world.atoms(WETH, amount / 10**6)
    program = world.swap(sell, buy, amount, limits=world.limits(max_fee=10**5))
    program = program._replace(limits=program.limits._replace(max_slippage_bps=2**32 - 1))
    solution = solve(program, WALLET, SNAPSHOT)
    assert pulled(solution) == amount
    certify(program, SNAPSHOT, solution, WALLET)


@settings(max_examples=10)
@given(st.integers(10, 10**6), st.sampled_from([(WETH, USDC), (USDC, WETH), (WBTC, DAI)]))
def test_exact_out_delivers_it_for_no_more_than_was_signed(dollars, pair):
    sell, buy = pair
    wanted, most = world.atoms(buy, dollars), world.atoms(sell, dollars * 1.1 + 10)
    program = world.buy_exactly(sell, buy, most, wanted, limits=NO_SLIPPAGE)
    solution = solve(program, WALLET, SNAPSHOT)
    assert wanted <= delivered(solution) <= wanted * 1.000001 + 10**6
    assert pulled(solution) <= most


def test_a_fee_is_counted_in_the_token_it_is_taken_in():
    bitcoin = Underlying(
        2, "BTC", WBTC, 105_000 * WAD, WAD, flat(500_000), 10**6, 0, 10**5, 65_000, 750_000, 800_000
    )
    both = world.snapshot(underlyings=(*SNAPSHOT.underlyings, bitcoin))
    limits = NO_SLIPPAGE._replace(settlement_token=WBTC.address, max_fee=10**8)
    solution = solve(world.swap(WETH, WBTC, 25 * WAD, limits=limits), WALLET, both)
    dollars = gas_cost(solution.gas, both)  # 1e6
    assert 0 < solution.fee * 105_000 // 100 - dollars <= 2_000
    unmarked = NO_SLIPPAGE._replace(settlement_token=DAI.address, max_fee=10**20)
    assert solve(world.swap(WETH, DAI, WAD, limits=unmarked), WALLET, SNAPSHOT).fee == 0


@pytest.mark.parametrize(("least", "wanted"), [(5, 10_000), (5, 0.000001), (5, 20_000)])
def test_no_less_is_sold_than_the_signed_range_allows(least, wanted):
    program = world.buy_exactly(WETH, USDC, 10 * WAD, int(wanted * 10**6), limits=NO_SLIPPAGE)
    program = program._replace(sells=(TokenFlow(0, WETH.address, least * WAD, 10 * WAD),))
    solution = solve(program, WALLET, SNAPSHOT)
    assert least * WAD <= pulled(solution) <= 10 * WAD
    assert delivered(solution) >= wanted * 10**6


def test_more_is_never_pulled_than_exact_out_needs():
    wanted = 10**11
    program = world.buy_exactly(WETH, USDC, 30 * WAD, wanted)
    sold = pulled(solve(program, WALLET, SNAPSHOT))
    less = world.swap(WETH, USDC, sold * 9_999 // 10_000)
    assert delivered(solve(less, WALLET, SNAPSHOT)) < wanted


def test_a_covered_call_is_hedged_paid_and_proved_tightly():
    account = world.account(eth=10)
    program = world.covered_call(4_000)
    solution = solve(program, account, SNAPSHOT)
    after = tally.net_delta(program, SNAPSHOT, solution, account)
    assert {fill.leg for fill in solution.fills} == {0, 1}
    assert abs(after) <= program.delta.tolerance
    assert solution.net_cost <= -280 * 10**6
    assert solution.certificate.gap_ppm <= 100


def test_a_covered_call_buys_its_cover_in_the_same_plan():
    program = world.covered_call(4_000)._replace(
        collateral=(),
        sells=(TokenFlow(3, USDC.address, 0, 37_000 * 10**6),),
        buys=(TokenFlow(2, WETH.address, 10 * WAD, UINT256_MAX),),
        limits=world.limits(max_slippage_bps=100),
    )
    account = world.account(cash=40_000)
    solution = solve(program, account, SNAPSHOT)
    assert delivered(solution) >= 10 * WAD
    assert abs(tally.net_delta(program, SNAPSHOT, solution, account)) <= WAD // 10
    assert not any(pull.is_from_wallet for pull in solution.pulls)
    assert solution.certificate.gap_ppm <= 1_000


def collateral(side, amount, token=WETH):
    flow = CollateralFlow(0, token.address, side, amount, amount)
    program = world.swap(WETH, USDC, 1)._replace(sells=(), buys=(), collateral=(flow,))
    return program._replace(receiver=ZERO_ADDRESS if side == "deposit" else program.account.owner)


def test_a_deposit_is_one_pull_from_the_wallet():
    solution = solve(collateral("deposit", WAD), WALLET, SNAPSHOT)
    assert [(p.amount, p.is_from_wallet) for p in solution.pulls] == [(WAD, True)]
    assert (solution.outs, solution.swaps, solution.net_cost) == ((), (), 0)


def test_a_withdrawal_is_one_release_of_what_is_there():
    solution = solve(collateral("withdraw", WAD), world.account(eth=1), SNAPSHOT)
    assert [(p.amount, p.is_from_wallet) for p in solution.pulls] == [(WAD, False)]
    with pytest.raises(InsufficientFunds) as caught:
        solve(collateral("withdraw", 2 * WAD), world.account(eth=1), SNAPSHOT)
    assert caught.value.data["available"] == str(WAD)


def test_a_perp_is_filled_and_its_notional_is_no_cost():
    program = world.covered_call()._replace(
        exposures=(Exposure(0, "buy", (PERP,), 2 * WAD, 2 * WAD, 0),),
        collateral=(),
        delta=None,
        limits=world.limits(),
    )
    solution = solve(program, world.account(cash=2_000), SNAPSHOT)
    assert solution.net_cost < 10 * 10**6


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (world.swap(WETH, USDC, WAD, 10**12), "legQuantity"),
        (world.swap(WETH, USDC, 2_000 * WAD, limits=world.limits(max_slippage_bps=5)), "slippage"),
        (world.swap(USDC, WETH, 10**9, limits=world.limits(max_net_cost=10**8)), "netCost"),
        (world.buy_exactly(WETH, USDC, WAD, 10**12), "legQuantity"),
        (world.swap(WETH, DAI, WAD), "unvalued"),
        (world.swap(USDC, WETH, 10), "fee"),
        (world.buy_exactly(USDC, WETH, 5 * 10**5, 10**14), "fee"),
    ],
)
def test_what_is_impossible_says_which_limit(program, code):
    with pytest.raises(Infeasible) as caught:
        solve(program, WALLET, SNAPSHOT)
    assert caught.value.code == code


def test_two_tokens_sold_at_once_are_refused_clearly():
    program = world.swap(WETH, USDC, WAD)
    with pytest.raises(Infeasible) as caught:
        solve(program._replace(sells=program.sells * 2), WALLET, SNAPSHOT)
    assert caught.value.code == "unsupported"


def test_a_balance_to_be_held_must_be_there():
    with pytest.raises(Infeasible) as caught:
        solve(world.covered_call(4_000), world.account(eth=9), SNAPSHOT)
    assert caught.value.data["balance"] == str(9 * WAD)


def scattered_pools(draw):
    """Pools of any depth and kind, a few basis points apart."""
    for number in range(draw.randint(2, 14)):
        base, quote = draw.sample((WETH, USDC, DAI, WBTC), 2)
        offset_bps = draw.uniform(-4, 4)
        if draw.random() < 0.5:
            dollars = int(10 ** draw.uniform(2, 7))
            yield world.product(number, base, quote, dollars, offset_bps)
        else:
            ranges = [
                (draw.randint(20, 4_000), draw.randint(20, 4_000), int(10 ** draw.uniform(3, 7)))
                for _ in range(draw.randint(1, 5))
            ]
            fee_ppm = draw.choice((500, 3_000, 10_000))
            yield world.concentrated(number, base, quote, fee_ppm, offset_bps, ranges)


def test_on_any_pools_there_is_a_proved_plan_or_a_reason():
    answers: Counter[str] = Counter()
    for seed in range(60):
        draw = random.Random(seed)
        gas_price = draw.choice((0, 10**9, 5 * 10**10))
        snapshot = world.snapshot(pools=tuple(scattered_pools(draw)), gas_price=gas_price)
        sell, buy = draw.sample((WETH, USDC, DAI, WBTC), 2)
        dollars = 10 ** draw.uniform(1, 6)
        amount, wanted = world.atoms(sell, dollars), world.atoms(buy, dollars)
        program = draw.choice(
            (world.swap(sell, buy, amount), world.buy_exactly(sell, buy, amount * 2, wanted))
        )
        program = program._replace(limits=NO_SLIPPAGE)
        try:
            certify(program, snapshot, solve(program, WALLET, snapshot), WALLET)
            answers["planned"] += 1
        except Infeasible as error:
            answers[error.code] += 1
    assert set(answers) <= {"planned", "noRoute", "legQuantity", "fee"}
    assert answers["planned"] > 40
