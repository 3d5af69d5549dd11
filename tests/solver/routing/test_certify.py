"""The checker: proves what the solver says, and refuses every other claim."""

import ast
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import Account
from solver.domain.errors import Unproven
from solver.domain.instrument import Instrument
from solver.domain.numbers import WAD
from solver.domain.program import CollateralFlow, DeltaBox, Exposure
from solver.domain.route import Out, Pull, Swap
from solver.routing import certify as checker
from solver.routing.certify import certify, certify_batch, duality, tally
from solver.routing.curves import PRICE_UNIT
from solver.routing.proof import proof
from solver.solve import solve
from tests import tidy
from tests.solver.routing import world
from tests.solver.routing.world import BOB, DAI, MAKER, PERP, USDC, WBTC, WETH, call

SNAPSHOT = world.snapshot()
ONE_CALL = (Exposure(0, "sell", (call(4_000),), 10 * WAD, 10 * WAD, 0),)
SWAP = world.swap(WETH, USDC, 200 * WAD, 700_000 * 10**6)
WALLET = world.account()
SWAPPED = solve(SWAP, WALLET, SNAPSHOT)
CALL = world.covered_call(4_000)
HOLDER = world.account(eth=10)
SOLD = solve(CALL, HOLDER, SNAPSHOT)


def first(items, **changes):
    return (items[0]._replace(**changes), *items[1:])


def claim(solution, **changes):
    return solution._replace(certificate=solution.certificate._replace(**changes))


def priced(solution, token, price):
    prices = dict(solution.certificate.token_prices) | {token.address: price}
    return claim(solution, token_prices=tuple(sorted(prices.items())))


def test_what_the_solver_says_is_proved():
    certify(SWAP, SNAPSHOT, SWAPPED, WALLET)
    certify(CALL, SNAPSHOT, SOLD, HOLDER)


OUT = SWAPPED.outs[0].amount
LAST = SWAPPED.swaps[-1]
SWAP_LIES = {
    "another snapshot": SWAPPED._replace(snapshot_hash=b"\0" * 32),
    "an atom more comes out of a pool": SWAPPED._replace(
        swaps=first(SWAPPED.swaps, amount_out=SWAPPED.swaps[0].amount_out + 1)
    ),
    "an atom less comes out of a pool": SWAPPED._replace(
        swaps=first(SWAPPED.swaps, amount_out=SWAPPED.swaps[0].amount_out - 1)
    ),
    "an atom more is delivered": SWAPPED._replace(outs=(Out(1, USDC.address, OUT + 1),)),
    "an atom is kept": SWAPPED._replace(outs=(Out(1, USDC.address, OUT - 1),)),
    "more is pulled than is swapped": SWAPPED._replace(
        pulls=first(SWAPPED.pulls, amount=SWAPPED.pulls[0].amount + 1)
    ),
    "more is swapped than is pulled": SWAPPED._replace(
        swaps=first(SWAPPED.swaps, amount_in=SWAPPED.swaps[0].amount_in + 1)
    ),
    "a pool that is not there": SWAPPED._replace(swaps=first(SWAPPED.swaps, pool="0x" + "9" * 40)),
    "a pool of another venue": SWAPPED._replace(swaps=first(SWAPPED.swaps, venue="elsewhere")),
    "a token that the pool has not": SWAPPED._replace(
        swaps=first(SWAPPED.swaps, token_in=WBTC.address)
    ),
    "another token out": SWAPPED._replace(swaps=first(SWAPPED.swaps, token_out=WETH.address)),
    "a step of nothing": SWAPPED._replace(
        swaps=(*SWAPPED.swaps, LAST._replace(amount_in=0, amount_out=0))
    ),
    "a pool used twice as if it were fresh": SWAPPED._replace(swaps=(*SWAPPED.swaps, LAST)),
    "tokens spent before they are there": SWAPPED._replace(swaps=SWAPPED.swaps[::-1])
    if SWAPPED.swaps[-1].token_in != WETH.address
    else SWAPPED._replace(
        swaps=(Swap(LAST.venue, LAST.pool, USDC.address, WETH.address, 10**6, 1), *SWAPPED.swaps)
    ),
    "a pull from the other purse": SWAPPED._replace(
        pulls=first(SWAPPED.pulls, is_from_wallet=False)
    ),
    "a pull of another token": SWAPPED._replace(pulls=first(SWAPPED.pulls, token=WBTC.address)),
    "a pull for a leg that sells nothing": SWAPPED._replace(
        pulls=(*SWAPPED.pulls, Pull(1, USDC.address, 1, True))
    ),
    "an out for another leg": SWAPPED._replace(outs=(Out(0, USDC.address, OUT),)),
    "a fee above its cap": SWAPPED._replace(fee=6 * 10**6),
    "a fee below nothing": SWAPPED._replace(fee=-1),
    "another fee than was held back": SWAPPED._replace(fee=SWAPPED.fee - 1),
    "a net cost that flatters": SWAPPED._replace(net_cost=SWAPPED.net_cost - 1),
    "a value that flatters": claim(SWAPPED, value=SWAPPED.certificate.value + 1),
    "a bound below the prices' own": claim(SWAPPED, bound=SWAPPED.certificate.value),
    "a gap that flatters": claim(SWAPPED, gap_ppm=SWAPPED.certificate.gap_ppm - 1),
    "a numeraire that is not 1": priced(SWAPPED, USDC, PRICE_UNIT // 2),
    "a negative price": priced(SWAPPED, DAI, -1),
    "a token priced at nothing": priced(SWAPPED, WETH, 0),
    "a price told twice": claim(
        SWAPPED, token_prices=(*SWAPPED.certificate.token_prices, (WETH.address, PRICE_UNIT))
    ),
    "a price on a row that is not there": claim(SWAPPED, value=0, row_prices=(("delta:max", 1),)),
}

FILL = SOLD.fills[0]
HEDGE = next(fill for fill in SOLD.fills if fill.leg == 1)
CALL_LIES = {
    "a better price than is offered": SOLD._replace(
        fills=first(SOLD.fills, price=FILL.price + 10**14)
    ),
    "a fill of another maker": SOLD._replace(fills=first(SOLD.fills, maker=world.BOB)),
    "a fill of nobody": SOLD._replace(fills=first(SOLD.fills, maker=None)),
    "a quote that was not given": SOLD._replace(fills=first(SOLD.fills, quote_index=0)),
    "another contract": SOLD._replace(fills=first(SOLD.fills, instrument=call(4_400))),
    "the other side": SOLD._replace(fills=first(SOLD.fills, quantity=-FILL.quantity)),
    "more than is offered": SOLD._replace(fills=first(SOLD.fills, quantity=2 * FILL.quantity)),
    "less than the leg's least": SOLD._replace(
        fills=first(SOLD.fills, quantity=FILL.quantity + 10**15)
    ),
    "a fill of nothing": SOLD._replace(fills=(*SOLD.fills, FILL._replace(quantity=0))),
    "a leg that is not there": SOLD._replace(fills=first(SOLD.fills, leg=7)),
    "no hedge": SOLD._replace(fills=tuple(fill for fill in SOLD.fills if fill.leg == 0)),
    "both sides of one leg": SOLD._replace(
        fills=(*SOLD.fills, HEDGE._replace(quantity=10**15, price=3_601_080 * 10**15))
    ),
    "a net cost without the fee": SOLD._replace(net_cost=SOLD.net_cost - SOLD.fee),
    "a credit that flatters": claim(SOLD, value=SOLD.certificate.value + 1),
    "a bound without its rows": claim(SOLD, row_prices=()),
    "a negative row": claim(SOLD, row_prices=(("leg:0:max", -1),)),
}


@pytest.mark.parametrize("name", SWAP_LIES)
def test_a_lie_about_a_swap_is_refused(name):
    with pytest.raises(Unproven):
        certify(SWAP, SNAPSHOT, SWAP_LIES[name], WALLET)


@pytest.mark.parametrize("name", CALL_LIES)
def test_a_lie_about_fills_is_refused(name):
    with pytest.raises(Unproven):
        certify(CALL, SNAPSHOT, CALL_LIES[name], HOLDER)


@pytest.mark.parametrize(
    "program",
    [
        SWAP._replace(buys=(SWAP.buys[0]._replace(amount_min=OUT + 1),)),
        SWAP._replace(sells=(SWAP.sells[0]._replace(amount_max=200 * WAD - 1),)),
        SWAP._replace(limits=SWAP.limits._replace(max_net_cost=SWAPPED.net_cost - 1)),
        SWAP._replace(limits=SWAP.limits._replace(max_slippage_bps=1)),
        SWAP._replace(limits=SWAP.limits._replace(max_fee=SWAPPED.fee - 1)),
    ],
)
def test_a_plan_outside_what_was_signed_is_refused(program):
    with pytest.raises(Unproven):
        certify(program, SNAPSHOT, SWAPPED, WALLET)


@pytest.mark.parametrize(
    "program",
    [
        CALL._replace(delta=DeltaBox(world.ETH, 0, WAD // 100)),
        CALL._replace(limits=CALL.limits._replace(max_net_cost=SOLD.net_cost - 1)),
        CALL._replace(limits=CALL.limits._replace(max_slippage_bps=0)),
        CALL._replace(
            exposures=first(CALL.exposures, limit_price=FILL.price + 1), delta=CALL.delta
        ),
        CALL._replace(collateral=(CollateralFlow(2, WETH.address, "auto", 11 * WAD, 12 * WAD),)),
        CALL._replace(account=MAKER),
    ],
)
def test_fills_outside_what_was_signed_are_refused(program):
    with pytest.raises(Unproven):
        certify(program, SNAPSHOT, SOLD, HOLDER)


def test_another_account_proves_nothing():
    with pytest.raises(Unproven):
        certify(CALL, SNAPSHOT, SOLD, Account(MAKER, positions=HOLDER.positions))
    with pytest.raises(Unproven):
        certify(CALL, SNAPSHOT, SOLD, world.account(eth=11))


def test_a_looser_bound_than_the_prices_give_is_still_a_bound():
    bound = SWAPPED.certificate.bound + 10**6
    gap = duality.gap_ppm(SWAPPED.certificate.value, bound)
    certify(SWAP, SNAPSHOT, claim(SWAPPED, bound=bound, gap_ppm=gap), WALLET)


def test_a_batch_holds_one_certificate_and_one_account_each():
    with pytest.raises(Unproven):
        certify_batch((SWAP,), SNAPSHOT, (SWAPPED, SWAPPED), (WALLET,))
    with pytest.raises(Unproven):
        certify_batch((SWAP, SWAP), SNAPSHOT, (SWAPPED, SWAPPED), (WALLET, WALLET))


def test_a_batch_takes_no_more_of_a_level_than_it_offers():
    calls = (world.ladder(call(4_000), 127, size=10, steps=1),)
    world_ = world.snapshot(ladders=calls)
    one = world.covered_call(4_000)._replace(collateral=(), delta=None, exposures=ONE_CALL)
    programs = one, one._replace(account=BOB)
    accounts = world.account(), world.account(BOB)
    pairs = list(zip(programs, accounts, strict=True))
    solutions = [solve(program, account, world_) for program, account in pairs]
    rows = dict(solutions[0].certificate.row_prices)
    joint = proof(programs, world_, solutions, accounts, ({}, rows))
    solutions = [solution._replace(certificate=joint) for solution in solutions]
    with pytest.raises(Unproven, match="within what is offered"):
        certify_batch(programs, world_, solutions, accounts)


def test_an_account_has_one_item_in_a_batch():
    program, account = world.swap(WETH, USDC, WAD), world.account()
    solution = solve(program, account, SNAPSHOT)
    with pytest.raises(Unproven, match="one item an account"):
        certify_batch((program,) * 2, SNAPSHOT, (solution,) * 2, (account,) * 2)


@given(st.integers(-10, 10), st.integers(-10, 10))
def test_any_prices_give_a_bound_that_holds(skew, other):
    prices = dict(SWAPPED.certificate.token_prices)
    prices[WETH.address] += prices[WETH.address] * skew // 100
    prices[DAI.address] += prices[DAI.address] * other // 100
    terms = ((SWAP,), SNAPSHOT, (SWAPPED,), (WALLET,))
    value, bound = duality.value_and_bound(*terms, duality.Multipliers(prices, {}))
    assert value <= bound


@given(st.integers(0, 500), st.integers(0, 500), st.booleans())
def test_any_rows_give_a_bound_that_holds(price, delta, is_max):
    end = "max" if is_max else "min"
    rows = {f"leg:0:{end}": price * WAD * 10**5, f"delta:{end}": delta * WAD * 10**5}
    terms = ((CALL,), SNAPSHOT, (SOLD,), (HOLDER,))
    value, bound = duality.value_and_bound(*terms, duality.Multipliers({}, rows))
    assert value <= bound


def test_the_gap_is_rounded_up():
    assert duality.gap_ppm(10**6, 10**6) == 0
    assert duality.gap_ppm(10**7, 10**7 + 1) == 1
    assert duality.gap_ppm(-(10**6), -(10**6) + 3) == 3
    assert duality.gap_ppm(0, 2) == 2_000_000


def test_the_checker_sees_only_values_and_exact_curves():
    folder = pathlib.Path(checker.__file__).parent
    allowed = tidy.CERTIFY_MAY_SEE
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("solver"):
                names = {alias.name for alias in node.names}
                is_curves = node.module == "solver.routing" and names == {"curves"}
                assert is_curves or str(node.module).startswith(allowed), node.module
        assert path.read_text().count("\n") < 150, path.name


def test_the_checkers_own_marks_are_the_pricing_modules():
    from solver.pricing.greeks import delta_of
    from solver.pricing.marks import mark_of

    market = SNAPSHOT.underlyings[0]
    for instrument in (PERP, call(3_600), call(4_000), call(4_400)):
        unpacked = Instrument.unpack(instrument)
        assert tally.mark_of(instrument, SNAPSHOT) == mark_of(instrument, SNAPSHOT)
        assert tally.delta_of(instrument, SNAPSHOT) == delta_of(unpacked, market, world.TIME)
