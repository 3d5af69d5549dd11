"""Exact integer maths of every pool kind: what the chain will do, to the atom, before it does it.

Each kind is one file with the same five functions; this dispatches on the pool's type.
"""

from types import ModuleType
from typing import cast

from solver.domain.ids import Address
from solver.domain.market import ConcentratedPool, Pool
from solver.routing.curves import concentrated, constant_product

PRICE_UNIT = 2**96  # dual prices: atoms of the objective per atom, scaled by this


def _kind(pool: Pool) -> ModuleType:
    return concentrated if isinstance(pool, ConcentratedPool) else constant_product


def amount_out(pool: Pool, token_in: Address, amount_in: int) -> int:
    """Returns the atoms an exact input buys. Raises Infeasible beyond the pool's liquidity."""
    return cast(int, _kind(pool).amount_out(pool, token_in, amount_in))


def amount_in(pool: Pool, token_in: Address, amount_out: int) -> int:
    """Returns the atoms an exact output costs. Raises Infeasible beyond the pool's liquidity."""
    return cast(int, _kind(pool).amount_in(pool, token_in, amount_out))


def after(pool: Pool, token_in: Address, amount_in: int) -> Pool:
    """Returns the pool's state once the exact input was swapped."""
    return cast(Pool, _kind(pool).after(pool, token_in, amount_in))


def arbitrage_up(pool: Pool, price0: int, price1: int) -> int:
    """Returns an upper bound of max over trades of price_out*out - price_in*in, rounded up.

    Prices are integers of one unit (PRICE_UNIT), so the answer is atoms of the objective times that
    unit. No exact trade with the pool gains more at those prices: this is one term of the dual.
    """
    return cast(int, _kind(pool).arbitrage_up(pool, price0, price1))


def other_token(pool: Pool, token: Address) -> Address:
    """Returns the pool's token that is not `token`."""
    return pool.token1 if token == pool.token0 else pool.token0
