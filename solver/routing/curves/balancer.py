"""How Balancer's vault takes its fee and scales amounts around a pool's curve, v2 and v3 alike.

Source: BasePool.onSwap with _upscale and _downscale, PoolBalances (v2); Vault._swap and
ScalingHelpers (v3). A curve is two functions of 18-decimal balances: what an input buys and what
an output costs. Every rounding goes against the trader.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import lcm

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import StablePool, WeightedPool
from solver.domain.numbers import WAD, div_up, mul_up

Pair = tuple[Address, Address]
BalancerPool = WeightedPool | StablePool
# (pool, balances, index in, index out, amount) -> the other amount, all in 18 decimals
Curve = Callable[..., int]

BALANCE_MAX = 2**112 - 1  # the v2 vault keeps cash as uint112; v3 as uint128
V3_BALANCE_MAX = 2**128 - 1
V3_EDITION = 3
V3_TRADE_MIN = 10**6  # 18 decimals; v3 refuses less on either side of the curve


def indices(pool: BalancerPool, pair: Pair) -> tuple[int, int]:
    """Returns where the pair's tokens stand in the pool."""
    return pool.tokens.index(pair[0]), pool.tokens.index(pair[1])


def upscaled(pool: BalancerPool) -> list[int]:
    """Returns the balances with 18 decimals, rounded down as both vaults do."""
    return [
        balance * scaling // WAD
        for balance, scaling in zip(pool.balances, pool.scalings, strict=True)
    ]


def out_for(pool: BalancerPool, pair: Pair, amount_in: int, curve: Curve) -> int:
    """Returns the atoms an exact input buys. Raises Infeasible where the vault reverts."""
    i, j = indices(pool, pair)
    if not 0 <= amount_in <= _room(pool, i) or is_broken(pool):
        raise Infeasible(f"pool {pool.address} cannot take {amount_in}")
    if amount_in == 0:
        return 0
    if pool.edition >= V3_EDITION:
        given = amount_in * pool.scalings[i] // WAD
        given = _v3_tradable(pool, given - mul_up(given, pool.fee))
        out = _v3_tradable(pool, curve(pool, upscaled(pool), i, j, given))
        return _within(pool, j, out * WAD // _scaling_up(pool, j))
    given = (amount_in - mul_up(amount_in, pool.fee)) * pool.scalings[i] // WAD
    return _within(pool, j, curve(pool, upscaled(pool), i, j, given) * WAD // pool.scalings[j])


def in_for(pool: BalancerPool, pair: Pair, amount_out: int, curve: Curve) -> int:
    """Returns the atoms an exact output costs. Raises Infeasible where the vault reverts."""
    i, j = indices(pool, pair)
    if is_broken(pool) or pool.fee >= WAD:
        raise Infeasible(f"pool {pool.address} cannot give {amount_out}")
    if _within(pool, j, amount_out) == 0:
        return 0
    if pool.edition >= V3_EDITION:
        given = _v3_tradable(pool, mul_up(amount_out, _scaling_up(pool, j)))
        cost = _v3_tradable(pool, curve(pool, upscaled(pool), i, j, given))
        cost += div_up(cost * pool.fee, WAD - pool.fee)
        return _taken(pool, i, div_up(cost * WAD, pool.scalings[i]))
    cost = curve(pool, upscaled(pool), i, j, amount_out * pool.scalings[j] // WAD)
    return _taken(pool, i, div_up(div_up(cost * WAD, pool.scalings[i]) * WAD, WAD - pool.fee))


def is_broken(pool: BalancerPool) -> bool:
    """Returns whether a rate is 0, as a failed rate provider answers: no swap is taken then."""
    return min(pool.scalings) <= 0


def traded(pool: BalancerPool, pair: Pair, amount_in: int, amount_out: int) -> tuple[int, ...]:
    """Returns the balances after a swap, the fee in them; v3 would take its own share out."""
    i, j = indices(pool, pair)
    balances = list(pool.balances)
    balances[i] += amount_in
    balances[j] -= amount_out
    return tuple(balances)


def worths(pool: BalancerPool, prices: Mapping[Address, int]) -> list[int]:
    """Returns what one 18-decimal unit of each token is worth, times worth_unit(pool)."""
    parts = _parts(pool.scalings)
    return [prices.get(token, 0) * part for token, part in zip(pool.tokens, parts, strict=True)]


def worth_unit(pool: BalancerPool) -> int:
    """Returns what a worth is divided by to be a price times atoms."""
    return _parts(pool.scalings)[0] * pool.scalings[0] // WAD


@lru_cache(maxsize=4096)
def _parts(scalings: tuple[int, ...]) -> tuple[int, ...]:
    """1e18/scaling as integers: times one factor that all share, so that nothing is cut off."""
    whole = lcm(*scalings)
    return tuple(WAD * (whole // scaling) for scaling in scalings)


def _scaling_up(pool: BalancerPool, j: int) -> int:
    return max(pool.scalings[j], pool.scalings_up[j]) if pool.scalings_up else pool.scalings[j]


def _room(pool: BalancerPool, i: int) -> int:
    most = V3_BALANCE_MAX if pool.edition >= V3_EDITION else BALANCE_MAX
    return most - pool.balances[i]


def _within(pool: BalancerPool, j: int, amount: int) -> int:
    if not 0 <= amount <= pool.balances[j]:
        raise Infeasible(
            f"pool {pool.address} cannot give {amount}", data={"available": pool.balances[j]}
        )
    return amount


def _taken(pool: BalancerPool, i: int, amount: int) -> int:
    if amount > _room(pool, i):
        raise Infeasible(f"pool {pool.address} cannot take {amount}")
    return amount


def _v3_tradable(pool: BalancerPool, amount: int) -> int:
    if amount < V3_TRADE_MIN:
        raise Infeasible(f"pool {pool.address} refuses to trade as little as {amount}")
    return amount
