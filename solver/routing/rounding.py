"""From floats back to integers, always in the direction that still satisfies what was signed.

A float only says how a balance is shared; every amount is an integer that the exact curves give,
the last pool of each token takes the remainder, so nothing is left over and nothing is invented.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import Pool
from solver.domain.route import Swap
from solver.routing import curves
from solver.routing.network import Edge

LOT = 10**15  # derivative quantities are multiples of a thousandth of a contract, 1e18


class Share(NamedTuple):
    """One edge and the float weight of its input among the edges that leave its token."""

    edge: Edge
    weight: float


def execute(
    shares: Sequence[Share], pools: Mapping[Address, Pool], source: Address, amount: int
) -> tuple[Swap, ...]:
    """Returns the swaps in execution order, exact on `pools`. Raises Infeasible on a cycle."""
    held, swaps, waiting = {source: amount}, list[Swap](), list(shares)
    state = dict(pools)
    while waiting:
        blocked = {share.edge.token_out for share in waiting}
        ready = [share for share in waiting if share.edge.token_in not in blocked]
        if not ready:
            raise Infeasible("the plan runs in a circle")
        token = ready[0].edge.token_in
        leaving = sorted(
            (share for share in ready if share.edge.token_in == token),
            key=lambda share: (share.weight, share.edge.pool.address),
        )
        waiting = [share for share in waiting if share.edge.token_in != token]
        for share, part in zip(leaving, divide(held.pop(token, 0), leaving), strict=True):
            pool = state[share.edge.pool.address]
            pair = (token, share.edge.token_out)
            out = curves.amount_out(pool, pair, part) if part else 0
            if out == 0 and part:
                raise Infeasible(f"pool {pool.address} gives nothing for {part}")
            if part:
                swaps.append(Swap(pool.venue, pool.address, *pair, part, out))
                state[pool.address] = curves.after(pool, pair, part)
                held[pair[1]] = held.get(pair[1], 0) + out
    return tuple(swaps)


def divide(amount: int, shares: Sequence[Share]) -> list[int]:
    """Returns integer parts that sum to `amount`: rounded down, the remainder to the
    last, which should be the largest."""
    total = sum(share.weight for share in shares)
    parts = [int(amount * (share.weight / total)) for share in shares[:-1]]
    return [*parts, amount - sum(parts)]


def lots_down(quantity: int) -> int:
    """Returns the quantity (1e18) in whole lots, rounded down: never above a signed maximum."""
    return quantity // LOT


def lots_up(quantity: int) -> int:
    """Returns the quantity in whole lots, rounded up: never below a signed minimum."""
    return -(-quantity // LOT)
