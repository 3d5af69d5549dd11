"""x*y = k with a fee on the input, in the integers of Uniswap v2's pair and library.

Source: UniswapV2Library.getAmountOut/getAmountIn (v2-periphery 1.1.0-beta.0), UniswapV2Pair.swap.
"""

from collections.abc import Mapping
from math import isqrt

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import ConstantProductPool
from solver.domain.numbers import PPM, div_up

RESERVE_MAX = 2**112 - 1  # the pair keeps reserves as uint112 and reverts above


Pair = tuple[Address, Address]


def _reserves(pool: ConstantProductPool, pair: Pair) -> tuple[int, int]:
    if pair[0] == pool.token0:
        return pool.reserve0, pool.reserve1
    return pool.reserve1, pool.reserve0


def amount_out(pool: ConstantProductPool, pair: Pair, amount_in: int) -> int:
    """Returns atoms out for an exact input, rounded down. Raises Infeasible above uint112."""
    reserve_in, reserve_out = _reserves(pool, pair)
    if amount_in < 0 or reserve_in + amount_in > RESERVE_MAX:
        raise Infeasible(f"pool {pool.address} cannot take {amount_in}")
    paid = amount_in * (PPM - pool.fee_ppm)
    return paid * reserve_out // (reserve_in * PPM + paid) if paid else 0


def amount_in(pool: ConstantProductPool, pair: Pair, amount_out: int) -> int:
    """Returns atoms in for an exact output, as the library rounds: down, plus one."""
    reserve_in, reserve_out = _reserves(pool, pair)
    if not 0 <= amount_out < reserve_out:
        raise Infeasible(
            f"pool {pool.address} cannot give {amount_out}", data={"available": reserve_out}
        )
    if amount_out == 0:
        return 0
    return reserve_in * amount_out * PPM // ((reserve_out - amount_out) * (PPM - pool.fee_ppm)) + 1


def after(pool: ConstantProductPool, pair: Pair, amount_in: int) -> ConstantProductPool:
    """Returns the pool with the whole input, fee included, added to its reserve."""
    out = amount_out(pool, pair, amount_in)
    if pair[0] == pool.token0:
        return pool._replace(reserve0=pool.reserve0 + amount_in, reserve1=pool.reserve1 - out)
    return pool._replace(reserve0=pool.reserve0 - out, reserve1=pool.reserve1 + amount_in)


def arbitrage_up(pool: ConstantProductPool, prices: Mapping[Address, int]) -> int:
    """Returns an upper bound of max_x price_out*out(x) - price_in*x over both directions.

    The real curve y = g*x*Ro/(Ri + g*x) is never below the integer one, and its maximum is closed:
    (sqrt(price_out*Ro) - sqrt(price_in*Ri/g))^2 where positive (arXiv 2204.05238, section 3).
    """
    price0, price1 = prices.get(pool.token0, 0), prices.get(pool.token1, 0)
    return max(
        _one_way(pool.reserve0, pool.reserve1, price0, price1, PPM - pool.fee_ppm),
        _one_way(pool.reserve1, pool.reserve0, price1, price0, PPM - pool.fee_ppm),
    )


def _one_way(reserve_in: int, reserve_out: int, price_in: int, price_out: int, kept: int) -> int:
    gain = price_out * reserve_out * kept
    cost = price_in * reserve_in * PPM
    if gain <= cost:
        return 0
    return div_up(gain + cost - isqrt(4 * gain * cost), kept)
