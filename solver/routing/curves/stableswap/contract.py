"""Curve's stableswap in the integers of its contracts: what `exchange` pays, to the atom.

Source: StableSwap3Pool.vy, SwapTemplateBase.vy, SwapTemplateMeta.vy, StableSwapSTETH.vy
(curvefi/curve-contract), Plain2Basic.vy to Plain4ETH.vy and MetaUSD.vy (curvefi/curve-factory): all
keep one atom of 18 decimals back and take a fixed fee. Not 2019's lending pools, which keep none,
nor fees that follow the balances (aave, NG). Invariant of n coins of 18 decimals, a = A*n:
a*S + D = a*D + D^(n+1)/(n^n*prod x).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import StableswapPool
from solver.domain.numbers import UINT256_MAX, WAD, div_up

Pair = tuple[Address, Address]

FEE_UNIT = 10**10
ROUNDS = 255  # of the contracts' Newton iterations


def amount_out(pool: StableswapPool, pair: Pair, amount_in: int) -> int:
    """Returns the atoms `exchange` pays for an exact input. Raises Infeasible where it reverts.

    The fee is taken in 18 decimals. The first pools' `get_dy` takes it in atoms, see `get_dy`.
    """
    return _exchange(pool, pair, amount_in)[0]


def get_dy(pool: StableswapPool, pair: Pair, amount_in: int) -> int:
    """Returns what the contract's `get_dy` answers: `exchange` but for an atom in first pools."""
    given = _given(pool, pair, amount_in)
    rate = pool.rates[pool.tokens.index(pair[1])]
    if pool.amplification_unit == 1:
        atoms = given * WAD // rate
        return atoms - pool.fee * atoms // FEE_UNIT
    return (given - pool.fee * given // FEE_UNIT) * WAD // rate


def amount_in(pool: StableswapPool, pair: Pair, amount_out: int) -> int:
    """Returns an input that buys at least the amount while one atom less does not.

    The contracts have no inverse: the curve's own answer is a guess, from which integers are
    searched. Raises Infeasible beyond the balance.
    """
    source, sink = (pool.tokens.index(token) for token in pair)
    if not 0 <= amount_out < pool.balances[sink] or pool.fee >= FEE_UNIT:
        available = {"available": pool.balances[sink]}
        raise Infeasible(f"pool {pool.address} cannot give {amount_out}", data=available)
    if amount_out == 0:
        return 0
    shape = shape_of(pool)
    needed = div_up(div_up(amount_out * pool.rates[sink], WAD) * FEE_UNIT, FEE_UNIT - pool.fee)
    left = shape.scaled[sink] - needed - 1
    if left <= 0:
        raise Infeasible(f"pool {pool.address} cannot give {amount_out}")
    paid = balance(pool, shape, (sink, source), left) - shape.scaled[source]
    high = max(1, paid * WAD // pool.rates[source])
    low, step = high, 1
    while not _buys(pool, pair, high, amount_out):
        low, high, step = high, high + step, 4 * step
        if high * pool.rates[source] > UINT256_MAX:
            raise Infeasible(f"pool {pool.address} cannot give {amount_out}")
    if low == high:
        step, low = 1, high - 1
        while low > 0 and _buys(pool, pair, low, amount_out):
            low, high, step = max(0, low - 4 * step), low, 4 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _buys(pool, pair, middle, amount_out) else (middle, high)
    return high


def after(pool: StableswapPool, pair: Pair, amount_in: int) -> StableswapPool:
    """Returns the pool with the input added, the output and the protocol's fee taken out."""
    out, fee = _exchange(pool, pair, amount_in)
    source, sink = (pool.tokens.index(token) for token in pair)
    balances = list(pool.balances)
    balances[source] += amount_in
    balances[sink] -= out + fee * pool.admin_fee // FEE_UNIT * WAD // pool.rates[sink]
    return pool._replace(balances=tuple(balances))


def invariant(pool: StableswapPool, scaled: Sequence[int]) -> int:
    """Returns D of balances of 18 decimals, as get_D rounds. Raises Infeasible on overflow."""
    count, total = len(scaled), sum(scaled)
    if min(pool.rates) <= 0 or pool.amplification < pool.amplification_unit:
        raise Infeasible(f"pool {pool.address} has no rate or no amplification")
    if total == 0:
        return 0
    unit, amp = pool.amplification_unit, pool.amplification * count
    split = 1 if pool.edition == 3 else count
    pad, rest = int(pool.edition == 1), (count // split) ** count
    result = total
    for _ in range(ROUNDS):
        product = result
        for amount in scaled:
            if amount == 0:
                raise Infeasible(f"pool {pool.address} holds none of a coin")
            product = product * result // (amount * split + pad)
        product //= rest
        before = result
        grown = (amp * total // unit + product * count) * result
        if grown > UINT256_MAX:
            raise Infeasible(f"pool {pool.address} overflows")
        result = grown // ((amp - unit) * result // unit + (count + 1) * product)
        if abs(result - before) <= 1:
            break
    return result


class Shape(NamedTuple):
    """What all quotes on one state of a pool share. 18 decimals."""

    scaled: tuple[int, ...]
    total: int  # D


@lru_cache(maxsize=4096)
def shape_of(pool: StableswapPool) -> Shape:
    """Returns the balances in 18 decimals and their invariant."""
    scaled = tuple(
        amount * rate // WAD for amount, rate in zip(pool.balances, pool.rates, strict=True)
    )
    return Shape(scaled, invariant(pool, scaled))


def balance(pool: StableswapPool, shape: Shape, pair: tuple[int, int], amount: int) -> int:
    """Returns coin j's balance when coin i's is `amount` (get_y; 18 decimals), pair = (i, j)."""
    others = [
        amount if index == pair[0] else held
        for index, held in enumerate(shape.scaled)
        if index != pair[1]
    ]
    return solved(pool, others, shape.total)


def solved(pool: StableswapPool, others: Sequence[int], total: int) -> int:
    """Returns the missing coin's balance at D = total (get_y and get_y_D). Raises Infeasible."""
    count, unit = len(others) + 1, pool.amplification_unit
    amp, product = pool.amplification * count, total
    for held in others:
        if held == 0 or product * total > UINT256_MAX:
            raise Infeasible(f"pool {pool.address} overflows")
        product = product * total // (held * count)
    product = product * total * unit // (amp * count)
    less = sum(others) + total * unit // amp - total
    result = total
    for _ in range(ROUNDS):
        before, slope = result, 2 * result + less
        if slope <= 0:
            raise Infeasible(f"pool {pool.address} overflows")
        result = (result * result + product) // slope
        if abs(result - before) <= 1:
            break
    return result


def _given(pool: StableswapPool, pair: Pair, amount_in: int) -> int:
    """Returns what the pool gives before its fee, 18 decimals."""
    source, sink = (pool.tokens.index(token) for token in pair)
    if amount_in < 0 or amount_in * pool.rates[source] > UINT256_MAX:
        raise Infeasible(f"pool {pool.address} cannot take {amount_in}")
    shape = shape_of(pool)
    if amount_in == 0:
        return 0
    held = shape.scaled[source] + amount_in * pool.rates[source] // WAD
    given = shape.scaled[sink] - balance(pool, shape, (source, sink), held) - 1
    if given < 0:
        raise Infeasible(f"pool {pool.address} gives nothing for {amount_in}")
    return given


def _exchange(pool: StableswapPool, pair: Pair, amount_in: int) -> tuple[int, int]:
    """Returns (atoms paid, fee of 18 decimals)."""
    given = _given(pool, pair, amount_in)
    fee = given * pool.fee // FEE_UNIT
    return (given - fee) * WAD // pool.rates[pool.tokens.index(pair[1])], fee


def _buys(pool: StableswapPool, pair: Pair, paid: int, wanted: int) -> bool:
    try:
        return amount_out(pool, pair, paid) >= wanted
    except Infeasible:
        return False
