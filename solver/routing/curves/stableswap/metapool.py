"""What Curve's pools answer about their shares: deposits, withdrawals, and a metapool's underlying.

Source: StableSwap3Pool.vy and SwapTemplateMeta.vy (curvefi/curve-contract). Quotes as the chain
gives them; `exchange_underlying` deposits with other fees than `get_dy_underlying` supposes, so a
plan that must be exact swaps in the metapool and in its base pool as two steps.
"""

from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import StableswapPool
from solver.domain.numbers import WAD
from solver.routing.curves.stableswap.contract import (
    FEE_UNIT,
    Pair,
    Shape,
    balance,
    get_dy,
    invariant,
    shape_of,
    solved,
)


class Base(NamedTuple):
    """A pool whose shares another pool trades, and how many shares there are."""

    pool: StableswapPool
    share: Address
    supply: int  # atoms of the share


def calc_token_amount(base: Base, token: Address, amount: int) -> int:
    """Returns the shares that a deposit of one token brings, fees left out, as the pool says."""
    index = base.pool.tokens.index(token)
    shape = shape_of(base.pool)
    balances = list(base.pool.balances)
    balances[index] += amount
    scaled = [held * rate // WAD for held, rate in zip(balances, base.pool.rates, strict=True)]
    return (invariant(base.pool, scaled) - shape.total) * base.supply // shape.total


def calc_withdraw_one_coin(base: Base, token: Address, shares: int) -> int:
    """Returns the atoms of one token that shares are burnt for. Raises Infeasible on a revert."""
    pool, index = base.pool, base.pool.tokens.index(token)
    scaled, total = shape_of(pool)
    count = len(scaled)
    if not 0 <= shares <= base.supply:
        raise Infeasible(f"pool {pool.address} has not {shares} shares")
    fee = pool.fee * count // (4 * (count - 1))
    after = total - shares * total // base.supply
    left = _left(pool, scaled, index, after)
    reduced = [
        held - fee * abs(held * after // total - (left if place == index else held)) // FEE_UNIT
        for place, held in enumerate(scaled)
    ]
    paid = reduced[index] - _left(pool, reduced, index, after) - 1
    if paid < 0:
        raise Infeasible(f"pool {pool.address} gives nothing for {shares} shares")
    return paid * WAD // pool.rates[index]


def get_dy_underlying(pool: StableswapPool, base: Base, pair: Pair, amount_in: int) -> int:
    """Returns what the metapool answers for a swap between its own tokens and its base's.

    The base's share is the metapool's last token; half the base's fee stands for a deposit's.
    """
    if pair[0] in base.pool.tokens and pair[1] in base.pool.tokens:
        return get_dy(base.pool, pair, amount_in)
    shape, last = shape_of(pool), len(pool.tokens) - 1
    rate = pool.rates[last]
    if pair[0] in base.pool.tokens:
        source, sink = last, pool.tokens.index(pair[1])
        added = calc_token_amount(base, pair[0], amount_in) * rate // WAD
        added -= added * base.pool.fee // (2 * FEE_UNIT)
    else:
        source, sink = pool.tokens.index(pair[0]), last
        added = amount_in * pool.rates[source] // WAD
    given = _given(pool, shape, (source, sink), added)
    given -= pool.fee * given // FEE_UNIT
    if pair[0] in base.pool.tokens:
        return given * WAD // pool.rates[sink]
    return calc_withdraw_one_coin(base, pair[1], given * WAD // rate)


def _given(pool: StableswapPool, shape: Shape, pair: tuple[int, int], added: int) -> int:
    left = balance(pool, shape, pair, shape.scaled[pair[0]] + added)
    given = shape.scaled[pair[1]] - left - 1
    if given < 0:
        raise Infeasible(f"pool {pool.address} gives nothing")
    return given


def _left(pool: StableswapPool, scaled: tuple[int, ...] | list[int], index: int, total: int) -> int:
    others = [held for place, held in enumerate(scaled) if place != index]
    return solved(pool, others, total)
