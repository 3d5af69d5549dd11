"""Balancer's stable pools, in the integers of StableMath; the bound is a tangent of the real curve.

Source: StableMath._calculateInvariant, _getTokenBalanceGivenInvariantAndAllOtherBalances, as the
three editions deployed them (v2 stable and meta-stable, v2 composable, v3).
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache
from math import log, prod, sqrt
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import StablePool
from solver.domain.numbers import UINT256_MAX, WAD, div_up
from solver.routing.curves import balancer

Pair = tuple[Address, Address]

AMP_UNIT = 1000
ROUNDS_MAX = 255
_UP_EDITION, _V3_EDITION = 1, 3
_REAL = Context(prec=60)
_UP = Context(prec=60, rounding=ROUND_CEILING)
_SLACK = Decimal("1e-45")  # of the terms summed: far above the error of their operations
_ZERO, _ONE = Decimal(0), Decimal(1)
SEARCH_STEPS, POLISH_STEPS = 60, 3


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

    A deployed swap keeps the balance out one unit above the real curve through the deployed
    invariant D: its coefficients and its Newton steps round so. With the other balances fixed that
    curve is G(X, Y) = X + Y - c/(X*Y) = e, and G is concave, so every point of it is on the upper
    side of any tangent plane of G; the plane whose slope is the prices' bounds the gain, from
    below no more than its touching point misses the optimum, squared.
    """
    balances = balancer.upscaled(pool)
    if min(balances) == 0:
        return 0
    curve = _curve(pool.amplification, tuple(balances), pool.edition)
    worth = [_REAL.create_decimal(value) for value in balancer.worths(pool, prices)]
    kept = _REAL.divide(WAD - pool.fee, WAD)
    best = max(map(_resting, worth, curve.slopes, [curve.rest] * len(worth)))
    shares = [_REAL.divide(value, slope) for value, slope in zip(worth, curve.slopes, strict=True)]
    if min(shares) < _REAL.multiply(max(shares), kept):
        for j, share in enumerate(shares):
            least = _REAL.multiply(share, kept)
            for i, cost in enumerate(shares):
                if cost < least:
                    paid = _REAL.divide(worth[i], kept)
                    best = max(best, _gain(_line(curve, balances, i, j), paid, worth[j]))
    best = max(_ZERO, best)
    return int(_UP.divide(best, balancer.worth_unit(pool)).to_integral_value(ROUND_CEILING))


class _Curve(NamedTuple):
    """sum(B) - bend/prod(B) = level, D's equation; at the balances the slopes are 1 + z/B.

    `rest` is by how much rounding put the balances above it.
    """

    bend: Decimal
    level: Decimal
    slopes: tuple[Decimal, ...]
    rest: Decimal


class _Line(NamedTuple):
    """What two balances X, Y may become: X + Y - bend/(X*Y) = level; they are `held` now."""

    bend: Decimal
    level: Decimal
    held: tuple[Decimal, Decimal]


@lru_cache(maxsize=1024)
def _curve(amplification: int, balances: tuple[int, ...], edition: int) -> _Curve:
    count = len(balances)
    invariant = _invariant(amplification, balances, edition)
    ample = amplification * count
    bend = _REAL.divide(AMP_UNIT * invariant ** (count + 1), ample * count**count)
    level = _REAL.subtract(invariant, _REAL.divide(AMP_UNIT * invariant, ample))
    pull = _REAL.divide(bend, prod(balances))
    slopes = tuple(_REAL.add(_ONE, _REAL.divide(pull, held)) for held in balances)
    return _Curve(bend, level, slopes, _REAL.subtract(_REAL.subtract(sum(balances), pull), level))


def _line(curve: _Curve, balances: list[int], i: int, j: int) -> _Line:
    others = [held for k, held in enumerate(balances) if k not in (i, j)]
    return _Line(
        _REAL.divide(curve.bend, prod(others)),
        _REAL.subtract(curve.level, sum(others)),
        (_REAL.create_decimal(balances[i]), _REAL.create_decimal(balances[j])),
    )


def _resting(worth: Decimal, slope: Decimal, rest: Decimal) -> Decimal:
    """Returns what a pair gains at most whose price no trade improves: what rounding left over."""
    return _REAL.multiply(worth, _REAL.subtract(_REAL.divide(rest, slope), _ONE))


def _gain(line: _Line, paid: Decimal, worth: Decimal) -> Decimal:
    """Returns at least the best of worth*(Y now - Y - 1) - paid*(X - X now) on the line.

    At any X, Y with z = bend/(X*Y) the tangent plane of slopes a = 1 + z/X, b = 1 + z/Y holds every
    point of the line at a*X' + b*Y' >= level + 3*z. With r = min(paid/a, worth/b) what remains,
    (paid - r*a)*X' + (worth - r*b)*Y', is at least (paid - r*a)*(X now).
    """
    held_in, held_out = line.held
    if paid == 0:
        return _REAL.multiply(worth, held_out)
    x, y = _touching(line, paid, worth)
    pull = _REAL.divide(line.bend, _REAL.multiply(x, y))
    slope_in = _REAL.add(_ONE, _REAL.divide(pull, x))
    slope_out = _REAL.add(_ONE, _REAL.divide(pull, y))
    rate = min(_REAL.divide(paid, slope_in), _REAL.divide(worth, slope_out))
    left = _REAL.multiply(rate, _REAL.multiply(slope_in, held_in))
    sold = _REAL.multiply(rate, _REAL.add(line.level, _REAL.multiply(pull, 3)))
    out = _REAL.multiply(worth, _REAL.subtract(held_out, _ONE))
    size = _REAL.add(_REAL.add(_REAL.abs(left), _REAL.abs(sold)), out)
    return _REAL.fma(_SLACK, size, _REAL.add(out, _REAL.subtract(left, sold)))


def _touching(line: _Line, paid: Decimal, worth: Decimal) -> tuple[Decimal, Decimal]:
    """Returns X, Y near the optimum: slopes 1 + z/X to 1 + z/Y as `paid` to `worth`.

    Only how tight the bound is depends on it: floats find the point, Newton's method sharpens it.
    """
    ratio = _REAL.divide(paid, worth)
    x, y = map(_REAL.create_decimal, _searched(line, float(ratio)))
    for _ in range(POLISH_STEPS):
        pull = _REAL.divide(line.bend, _REAL.multiply(x, y))
        in_x, in_y = _REAL.divide(pull, x), _REAL.divide(pull, y)
        off = _REAL.subtract(_REAL.subtract(_REAL.add(x, y), pull), line.level)
        tilt = _REAL.subtract(_REAL.add(_ONE, in_x), _REAL.multiply(ratio, _REAL.add(_ONE, in_y)))
        x_tilt = _REAL.divide(_REAL.fma(ratio, in_y, _REAL.multiply(in_x, -2)), x)
        y_tilt = _REAL.divide(
            _REAL.subtract(_REAL.multiply(ratio, _REAL.multiply(in_y, 2)), in_x), y
        )
        x_off, y_off = _REAL.add(_ONE, in_x), _REAL.add(_ONE, in_y)
        whole = _REAL.subtract(_REAL.multiply(x_off, y_tilt), _REAL.multiply(y_off, x_tilt))
        if whole == 0:
            break
        step_x = _REAL.subtract(_REAL.multiply(off, y_tilt), _REAL.multiply(y_off, tilt))
        step_y = _REAL.subtract(_REAL.multiply(x_off, tilt), _REAL.multiply(off, x_tilt))
        next_x = _REAL.subtract(x, _REAL.divide(step_x, whole))
        next_y = _REAL.subtract(y, _REAL.divide(step_y, whole))
        if next_x <= 0 or next_y <= 0:
            break
        x, y = next_x, next_y
    return x, y


def _searched(line: _Line, ratio: float) -> tuple[float, float]:
    """Bisects ln X between now and where the slope has passed the price, in floats."""
    bend, level = float(line.bend), float(line.level)

    def other(x: float) -> float:
        half, product = (level - x) / 2, bend / x
        root = sqrt(half * half + product)
        return half + root if half > 0 else product / (root - half)

    def excess(x: float) -> float:
        y = other(x)
        pull = bend / (x * y)
        return log((1 + pull / x) / (1 + pull / y) / ratio)

    low = float(line.held[0])
    high, steps = 2 * low, 0
    while excess(high) > 0 and steps < SEARCH_STEPS:
        low, high, steps = high, 2 * high, steps + 1
    for _ in range(SEARCH_STEPS):
        middle = sqrt(low * high)
        if not low < middle < high:
            break
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low, other(low)


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
    if min(balances) == 0:
        raise Infeasible("a stable pool without a balance has no price")
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


def _balance(pool: StablePool, balances: Iterable[int], invariant: int, index: int) -> int:
    """The balance at `index` that the invariant asks for beside the others, rounded up."""
    balances = list(balances)
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
