"""Balancer's stable pools, in the integers of StableMath; the bound is a tangent of the real curve.

Source: StableMath._calculateInvariant, _getTokenBalanceGivenInvariantAndAllOtherBalances, as the
three editions deployed them (v2 stable and meta-stable, v2 composable, v3).
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache
from math import prod
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import StablePool
from solver.domain.numbers import UINT256_MAX, WAD, div_up
from solver.routing.curves import balancer
from solver.routing.curves.tangent import REAL, SLACK, Line, gain_up

Pair = tuple[Address, Address]

AMP_UNIT = 1000
ROUNDS_MAX = 255
_UP_EDITION, _V3_EDITION = 1, 3
_UP = Context(prec=60, rounding=ROUND_CEILING)
_ZERO, _ONE = Decimal(0), Decimal(1)


def amount_out(pool: StablePool, pair: Pair, amount_in: int) -> int:
    """Returns atoms out for an exact input. Raises Infeasible where the pool reverts."""
    return balancer.out_for(pool, pair, amount_in, _bought)


def amount_in(pool: StablePool, pair: Pair, amount_out: int) -> int:
    """Returns atoms in for an exact output. Raises Infeasible where the pool reverts."""
    return balancer.in_for(pool, pair, amount_out, _cost)


def after(pool: StablePool, pair: Pair, amount_in: int) -> StablePool:
    """Returns the pool with the whole input, fee included, in its balances."""
    out = amount_out(pool, pair, amount_in)
    return pool._replace(balances=balancer.traded(pool, pair, amount_in, out))


def arbitrage_up(pool: StablePool, prices: Mapping[Address, int]) -> int:
    """Returns an upper bound of max price_out*out - price_in*in over the pairs, rounded up.

    A deployed swap leaves a unit more than the real curve through the deployed invariant D asks
    for: the coefficients of its equation and every Newton step round that way. With the other
    balances fixed the curve is G(X, Y) = X + Y - bend/(X*Y) = level; G is concave, so a tangent
    plane of G whose slopes are the prices' bounds the gain, and is loose only by the square of
    what its point misses the optimum.
    """
    if balancer.is_broken(pool):
        return 0
    balances = balancer.upscaled(pool)
    try:
        curve = _curve(pool.amplification, tuple(balances), pool.edition)
    except Infeasible:  # without its invariant the pool refuses every swap
        return 0
    worth = [REAL.create_decimal(value) for value in balancer.worths(pool, prices)]
    kept = REAL.divide(WAD - pool.fee, WAD)
    best = max(map(_resting, worth, curve.slopes, [curve.rest] * len(worth)))
    shares = [REAL.divide(value, slope) for value, slope in zip(worth, curve.slopes, strict=True)]
    if min(shares) < REAL.multiply(max(shares), kept):
        for j, share in enumerate(shares):
            least = REAL.multiply(share, kept)
            for i, cost in enumerate(shares):
                if cost < least:
                    paid = REAL.divide(worth[i], kept)
                    best = max(best, gain_up(_line(curve, balances, i, j), paid, worth[j]))
    best = max(_ZERO, best)
    return int(_UP.divide(best, balancer.worth_unit(pool)).to_integral_value(ROUND_CEILING))


class _Curve(NamedTuple):
    """sum(B) - bend/prod(B) = level, D's equation; at the balances the slopes are 1 + z/B.

    `rest` is by how much rounding put the balances above it, at the most.
    """

    bend: Decimal
    level: Decimal
    slopes: tuple[Decimal, ...]
    rest: Decimal


@lru_cache(maxsize=1024)
def _curve(amplification: int, balances: tuple[int, ...], edition: int) -> _Curve:
    count = len(balances)
    invariant = _invariant(amplification, balances, edition)
    ample = amplification * count
    bend = REAL.divide(AMP_UNIT * invariant ** (count + 1), ample * count**count)
    level = REAL.subtract(invariant, REAL.divide(AMP_UNIT * invariant, ample))
    pull = REAL.divide(bend, prod(balances))
    slopes = tuple(REAL.add(_ONE, REAL.divide(pull, held)) for held in balances)
    above = REAL.subtract(REAL.subtract(sum(balances), pull), level)
    return _Curve(bend, level, slopes, REAL.fma(SLACK, REAL.add(pull, level), above))


def _line(curve: _Curve, balances: list[int], i: int, j: int) -> Line:
    others = [held for k, held in enumerate(balances) if k not in (i, j)]
    return Line(
        REAL.divide(curve.bend, prod(others)),
        REAL.subtract(curve.level, sum(others)),
        (REAL.create_decimal(balances[i]), REAL.create_decimal(balances[j])),
    )


def _resting(worth: Decimal, slope: Decimal, rest: Decimal) -> Decimal:
    """Returns what a pair gains at most whose price no trade improves: what rounding left over."""
    return REAL.multiply(worth, REAL.subtract(REAL.divide(rest, slope), _ONE))


def _bought(pool: StablePool, balances: list[int], i: int, j: int, given: int) -> int:
    invariant = _invariant(pool.amplification, tuple(balances), pool.edition)
    moved = [held + given if k == i else held for k, held in enumerate(balances)]
    return balances[j] - _balance(pool, moved, invariant, j) - 1


def _cost(pool: StablePool, balances: list[int], i: int, j: int, given: int) -> int:
    invariant = _invariant(pool.amplification, tuple(balances), pool.edition)
    moved = [held - given if k == j else held for k, held in enumerate(balances)]
    return _balance(pool, moved, invariant, i) - balances[i] + 1


@lru_cache(maxsize=1024)
def _invariant(amplification: int, balances: tuple[int, ...], edition: int) -> int:
    """D, rounded as the edition does. Raises Infeasible where the contract reverts."""
    if min(balances) == 0 or amplification < AMP_UNIT:
        raise Infeasible("a stable pool without a balance or an amplification has no price")
    step = _next_up if edition <= _UP_EDITION else _next_down
    invariant = sum(balances)
    for _ in range(ROUNDS_MAX):
        before, invariant = invariant, step(amplification * len(balances), balances, invariant)
        if abs(invariant - before) <= 1:
            if invariant * invariant > UINT256_MAX:
                break
            return invariant
    raise Infeasible("the stable pool's invariant does not converge")


def _next_up(ample: int, balances: tuple[int, ...], invariant: int) -> int:
    count = len(balances)
    product = balances[0] * count
    for held in balances[1:]:
        product = div_up(product * held * count, invariant)
    return div_up(
        count * invariant * invariant + div_up(ample * sum(balances) * product, AMP_UNIT),
        (count + 1) * invariant + (ample - AMP_UNIT) * product // AMP_UNIT,
    )


def _next_down(ample: int, balances: tuple[int, ...], invariant: int) -> int:
    count, product = len(balances), invariant
    for held in balances:
        product = product * invariant // (held * count)
    return ((ample * sum(balances) // AMP_UNIT + product * count) * invariant) // (
        (ample - AMP_UNIT) * invariant // AMP_UNIT + (count + 1) * product
    )


def _balance(pool: StablePool, balances: list[int], invariant: int, index: int) -> int:
    """The balance at `index` that the invariant asks for beside the others, rounded up."""
    count = len(balances)
    ample, product = pool.amplification * count, balances[0] * count
    for held in balances[1:]:
        product = product * held * count // invariant
    if product == 0:
        raise Infeasible(f"pool {pool.address} has not that much")
    square = invariant * invariant
    if pool.edition >= _V3_EDITION:
        rise = div_up(square * AMP_UNIT, ample * product) * balances[index]
        rest = sum(balances) - balances[index] + invariant * AMP_UNIT // ample
    else:
        rise = div_up(square, ample * product) * AMP_UNIT * balances[index]
        rest = sum(balances) - balances[index] + invariant // ample * AMP_UNIT
    balance = div_up(square + rise, invariant + rest)
    for _ in range(ROUNDS_MAX):
        before, slope = balance, 2 * balance + rest - invariant
        if slope <= 0:
            break
        balance = div_up(balance * balance + rise, slope)
        if abs(balance - before) <= 1:
            return balance
    raise Infeasible(f"pool {pool.address}: the balance does not converge")
