"""One formula in millionths is every fork's own, to the atom, and its bound is closed."""

from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.domain.market import ConstantProductPool
from solver.routing.curves import constant_product

FORKS = (  # as each fork's library writes its fee: kept, of
    ("uniswap", 997, 1000),
    ("sushi", 997, 1000),
    ("pancake", 9975, 10_000),
    ("pancake, 2020", 998, 1000),
    ("apeswap", 998, 1000),
    ("mdex", 997, 1000),
    ("biswap", 999, 1000),
    ("no fee", 1, 1),
)
RESERVES = st.integers(1, 2**112 - 1)
AMOUNTS = st.integers(1, 2**112 - 1)


def pool_of(reserve0, reserve1, fee_ppm):
    return ConstantProductPool("v2", "0xp", "0xa", "0xb", reserve0, reserve1, fee_ppm, 80_000)


@pytest.mark.parametrize(("kept", "of"), sorted({fork[1:] for fork in FORKS}))
@given(RESERVES, RESERVES, AMOUNTS, st.booleans())
def test_millionths_are_the_forks_own_formula(kept, of, reserve_in, reserve_out, amount, is_first):
    fee_ppm = 10**6 - kept * 10**6 // of
    reserves = (reserve_in, reserve_out) if is_first else (reserve_out, reserve_in)
    pool = pool_of(*reserves, fee_ppm)
    pair = pool.tokens if is_first else pool.tokens[::-1]
    if reserve_in + amount < 2**112:
        theirs = amount * kept * reserve_out // (reserve_in * of + amount * kept)
        assert constant_product.amount_out(pool, pair, amount) == theirs
        moved = constant_product.after(pool, pair, amount)
        told = (moved.reserve0, moved.reserve1)
        assert (told if is_first else told[::-1]) == (reserve_in + amount, reserve_out - theirs)
        assert moved[6:] == pool[6:]
        assert moved[:4] == pool[:4]
    if amount < reserve_out:
        theirs = reserve_in * amount * of // ((reserve_out - amount) * kept) + 1
        assert constant_product.amount_in(pool, pair, amount) == theirs


@given(RESERVES, RESERVES, st.integers(0, 30_000), st.integers(0, 2**110), st.integers(0, 2**110))
def test_the_bound_is_the_closed_maximum_of_either_side(first, second, fee_ppm, price0, price1):
    pool = pool_of(first, second, fee_ppm)
    kept, bounds = 10**6 - fee_ppm, [0]
    for worth_in, worth_out in (
        (price0 * first, price1 * second),
        (price1 * second, price0 * first),
    ):
        gain, cost = worth_out * kept, worth_in * 10**6
        if gain > cost:
            bounds.append(-((isqrt(4 * gain * cost) - gain - cost) // kept))
    told = constant_product.arbitrage_up(pool, {"0xa": price0, "0xb": price1})
    assert told == max(bounds)


def test_what_the_pair_cannot_hold_or_give_is_refused():
    pool = pool_of(10**18, 10**18, 3000)
    for amount in (-1, 2**112):
        with pytest.raises(Infeasible):
            constant_product.amount_out(pool, pool.tokens, amount)
    for amount in (-1, 10**18):
        with pytest.raises(Infeasible) as refusal:
            constant_product.amount_in(pool, pool.tokens, amount)
        assert refusal.value.data == {"available": 10**18}
