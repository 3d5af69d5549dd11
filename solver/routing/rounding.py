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
    """One edge, the float weight of its input among the edges that leave its token, and what it
    gives in the same unit of the other token: only a plan with a circle in it needs to know.
    """

    edge: Edge
    weight: float
    gives: float = 0.0


def execute(
    shares: Sequence[Share], pools: Mapping[Address, Pool], source: Address, amount: int
) -> tuple[Swap, ...]:
    """Returns the swaps in execution order, exact on `pools`.

    A token is spent once everything that brings it has been done. Where plans return to a token,
    what goes round leaves first, in its planned part of what is there. Raises Infeasible when that
    does not come out even.
    """
    held, swaps, waiting = {source: amount}, list[Swap](), list(shares)
    state = dict(pools)
    while waiting:
        blocked = {share.edge.token_out for share in waiting}
        ready = next((s.edge.token_in for s in waiting if s.edge.token_in not in blocked), None)
        if ready is None:
            leaving, parts = _first_round(waiting, held)
        else:
            leaving = sorted(
                (share for share in waiting if share.edge.token_in == ready),
                key=lambda share: (share.weight, share.edge.pool.address),
            )
            parts = divide(held.get(ready, 0), leaving)
        waiting = [share for share in waiting if share not in leaving]
        for share, part in zip(leaving, parts, strict=True):
            if part:
                swaps.append(_swapped(share.edge, part, state))
                held[share.edge.token_in] -= part
                token_out = share.edge.token_out
                held[token_out] = held.get(token_out, 0) + swaps[-1].amount_out
    return tuple(swaps)


def _swapped(edge: Edge, part: int, state: dict[Address, Pool]) -> Swap:
    pool, pair = state[edge.pool.address], (edge.token_in, edge.token_out)
    out = curves.amount_out(pool, pair, part)
    if out == 0:
        raise Infeasible(f"pool {pool.address} gives nothing for {part}")
    state[pool.address] = curves.after(pool, pair, part)
    return Swap(pool.venue, pool.address, *pair, part, out)


def _first_round(
    waiting: Sequence[Share], held: Mapping[Address, int]
) -> tuple[list[Share], list[int]]:
    """Returns the least share that comes round to a token which is there and has other ways on."""
    onward: dict[Address, set[Address]] = {}
    for share in waiting:
        onward.setdefault(share.edge.token_in, set()).add(share.edge.token_out)
    for share in sorted(waiting, key=lambda share: (share.weight, share.edge.pool.address)):
        token = share.edge.token_in
        leaving = sum(other.weight for other in waiting if other.edge.token_in == token)
        coming = sum(other.gives for other in waiting if other.edge.token_out == token)
        is_only = share.weight >= leaving
        if is_only or not held.get(token) or token not in _reached(share.edge.token_out, onward):
            continue
        there = max(leaving - coming, share.weight)
        return [share], [int(held[token] * (share.weight / there))]
    raise Infeasible("the plan runs in a circle")


def _reached(start: Address, onward: Mapping[Address, set[Address]]) -> set[Address]:
    seen, layer = {start}, [start]
    while layer:
        token = layer.pop()
        new = onward.get(token, set()) - seen
        seen |= new
        layer += sorted(new)
    return seen


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
