"""Quotes recorded from mainnet pools: the integers answer exactly what the chain answered."""

from solver.domain.errors import Infeasible
from solver.domain.market import ConcentratedPool, ConstantProductPool
from solver.routing import curves
from tests.recorded import POOLS, needs, read_pools

pytestmark = needs(POOLS, "pools")


def concentrated_pool():
    state = read_pools("state/1_uniswap_v3_wbtc_weth_block_24407242.json")
    scalars = state["scalars"]
    ticks = sorted((int(tick), entry[1]) for tick, entry in state["tick_data"].items())
    return ConcentratedPool(
        "uniswap_v3",
        state["pool"].lower(),
        "WBTC",
        "WETH",
        scalars["fee"],
        scalars["tick_spacing"],
        scalars["sqrt_price_x96"],
        scalars["tick"],
        scalars["liquidity"],
        tuple(ticks),
        120_000,
    )


def test_concentrated_quotes_match_the_recorded_quoter():
    pool, compared = concentrated_pool(), 0
    for key, entry in read_pools("quotes/test_cached_calculations_v3_wbtc_weth.json")[
        "entries"
    ].items():
        _, function, pair, amount = key.split("|")
        quote = curves.amount_out if function == "quoteExactInputSingle" else curves.amount_in
        try:
            answer = quote(pool, tuple(pair.split("->")), int(amount))
        except Infeasible:
            continue  # the quoter answers a part; a plan never settles for one
        assert answer == entry["value"], key
        compared += 1
    assert compared >= 60


def test_constant_product_quotes_match_the_recorded_router():
    state = read_pools("state/8453_pancakeswap_v2_weth_usdbc_block_46875151.json")
    pool = ConstantProductPool(
        "pancakeswap_v2",
        state["pool"].lower(),
        "WETH",
        "USDbC",
        state["reserves_token0"],
        state["reserves_token1"],
        state["fee_numer"] * 100,
        90_000,
    )
    entries = read_pools("quotes/test_pancakeswap_v2_router_get_amounts_out.json")["entries"]
    for key, entry in entries.items():
        _, _, pair, amount = key.split("|")
        assert curves.amount_out(pool, tuple(pair.split("->")), int(amount)) == entry["value"], key
    assert len(entries) >= 10
