"""The independent checker of a batch: integers only, believes nothing of how it was cleared.

One price vector; each order gets exactly its amount at these prices, rounded down, and never less
than it signed; pools do what their code does; nothing is delivered that was not there.
"""

from collections.abc import Sequence

from solver.domain.errors import Infeasible, Unproven
from solver.domain.ids import Address
from solver.domain.market import Pool
from solver.routing import curves
from solver.routing.clearing.orders import Clearing, Orders


def check_clearing(
    tokens: Sequence[Address], orders: Orders, pools: Sequence[Pool], clearing: Clearing
) -> None:
    """Raises Unproven unless the clearing of these orders and pools holds in every atom."""
    prices = clearing.prices
    _prove(len(prices) == len(tokens) == len(clearing.left), "a price a token")
    _prove(all(type(price) is int and price > 0 for price in prices), "prices are positive")
    count = len(orders.amounts)
    _prove(len(clearing.filled) == len(clearing.received) == count, "a fill an order")
    balance = [0] * len(tokens)
    columns = zip(
        orders.sell.tolist(),
        orders.buy.tolist(),
        orders.amounts,
        orders.leasts,
        orders.is_partial.tolist(),
        clearing.filled,
        clearing.received,
        strict=True,
    )
    for sell, buy, amount, least, is_partial, filled, received in columns:
        if filled == 0:
            _prove(received == 0, "an order that sells nothing gets nothing")
            continue
        _prove(0 < filled <= amount, "no order is filled beyond its amount")
        _prove(is_partial or filled == amount, "a whole order is filled whole")
        _prove(received == filled * prices[sell] // prices[buy], "one price vector for all")
        _prove(received * amount >= least * filled, "nobody gets less than the limit")
        balance[sell] += filled
        balance[buy] -= received
    _replay(tokens, pools, clearing, balance)
    _prove(tuple(balance) == clearing.left, "what is left is what it says")
    _prove(min(balance, default=0) >= 0, "nothing is delivered that is not there")


def _replay(
    tokens: Sequence[Address], pools: Sequence[Pool], clearing: Clearing, balance: list[int]
) -> None:
    places = {token: place for place, token in enumerate(tokens)}
    state = {pool.address: pool for pool in pools}
    for swap in clearing.swaps:
        pool, pair = state.get(swap.pool), (swap.token_in, swap.token_out)
        if pool is None or pool.venue != swap.venue:
            raise Unproven(f"there is no pool {swap.pool} of {swap.venue}")
        _prove(swap.amount_in > 0, "a swap takes something")
        try:
            out = curves.amount_out(pool, pair, swap.amount_in)
            state[swap.pool] = curves.after(pool, pair, swap.amount_in)
        except Infeasible as error:
            raise Unproven(error.detail) from error
        _prove(swap.amount_out == out, "a swap gives what the pool's code gives")
        balance[places[swap.token_in]] -= swap.amount_in
        balance[places[swap.token_out]] += out


def _prove(holds: bool, claim: str) -> None:
    if not holds:
        raise Unproven(f"does not hold: {claim}")
