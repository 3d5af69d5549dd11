"""The recorded auction: our routes lead one path, and the certificate is tight.

Two of the rows of bench/auction.py, without its times; the bench has all fifteen.
"""

import pytest

from bench.reference import auction
from bench.reference.auction import USDC, WBTC, WETH, certified
from bench.reference.paths import Quotes, single_path
from solver.routing import curves
from solver.routing.select import best_route
from solver.routing.toll import toll
from tests.recorded import needs

pytestmark = needs(auction.FILE, "auctions")


@pytest.fixture(scope="module")
def known():
    return auction.load()


def test_every_pool_of_the_file_is_there(known):
    assert len(known.pools) == 842
    assert known.prices[USDC] * 10**6 / 10**18 == pytest.approx(1 / 1613, rel=0.01)  # ether
    assert known.prices[WBTC] * 10**8 / 10**18 == pytest.approx(16.26, rel=0.01)


@pytest.mark.parametrize(
    ("pair", "ether", "gap_max"),
    [((WETH, WBTC), 100, 60), ((WETH, USDC), 10, 300)],
)
def test_a_route_leads_one_path_within_its_proved_gap(known, pair, ether, gap_max):
    source, sink = pair
    snapshot, amount = known.snapshot(sink), known.amount(source, ether)
    route, per_gas = best_route(snapshot, source, sink, amount), toll(sink, snapshot)
    net = route.amount_out - per_gas.up(route.gas)
    alone = single_path(Quotes(known.pools, per_gas), source, sink, amount)
    bound = certified(snapshot, (source, amount), sink, route)
    assert alone is not None
    assert net >= alone.net - 1
    assert net <= bound <= net * (1 + gap_max / 1e6)


def test_a_route_is_what_its_pools_answer(known):
    amount, pools = known.amount(WETH, 1_000), {pool.address: pool for pool in known.pools}
    route = best_route(known.snapshot(WBTC), WETH, WBTC, amount)
    assert len(route.swaps) > 2
    held = {WETH: amount}
    for swap in route.swaps:
        pool, pair = pools[swap.pool], (swap.token_in, swap.token_out)
        assert 0 < swap.amount_in <= held[swap.token_in]
        assert curves.amount_out(pool, pair, swap.amount_in) == swap.amount_out
        pools[swap.pool] = curves.after(pool, pair, swap.amount_in)
        held[swap.token_in] -= swap.amount_in
        held[swap.token_out] = held.get(swap.token_out, 0) + swap.amount_out
    assert held.pop(WBTC) == route.amount_out
    assert not any(held.values())
