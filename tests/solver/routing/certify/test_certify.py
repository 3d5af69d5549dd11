"""The checker: proves what is honest, whoever made it; any prices give a bound that holds."""

import ast
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Unproven
from solver.domain.instrument import Instrument
from solver.domain.numbers import WAD
from solver.domain.surface import flat
from solver.routing import certify as checker
from solver.routing.certify import certify, certify_batch, duality, marks
from solver.routing.certify.risk import greek_of
from solver.routing.proof import PricedCase, proof, restated
from solver.routing.toll import toll
from solver.solve import solve
from tests import tidy
from tests.solver.routing import world
from tests.solver.routing.certify.claims import (
    BOTH,
    CALL,
    HOLDER,
    NETTED,
    PAIR_ACCOUNTS,
    PRICES,
    ROUTED,
    SNAPSHOT,
    SOLD,
    SWAP,
    WALLET,
    reclaimed,
    routed,
)
from tests.solver.routing.certify.test_batch_lies import BATCH_LIES, CASE_LIES
from tests.solver.routing.certify.test_fill_lies import CALL_LIES, MIXED_LIES, UNSIGNED_FILLS
from tests.solver.routing.certify.test_swap_lies import SWAP_LIES, UNSIGNED
from tests.solver.routing.world import DAI, PERP, USDC, WETH, call

PRICED = dict(ROUTED.certificate.token_prices)


def test_what_the_solver_says_is_proved():
    certify(SWAP, SNAPSHOT, solve(SWAP, WALLET, SNAPSHOT), WALLET)
    certify(CALL, SNAPSHOT, solve(CALL, HOLDER, SNAPSHOT), HOLDER)


def test_what_anyone_says_is_proved_if_it_holds():
    certify(SWAP, SNAPSHOT, ROUTED, WALLET)
    certify(CALL, SNAPSHOT, SOLD, HOLDER)
    certify_batch(BOTH, SNAPSHOT, NETTED, PAIR_ACCOUNTS)


def test_the_lies_are_of_many_kinds():
    named = [*SWAP_LIES, *UNSIGNED, *CALL_LIES, *MIXED_LIES, *UNSIGNED_FILLS]
    assert len({*named, *BATCH_LIES, *CASE_LIES}) >= 130


def test_a_looser_bound_than_the_prices_give_is_still_a_bound():
    claim = reclaimed(ROUTED, bound=ROUTED.certificate.bound + 10**6)
    certify(SWAP, SNAPSHOT, claim, WALLET)


def test_the_value_is_what_was_bought_less_the_gas_of_every_step():
    gas = {pool.address: pool.gas for pool in SNAPSHOT.pools}
    spent = sum(gas[swap.pool] for swap in ROUTED.swaps)
    bought = ROUTED.outs[0].amount + ROUTED.fee
    assert ROUTED.certificate.value == bought - toll(USDC.address, SNAPSHOT).up(spent)


def test_cases_prove_what_no_price_can_where_gas_is_fixed():
    pools = tuple(world.product(100 + i, WETH, USDC, 3_000_000, 0) for i in range(2))
    world_ = world.snapshot(pools=pools, gas_price=10**11)
    program = world.swap(WETH, USDC, 2 * WAD)
    bare = routed(program, world_, [(pools[0], WETH.address, USDC.address, None)])

    def priced(sold_to_each):
        """At the margin of pools that take so much each; a token that none takes is worth 0."""
        deep, kept = pools[0].reserve0, 0.997 * sold_to_each * WAD
        slope = 0.997 * deep * pools[0].reserve1 / (deep + kept) ** 2
        return {WETH.address: slope if sold_to_each else 0.0, USDC.address: 1.0}

    def gap(*cases):
        return proof((program,), world_, (bare,), (WALLET,), (PRICES, {}), cases=cases).gap_ppm

    one, other = (pool.address for pool in pools)
    leaves = (
        PricedCase((one, other), (), priced(0)),
        PricedCase((one,), (other,), priced(2)),
        PricedCase((other,), (one,), priced(2)),
        PricedCase((), (one, other), priced(1)),
    )
    assert min(gap(PricedCase((), (), priced(n / 20))) for n in range(20, 41)) > 400
    assert gap(*leaves) == 1
    claim = proof((program,), world_, (bare,), (WALLET,), (PRICES, {}), cases=leaves)
    certify(program, world_, bare._replace(certificate=claim), WALLET)


def test_a_claim_is_restated_when_gas_is_dearer():
    dear = SNAPSHOT._replace(gas_price=2 * SNAPSHOT.gas_price)
    moved = ROUTED._replace(snapshot_hash=dear.hash)
    claim = restated((SWAP,), dear, (moved,), (WALLET,))
    assert claim.value < ROUTED.certificate.value
    assert claim.token_prices == ROUTED.certificate.token_prices
    certify(SWAP, dear, moved._replace(certificate=claim), WALLET)


@given(st.integers(-10, 10), st.integers(-10, 10))
def test_any_prices_give_a_bound_that_holds(skew, other):
    prices = dict(PRICED)
    prices[WETH.address] += prices[WETH.address] * skew // 100
    prices[DAI.address] += prices[DAI.address] * other // 100
    terms = ((SWAP,), SNAPSHOT, (ROUTED,), (WALLET,))
    value, bound = duality.value_and_bound(*terms, duality.Multipliers(prices, {}))
    assert value <= bound


@given(st.integers(0, 500), st.integers(0, 500), st.booleans())
def test_any_rows_give_a_bound_that_holds(price, delta, is_max):
    end = "max" if is_max else "min"
    rows = {f"leg:0:{end}": price * WAD * 10**5, f"delta:{end}": delta * WAD * 10**5}
    terms = ((CALL,), SNAPSHOT, (SOLD,), (HOLDER,))
    value, bound = duality.value_and_bound(*terms, duality.Multipliers({}, rows))
    assert value <= bound


@pytest.mark.parametrize("greek", ["delta", "vega"])
def test_what_the_surface_cannot_price_is_refused(greek):
    first, *rest = SNAPSHOT.underlyings
    worthless = SNAPSHOT._replace(underlyings=(first._replace(price=0), *rest))
    still = SNAPSHOT._replace(underlyings=(first._replace(surface=flat(0)), *rest))
    for strike, snapshot in ((0, SNAPSHOT), (4_000, worthless), (4_000, still)):
        with pytest.raises(Unproven):
            greek_of(call(strike), greek, snapshot)


def test_the_gap_is_rounded_up():
    assert duality.gap_ppm(10**6, 10**6) == 0
    assert duality.gap_ppm(10**7, 10**7 + 1) == 1
    assert duality.gap_ppm(-(10**6), -(10**6) + 3) == 3
    assert duality.gap_ppm(0, 2) == 2_000_000


def test_the_checker_is_small_and_sees_only_values_and_exact_integers():
    folder = pathlib.Path(checker.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("solver"):
                names = {alias.name for alias in node.names}
                is_curves = node.module == "solver.routing" and names == {"curves"}
                assert is_curves or str(node.module).startswith(tidy.CERTIFY_MAY_SEE), node.module
        assert path.read_text().count("\n") < 150, path.name


def test_the_checkers_own_marks_are_the_pricing_modules():
    from solver.pricing.greeks import delta_of
    from solver.pricing.marks import mark_of

    market = SNAPSHOT.underlyings[0]
    for instrument in (PERP, call(3_600), call(4_000), call(4_400)):
        unpacked = Instrument.unpack(instrument)
        assert marks.mark_of(instrument, SNAPSHOT) == mark_of(instrument, SNAPSHOT)
        assert marks.delta_of(instrument, SNAPSHOT) == delta_of(unpacked, market, world.TIME)
