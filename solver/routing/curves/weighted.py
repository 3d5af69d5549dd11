"""Balancer's weighted pools, in the integers of WeightedMath; the bound is the real curve's.

Source: WeightedMath._calcOutGivenIn, _calcInGivenOut (v2, and v3 which rounds the same here).
"""

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Context, Decimal
from math import gcd

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import WeightedPool
from solver.domain.numbers import WAD, div_up, mul_up
from solver.routing.curves import balancer
from solver.routing.curves.log_exp import power_up

Pair = tuple[Address, Address]

RATIO_MAX = 3 * 10**17  # at most this part of the balance in, or out
_EXACT_POWERS_FROM = 2  # edition
_REAL = Context(prec=60)  # ln and exp are correctly rounded in it
_UP = Context(prec=60, rounding=ROUND_CEILING)
_SLACK = Decimal("1e-45")  # far above the error of a dozen operations at that precision
_ZERO = Decimal(0)
_ROOT_MAX, _ROOT_STEPS, _ROOT_OFF = 1000, 5, Decimal("1e-25")
_ALWAYS_TAKEN = _REAL.divide(WAD, WAD + RATIO_MAX)


def amount_out(pool: WeightedPool, pair: Pair, amount_in: int) -> int:
    """Returns atoms out for an exact input. Raises Infeasible beyond 30 % of the balance."""
    return balancer.out_for(pool, pair, amount_in, _bought)


def amount_in(pool: WeightedPool, pair: Pair, amount_out: int) -> int:
    """Returns atoms in for an exact output. Raises Infeasible beyond 30 % of the balance."""
    return balancer.in_for(pool, pair, amount_out, _cost)


def after(pool: WeightedPool, pair: Pair, amount_in: int) -> WeightedPool:
    """Returns the pool with the whole input, fee included, in its balances."""
    out = amount_out(pool, pair, amount_in)
    return pool._replace(balances=balancer.traded(pool, pair, amount_in, out))


def arbitrage_up(pool: WeightedPool, prices: Mapping[Address, int]) -> int:
    """Returns an upper bound of max price_out*out - price_in*in over the pairs, rounded up.

    No deployed swap buys more than the real curve out = Y*(1 - (X/(X + kept*in))**(wi/wj)): every
    step rounds against the trader and powUp is never below the power. That curve's best is closed:
    with q = price_in*X*wj/(kept*price_out*Y*wi) below one, and a = wi/(wi + wj), it is
    price_out*Y*(1 + wi/wj*q - (1 + wi/wj)*q**a), here in 60 digits with the error added.
    """
    if _is_broken(pool):
        return 0
    worth = _worth(pool, prices)
    if _is_fair(worth, pool.weights, WAD - pool.fee):
        return 0
    best, balances = _ZERO, balancer.upscaled(pool)
    for rough, i, j in sorted(_mispriced(pool, worth), reverse=True):
        if rough <= best:
            break
        part = _part_gained(pool, balances[i], (i, j), (worth[i], worth[j]))
        best = max(best, _UP.multiply(Decimal(worth[j]), part))
    return int(
        _UP.divide(best, Decimal(balancer.worth_unit(pool))).to_integral_value(ROUND_CEILING)
    )


def roughly_up(pool: WeightedPool, prices: Mapping[Address, int]) -> int:
    """Returns a bound that takes no power: good where pairs are little mispriced."""
    if _is_broken(pool):
        return 0
    best = max((gain for gain, _, _ in _mispriced(pool, _worth(pool, prices))), default=0)
    return div_up(best, balancer.worth_unit(pool))


def _is_broken(pool: WeightedPool) -> bool:
    return balancer.is_broken(pool) or min(pool.weights) <= 0


def _worth(pool: WeightedPool, prices: Mapping[Address, int]) -> list[int]:
    """Returns what each balance is worth, times worth_unit."""
    units = balancer.worths(pool, prices)
    return [unit * held for unit, held in zip(units, balancer.upscaled(pool), strict=True)]


def _mispriced(pool: WeightedPool, worth: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yields (bound of the gain, index in, index out) of the pairs that may gain.

    With M = 1/q of arbitrage_up, what one more atom gains falls convexly from (M - 1)*price_in/kept
    to 0 at an input of X*(M**(1 - a) - 1) <= X*(M - 1)*wj/(wi + wj): at most the triangle above,
    and never more than the whole balance.
    """
    kept, weights, balances = WAD - pool.fee, pool.weights, balancer.upscaled(pool)
    for j, value in enumerate(worth):
        for i, cost in enumerate(worth):
            paid, got = WAD * cost * weights[j], kept * value * weights[i]
            if got > paid and balances[i]:
                both = 2 * kept * paid * (weights[i] + weights[j])
                yield min(value, div_up((got - paid) ** 2, both)) if both else value, i, j


def _is_fair(worth: list[int], weights: tuple[int, ...], kept: int) -> bool:
    """No pair is mispriced by more than the fee; cut to 2**-64, so a near one may be missed."""
    shares = [(value << 64) // weight for value, weight in zip(worth, weights, strict=True)]
    return min(shares) * WAD >= kept * (max(shares) + 1)


def _part_gained(
    pool: WeightedPool, held: int, pair: tuple[int, int], worth: tuple[int, int]
) -> Decimal:
    """Returns at least the best gain as a part of what the balance of the token out is worth.

    A plan's steps are of exact inputs, so 30 % of the balance in is the limit of each: ln t, of the
    balance before over the balance after, is at least `_limit`.
    """
    (i, j), (cost, value) = pair, worth
    weight_in, weight_out = pool.weights[i], pool.weights[j]
    r = _REAL.divide(weight_in, weight_out)
    both = _REAL.add(r, 1)
    q = _REAL.divide(cost * weight_out * WAD, value * weight_in * (WAD - pool.fee))
    if q > 0:
        t = _power(q, weight_out, weight_in + weight_out)
        if t >= _ALWAYS_TAKEN or _REAL.ln(t) >= _limit(pool, held, i):
            part = _REAL.subtract(_REAL.fma(r, q, 1), _REAL.multiply(both, _REAL.divide(q, t)))
            return _REAL.fma(_SLACK, both, part)
    limit = _limit(pool, held, i)
    kept = _REAL.subtract(1, _REAL.exp(_REAL.multiply(limit, r)))
    paid = _REAL.multiply(_REAL.multiply(r, q), _REAL.subtract(_REAL.exp(_REAL.minus(limit)), 1))
    return _REAL.fma(_SLACK, both, _REAL.subtract(kept, paid))


def _power(q: Decimal, part: int, whole: int) -> Decimal:
    """Returns q**(part/whole) to 48 digits, for 0 < q < 1.

    Weights are short fractions, so a root is soon found: from a float Newton's method doubles the
    digits, and `off`, n times the error before a step, proves what the step leaves.
    """
    shared = gcd(part, whole)
    n, guess = whole // shared, float(q) ** (shared / whole)
    if n <= _ROOT_MAX and guess > 0:
        root = Decimal(guess)
        for _ in range(_ROOT_STEPS):
            off = _REAL.subtract(_REAL.divide(q, _REAL.power(root, n)), 1)
            root = _REAL.fma(root, _REAL.divide(off, n), root)
            if abs(off) < _ROOT_OFF:
                return _REAL.power(root, part // shared)
    return _REAL.exp(_REAL.divide(_REAL.multiply(_REAL.ln(q), part), whole))


def _limit(pool: WeightedPool, held: int, i: int) -> Decimal:
    """Returns at most ln t of the largest swap: two units and an atom for what rounding lets in."""
    most = held + held * RATIO_MAX // WAD + 2 + pool.scalings[i] // WAD + 1
    return _REAL.ln(_REAL.divide(held, most))


def _bought(pool: WeightedPool, balances: list[int], i: int, j: int, given: int) -> int:
    held, weights = balances[i], pool.weights
    if held == 0 or min(weights) <= 0 or given > held * RATIO_MAX // WAD:
        raise Infeasible(f"pool {pool.address} takes 30 % of a balance at most")
    power = power_up(
        div_up(held * WAD, held + given),
        weights[i] * WAD // weights[j],
        is_exact=pool.edition >= _EXACT_POWERS_FROM,
    )
    return balances[j] * max(0, WAD - power) // WAD


def _cost(pool: WeightedPool, balances: list[int], i: int, j: int, given: int) -> int:
    held, weights = balances[j], pool.weights
    if held == 0 or min(weights) <= 0 or given > held * RATIO_MAX // WAD:
        raise Infeasible(f"pool {pool.address} gives 30 % of a balance at most")
    power = power_up(
        div_up(held * WAD, held - given),
        div_up(weights[j] * WAD, weights[i]),
        is_exact=pool.edition >= _EXACT_POWERS_FROM,
    )
    return mul_up(balances[i], power - WAD)
