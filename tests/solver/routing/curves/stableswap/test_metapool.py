"""Quotes recorded from Curve's own pools on mainnet: every one is answered to the atom."""

import pytest

from solver.domain.errors import Infeasible
from solver.domain.market import StableswapPool
from solver.routing.curves.stableswap import amount_in, amount_out, contract, metapool
from tests.recorded import POOLS, needs, read_pools

pytestmark = needs(POOLS, "pools")


def answers(name, function):
    """Returns ((argument, argument), answer) of every recorded call of the function."""
    entries = read_pools(f"quotes/{name}.json")["entries"]
    calls = [(key.split("|"), entry["value"]) for key, entry in entries.items()]
    return [(call[2:], value) for call, value in calls if call[1] == function]


def plain(state, rates, unit=1):
    return StableswapPool(
        "curve",
        state["address"],
        tuple(token["symbol"] for token in state["tokens"]),
        tuple(state["balances"]),
        state["a_coefficient"] * unit,
        rates,
        state["fee"],
        200_000,
        state["admin_fee"],
        unit,
    )


def base(state):
    pool = plain(state, tuple(10 ** (36 - token["decimals"]) for token in state["tokens"]))
    return metapool.Base(pool, "3Crv", state["lp_token_total_supply"])


def tripool():
    return base(read_pools("state/1_curve_tripool_block_24407242.json"))


def rai():
    """Returns (the metapool, its base)."""
    state = read_pools("state/1_curve_metapool_rai_3crv_block_25144000.json")
    rates = (state["redemption_price"], state["base_virtual_price"])
    return plain(state, rates, 100), base(state["base_pool"])


def test_the_tripools_get_dy():
    pool, recorded = tripool().pool, answers("test_curve_tripool_get_dy", "get_dy")
    for (pair, amount), value in recorded:
        assert contract.get_dy(pool, tuple(pair.split("->")), int(amount)) == value
    assert len(recorded) == 18


def test_the_tripools_exchange_pays_its_get_dy_but_for_an_atom():
    pool, apart = tripool().pool, set()
    for (pair, amount), value in answers("test_curve_tripool_get_dy", "get_dy"):
        sides = tuple(pair.split("->"))
        out = amount_out(pool, sides, int(amount))
        apart.add(out - value)
        cost = amount_in(pool, sides, out)
        assert cost <= int(amount)
        assert amount_out(pool, sides, cost) == out > amount_out(pool, sides, cost - 1)
    assert apart <= {-1, 0, 1}


def test_the_tripools_deposits_and_withdrawals():
    base_, compared = tripool(), 0
    name = "test_curve_tripool_calc_withdraw_and_token_amount"
    for function in (metapool.calc_token_amount, metapool.calc_withdraw_one_coin):
        for arguments, value in answers(name, function.__name__):
            coin, amount = arguments[-2:]
            token = base_.pool.tokens[int(coin.removeprefix("i="))]
            assert function(base_, token, int(amount)) == value, arguments
            compared += 1
    assert compared == 18


def test_the_metapools_get_dy_and_its_underlyings():
    (pool, base_), compared = rai(), 0
    for (pair, amount), value in answers("test_curve_metapool_get_dy", "get_dy"):
        sides = tuple(pair.split("->"))
        assert contract.get_dy(pool, sides, int(amount)) == value
        assert amount_out(pool, sides, int(amount)) == value
        compared += 1
    for (pair, amount), value in answers("test_curve_metapool_get_dy", "get_dy_underlying"):
        sides = tuple(pair.split("->"))
        assert metapool.get_dy_underlying(pool, base_, sides, int(amount)) == value
        compared += 1
    assert compared == 42


def test_impossible_withdrawals_are_refused():
    base_ = tripool()
    for shares in (-1, base_.supply + 1, 0):
        with pytest.raises(Infeasible):
            metapool.calc_withdraw_one_coin(base_, "USDC", shares)
