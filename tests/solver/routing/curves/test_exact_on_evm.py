"""Every amount and state of random swaps against the real contracts' bytecode: no mismatch."""

import random

import pytest
from eth_abi.abi import decode

from solver.domain.errors import Infeasible
from solver.routing import curves
from solver.routing.curves import concentrated
from solver.routing.curves.ticks import RATIO_MAX, RATIO_MIN
from tests.devnet_fixture import require_anvil
from tests.solver.routing.curves import evm as chain

TIERS = ((500, 10), (3000, 60), (10_000, 200))


@pytest.fixture(scope="module")
def evm():
    require_anvil()
    running = chain.Evm()
    yield running
    running.close()


def amounts(seed, count, most):
    draw = random.Random(seed)
    return [int(10 ** draw.uniform(0, most)) for _ in range(count)]


def answer_or_none(quote, *arguments):
    try:
        return quote(*arguments)
    except Infeasible:
        return None


@pytest.mark.parametrize(("reserve0", "reserve1"), [(10**22, 3 * 10**13), (12345, 10**24)])
def test_constant_product_is_the_pair_to_the_atom(evm, reserve0, reserve1):
    router, pool = chain.constant_product(evm, reserve0, reserve1)
    cases = [
        (token, amount)
        for token in (pool.token0, pool.token1)
        for amount in amounts(reserve0, 40, 24)
    ]
    paths = [[token, curves.other_token(pool, token)] for token, _ in cases]
    swap = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
    outs = evm.call_many(
        (router, swap, (amount, 0, path, evm.owner, 2**40))
        for (_, amount), path in zip(cases, paths, strict=True)
    )
    costs = evm.call_many(
        (router, "getAmountsIn(uint256,address[])", (amount, path))
        for (_, amount), path in zip(cases, paths, strict=True)
    )
    for (token, amount), out, cost in zip(cases, outs, costs, strict=True):
        mine = answer_or_none(curves.amount_out, pool, curves.pair_from(pool, token), amount)
        if out is None:  # the pair refuses to give nothing
            assert mine in (0, None)
        else:
            assert mine == decode(["uint256[]"], out)[0][1]
        mine = answer_or_none(curves.amount_in, pool, curves.pair_from(pool, token), amount)
        assert mine == (None if cost is None else decode(["uint256[]"], cost)[0][0])


@pytest.mark.parametrize(("fee_ppm", "spacing"), TIERS)
def test_concentrated_is_the_pool_to_the_atom_and_to_the_state(evm, fee_ppm, spacing):
    draw = random.Random(fee_ppm)
    positions = [(-887200 // spacing * spacing, 887200 // spacing * spacing, 10**18)]
    for _ in range(14):
        lower, upper = sorted(draw.sample(range(-700, 700), 2))
        positions.append((lower * spacing, upper * spacing, int(10 ** draw.uniform(12, 24))))
    quoter, pool = chain.concentrated(evm, fee_ppm, spacing, positions)
    cases = [
        (token, amount, is_exact_in)
        for token in (pool.token0, pool.token1)
        for is_exact_in in (True, False)
        for amount in amounts(spacing, 40, 25)
    ]
    terms = "((address,address,uint256,uint24,uint160))"
    raws = evm.call_many(
        (
            quoter,
            f"quoteExact{'In' if is_in else 'Out'}putSingle{terms}",
            ((token, curves.other_token(pool, token), amount, fee_ppm, 0),),
        )
        for token, amount, is_in in cases
    )
    compared = 0
    for (token, amount, is_in), raw in zip(cases, raws, strict=True):
        mine = answer_or_none(
            curves.amount_out if is_in else curves.amount_in,
            pool,
            curves.pair_from(pool, token),
            amount,
        )
        if mine is None:
            assert raw is None or decode(["uint256", "uint160"], raw[:64])[1] in (
                RATIO_MIN + 1,
                RATIO_MAX - 1,
            )
            continue
        told, ratio = decode(["uint256", "uint160"], raw[:64])
        assert mine == told
        compared += 1
        if is_in:
            assert (
                concentrated.after(pool, curves.pair_from(pool, token), amount).sqrt_price_x96
                == ratio
            )
    assert compared > 100


def test_the_state_after_a_swap_is_the_chains(evm):
    positions = [(-6000, 6000, 10**20), (-600, 300, 10**20), (-120, 60, 10**21)]
    quoter, pool = chain.concentrated(evm, 3000, 60, positions)
    swapper = evm.deploy(
        chain.V3_PERIPHERY / "SwapRouter.sol/SwapRouter.json",
        ["address", "address"],
        [evm.call(quoter, "factory()", answer=["address"])[0], pool.token0],
    )
    for token in (pool.token0, pool.token1):
        evm.send(token, "approve(address,uint256)", swapper, 2**256 - 1)
    swap = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
    for token, amount in ((pool.token0, 10**20), (pool.token1, 3 * 10**20), (pool.token0, 7)):
        there = curves.other_token(pool, token)
        evm.send(swapper, swap, (token, there, 3000, evm.owner, 2**40, amount, 0, 0))
        pool = curves.after(pool, curves.pair_from(pool, token), amount)
        chained = chain.load_concentrated(
            evm, pool.address, (pool.token0, pool.token1), 3000, 60, positions
        )
        assert pool[4:10] == chained[4:10]
