"""The bound of one case: prices at which no plan that uses these pools, and not those, nets more.

Fixed costs are paid through soft gates: any prices bound, and the kernel's are near the best.
A case is certified at its prices whatever the gates were.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.routing.kernel import Answer
from solver.routing.network import Network
from solver.routing.select.field import Field, field, narrowed, widened
from solver.routing.select.moves import moves
from solver.routing.split import BOTH, CLOSED, split

Floats = NDArray[np.float64]

SOFT = 0.3  # of the gates, in parts of the least gas, where prices are still unknown
FIRM = 0.03  # the same at the root
HARD = 0.008  # the same in a branch, which starts from good prices
SHUT = 1e-9  # of a gate
WIDENED = 2  # times that a field grows by pools that its own prices favour
MOVED = 2  # times that gas is moved to pools that cannot gain alone
RELEVANT = 0.3  # of its gas: pools that gain less at the root are left to their prices


class Node(NamedTuple):
    """A case: no plan that uses all of `opened` and none of `closed` nets more than `bound`."""

    bound: float
    opened: tuple[int, ...]
    closed: tuple[int, ...]
    prices: Floats
    gain: Floats  # of each pool at these prices
    gate: Floats  # of each pool


def rooted(network: Network, per_gas: float) -> tuple[Field, Node]:
    """Returns the pools worth looking at and the bound of all plans over them."""
    chosen = field(network, per_gas)
    root = _descended(chosen, np.ones(chosen.tokens.size), SOFT)
    for _ in range(WIDENED):
        wider = widened(chosen, root.prices, per_gas)
        if wider is None:
            break
        start = chosen.prices(root.prices)[wider.tokens]
        chosen, root = wider, _descended(wider, start, SOFT)
    part, start = narrowed(chosen, root.prices, per_gas, root.gain > RELEVANT * chosen.gas)
    root = _descended(part, start, FIRM)
    for _ in range(MOVED):
        charged = part._replace(moves=part.moves + moves(part, root.prices, root.gain))
        if len(charged.moves) == len(part.moves):
            break
        again = _descended(charged, root.prices, FIRM)
        if again.bound >= root.bound:
            break
        part, root = charged, again
    return part, root


def relaxed(chosen: Field, node: Node, part: float = HARD, around: Floats | None = None) -> Node:
    """Returns the node at better prices, if there are any, and with its gates.

    Prices stay near `around`: pools outside the field were left out for what they gain there.
    """
    cost, shut = chosen.charge(node.opened), np.zeros(chosen.pools.size, np.bool_)
    cost[list(node.opened)] = 0.0
    shut[list(node.closed)] = True
    softness = part * float(chosen.gas.min())
    ways = np.where(shut, CLOSED, BOTH).astype(np.int8)[chosen.pool]
    answer = split(chosen.trade, ways, cost=cost[chosen.pool], softness=softness, start=node.prices)
    if answer is None:
        return node
    prices, gate = answer.prices, chosen.best(answer.gates)
    if around is not None:
        prices = np.clip(prices, around * (1 - chosen.play), around * (1 + chosen.play))
    gain = _gains(chosen, answer, prices)
    bound = bound_of(chosen, prices, gain, node)
    if bound >= node.bound:
        return node._replace(gate=gate)
    return node._replace(bound=bound, prices=prices, gain=gain, gate=gate)


def bound_of(chosen: Field, prices: Floats, gain: Floats, node: Node) -> float:
    """Returns the dual of the case: pools used add gain less gas, the others that if positive."""
    opened, closed = list(node.opened), list(node.closed)
    surplus = gain - chosen.charge(opened)
    added = np.maximum(surplus, 0.0)
    added[opened], added[closed] = surplus[opened], 0.0
    return float(prices[chosen.trade.source] + added.sum())


def _descended(chosen: Field, start: Floats, part: float) -> Node:
    nothing = np.zeros(chosen.pools.size)
    node = Node(np.inf, (), (), start, nothing, nothing)
    if not chosen.pools.size:
        return node._replace(bound=float(start[chosen.trade.source]))
    return relaxed(chosen, node, part)


def _gains(chosen: Field, answer: Answer, prices: Floats) -> Floats:
    """Returns each pool's gain at prices that are the answer's but for some tokens.

    Where both are the answer's it is read off the gated flows; through a shut gate as 0, for it
    adds nothing to any bound.
    """
    a, b = chosen.trade.ends
    value = answer.prices[a] * answer.flow_a + answer.prices[b] * answer.flow_b
    gate = answer.gates
    gain = np.where(gate > SHUT, value / np.maximum(gate, SHUT), 0.0)
    is_moved = prices != answer.prices
    if is_moved.any():
        moved = is_moved[a] | is_moved[b]
        gain[moved] = chosen.edge_gains(prices, moved)
    return chosen.best(gain)
