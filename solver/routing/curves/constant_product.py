"""x*y = k with a fee on the input, in the integers of Uniswap v2's pair and library.

Source: UniswapV2Library.getAmountOut/getAmountIn (v2-periphery 1.1.0-beta.0), UniswapV2Pair.swap.
Forks write the fee as 997/1000, 9975/10000, ...: the same fractions of a million, so the same
floors. Hundreds of these are asked for one certificate: each function is as short as it gets.
"""

from collections.abc import Mapping
from math import isqrt

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import ConstantProductPool
from solver.domain.numbers import PPM

RESERVE_MAX = 2**112 - 1  # the pair keeps reserves as uint112 and reverts above

Pair = tuple[Address, Address]


def amount_out(pool: ConstantProductPool, pair: Pair, amount_in: int) -> int:
    """Returns atoms out for an exact input, rounded down. Raises Infeasible above uint112."""
    _, _, token0, _, reserve_in, reserve_out, fee_ppm, _ = pool
    if pair[0] != token0:
        reserve_in, reserve_out = reserve_out, reserve_in
    if amount_in < 0 or reserve_in + amount_in > RESERVE_MAX:
        raise Infeasible(f"pool {pool.address} cannot take {amount_in}")
    paid = amount_in * (PPM - fee_ppm)
    return paid * reserve_out // (reserve_in * PPM + paid) if paid else 0


def amount_in(pool: ConstantProductPool, pair: Pair, amount_out: int) -> int:
    """Returns atoms in for an exact output, as the library rounds: down, plus one."""
    _, _, token0, _, reserve_in, reserve_out, fee_ppm, _ = pool
    if pair[0] != token0:
        reserve_in, reserve_out = reserve_out, reserve_in
    if not 0 <= amount_out < reserve_out or fee_ppm >= PPM:
        raise Infeasible(
            f"pool {pool.address} cannot give {amount_out}", data={"available": reserve_out}
        )
    if amount_out == 0:
        return 0
    return reserve_in * amount_out * PPM // ((reserve_out - amount_out) * (PPM - fee_ppm)) + 1


def after(pool: ConstantProductPool, pair: Pair, amount_in: int) -> ConstantProductPool:
    """Returns the pool with the whole input, fee included, added to its reserve."""
    venue, address, token0, token1, reserve0, reserve1, fee_ppm, gas = pool
    out = amount_out(pool, pair, amount_in)
    if pair[0] == token0:
        reserve0, reserve1 = reserve0 + amount_in, reserve1 - out
    else:
        reserve0, reserve1 = reserve0 - out, reserve1 + amount_in
    return ConstantProductPool(venue, address, token0, token1, reserve0, reserve1, fee_ppm, gas)


def arbitrage_up(pool: ConstantProductPool, prices: Mapping[Address, int]) -> int:
    """Returns an upper bound of max_x price_out*out(x) - price_in*x over both directions.

    The real curve y = g*x*Ro/(Ri + g*x) is never below the integer one, and its maximum is closed:
    (sqrt(price_out*Ro) - sqrt(price_in*Ri/g))^2 where positive (arXiv 2204.05238, section 3). Only
    the side worth more can be bought at a gain.
    """
    _, _, token0, token1, reserve0, reserve1, fee_ppm, _ = pool
    gain, cost = prices.get(token1, 0) * reserve1, prices.get(token0, 0) * reserve0
    if gain < cost:
        gain, cost = cost, gain
    kept = PPM - fee_ppm
    gain, cost = gain * kept, cost * PPM
    if gain <= cost:
        return 0
    return -((isqrt(4 * gain * cost) - gain - cost) // kept)
