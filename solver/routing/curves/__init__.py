"""Exact integer maths of every pool kind: what the chain will do, to the atom, before it does it.

Each kind is one file with the same functions; this dispatches on the pool's type. A pair is
(token in, token out): a pool of many tokens trades one pair at a time.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import TypeVar, cast

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import (
    BookPool,
    ConcentratedPool,
    ConstantProductPool,
    Pool,
    StablePool,
    StableswapPool,
    WeightedPool,
)
from solver.routing.curves import (
    balancer_stable,
    book,
    concentrated,
    constant_product,
    stableswap,
    weighted,
)

PRICE_UNIT = 2**96  # dual prices: atoms of the objective per atom, scaled by this

Pair = tuple[Address, Address]
AnyPool = TypeVar("AnyPool", bound=Pool)

_KINDS: dict[type, ModuleType] = {
    ConstantProductPool: constant_product,
    ConcentratedPool: concentrated,
    WeightedPool: weighted,
    StablePool: balancer_stable,
    StableswapPool: stableswap,
    BookPool: book,
}

_REPEATABLE = (ConstantProductPool, ConcentratedPool, BookPool)


def _kind(pool: Pool, pair: Pair) -> ModuleType:
    if pair[0] not in pool.tokens or pair[1] not in pool.tokens or pair[0] == pair[1]:
        raise Infeasible(f"pool {pool.address} does not trade {pair[0]} for {pair[1]}")
    return _KINDS[type(pool)]


def amount_out(pool: Pool, pair: Pair, amount_in: int) -> int:
    """Returns the atoms an exact input buys. Raises Infeasible beyond the pool's liquidity."""
    return cast(int, _kind(pool, pair).amount_out(pool, pair, amount_in))


def amount_in(pool: Pool, pair: Pair, amount_out: int) -> int:
    """Returns the atoms an exact output costs. Raises Infeasible beyond the pool's liquidity."""
    return cast(int, _kind(pool, pair).amount_in(pool, pair, amount_out))


def after(pool: AnyPool, pair: Pair, amount_in: int) -> AnyPool:
    """Returns the pool's state once the exact input was swapped."""
    return cast(AnyPool, _kind(pool, pair).after(pool, pair, amount_in))


def arbitrage_up(pool: Pool, prices: Mapping[Address, int], *, enough: int = 0) -> int:
    """Returns an upper bound of max over trades of price_out*out - price_in*in, rounded up.

    A trade is one swap of an exact input, or of a pool that `is_repeatable` any number. Prices are
    integers of one unit (PRICE_UNIT), absent ones 0, so the answer is atoms of the objective
    times that unit. No exact trade with the pool gains more at those prices: one term of the dual.
    Tight, but where a cheap bound is at most `enough` it may be that one.
    """
    kind = _KINDS[type(pool)]
    if enough and hasattr(kind, "roughly_up"):
        rough = cast(int, kind.roughly_up(pool, prices))
        if rough <= enough:
            return rough
    return cast(int, kind.arbitrage_up(pool, prices))


def is_repeatable(pool: Pool) -> bool:
    """Returns whether `arbitrage_up` holds for any number of swaps with the pool, not for one only.

    Not where a swap is limited to a part of the balance (Balancer), or pays its fee from what it
    buys into the curve (Curve): there two halves of a swap may gain more than the whole.
    """
    return isinstance(pool, _REPEATABLE)


def other_token(pool: Pool, token: Address) -> Address:
    """Returns the token of a pool of two that is not `token`."""
    first, second = pool.tokens
    return second if token == first else first


def pair_from(pool: Pool, token_in: Address) -> Pair:
    """Returns the pair that sells `token_in` to a pool of two."""
    return token_in, other_token(pool, token_in)
