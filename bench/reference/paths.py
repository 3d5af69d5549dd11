"""What others do with the same pools, by the same integers: one path, and a splitter in 5 % steps.

The single path keeps the greatest amount at every token, hop by hop. The splitter is Uniswap's
(smart-order-router: distributionPercent 5, maxSplits 7, at most 3 hops, pools in one route only):
it quotes its best routes at every percentage and searches their combinations breadth first.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import Pool
from solver.routing import curves
from solver.routing.toll import Toll

HOPS_MAX = 3
STEP = 5  # per cent
SPLITS_MAX = 7
ROUTES_MAX = 60  # best of a twentieth of the trade; more change nothing but time
WIDTH = 300  # partial splits kept from one round to the next

Hop = tuple[Pool, Address, Address]


class Peer(NamedTuple):
    """A plan of somebody else: what it gives after gas, atoms, and over how many pools."""

    net: int
    pools: int


class Quotes:
    """Exact answers of pools, asked once each."""

    def __init__(self, pools: Sequence[Pool], per_gas: Toll) -> None:
        self.per_gas = per_gas
        self._known: dict[tuple[Address, Address, Address, int], int] = {}
        self._leaving: dict[Address, list[Hop]] = {}
        for pool in pools:
            for token in pool.tokens:
                hops = [(pool, token, other) for other in pool.tokens if other != token]
                self._leaving.setdefault(token, []).extend(hops)

    def hops(self, token: Address) -> list[Hop]:
        """Returns what leaves a token."""
        return self._leaving.get(token, [])

    def out(self, hop: Hop, amount: int) -> int:
        """Returns what a hop gives, 0 where it gives nothing."""
        pool, token_in, token_out = hop
        key = (pool.address, token_in, token_out, amount)
        if key not in self._known:
            try:
                self._known[key] = curves.amount_out(pool, (token_in, token_out), amount)
            except Infeasible:
                self._known[key] = 0
        return self._known[key]

    def along(self, path: Sequence[Hop], amount: int) -> int:
        """Returns what a path gives."""
        for hop in path:
            amount = self.out(hop, amount) if amount else 0
        return amount

    def net(self, path: Sequence[Hop], amount: int) -> int:
        """Returns the same after the path's gas."""
        return self.along(path, amount) - self.per_gas.up(sum(pool.gas for pool, _, _ in path))


def single_path(quotes: Quotes, source: Address, sink: Address, amount: int) -> Peer | None:
    """Returns the best path of at most HOPS_MAX hops; None where there is none."""
    layer: dict[Address, tuple[int, tuple[Hop, ...]]] = {source: (amount, ())}
    found: list[tuple[Hop, ...]] = []
    for _ in range(HOPS_MAX):
        ahead: dict[Address, tuple[int, tuple[Hop, ...]]] = {}
        for token, (held, path) in layer.items():
            seen = {source, token, *(hop[1] for hop in path)}
            used = {hop[0].address for hop in path}
            for hop in quotes.hops(token):
                if hop[2] not in seen and hop[0].address not in used:
                    out = quotes.out(hop, held)
                    if out > ahead.get(hop[2], (0, ()))[0]:
                        ahead[hop[2]] = out, (*path, hop)
        if sink in ahead:
            found.append(ahead.pop(sink)[1])
        layer = ahead
    nets = [(quotes.net(path, amount), len(path)) for path in found]
    return Peer(*max(nets)) if nets else None


def percent_split(quotes: Quotes, source: Address, sink: Address, amount: int) -> Peer | None:
    """Returns the best combination of disjoint routes in steps of STEP per cent of the amount."""
    percents = list(range(STEP, 101, STEP))
    part = amount * STEP // 100
    routes = sorted(_routes(quotes, source, sink), key=lambda path: -quotes.along(path, part))
    routes = routes[:ROUTES_MAX]
    if not routes:
        return None
    used = [frozenset(pool.address for pool, _, _ in path) for path in routes]
    table = {
        percent: sorted(
            ((quotes.net(path, amount * percent // 100), r) for r, path in enumerate(routes)),
            reverse=True,
        )
        for percent in percents
    }
    best = (table[100][0][0], used[table[100][0][1]])
    queue = [
        (net, 100 - percent, used[r], percent)
        for percent in percents[:-1]
        for net, r in table[percent][:3]
    ]
    for _ in range(SPLITS_MAX - 1):
        ahead = []
        for net, left, taken, most in queue:
            for percent in (p for p in percents if p <= min(left, most)):
                more = next(((n, r) for n, r in table[percent] if not used[r] & taken), None)
                if more is None:
                    continue
                step = (net + more[0], left - percent, taken | used[more[1]], percent)
                if step[1]:
                    ahead.append(step)
                else:
                    best = max(best, (step[0], step[2]), key=lambda plan: plan[0])
        queue = sorted(ahead, key=lambda plan: -plan[0] / (100 - plan[1]))[:WIDTH]
    return Peer(best[0], len(best[1]))


def _routes(quotes: Quotes, source: Address, sink: Address) -> Iterator[tuple[Hop, ...]]:
    stack: list[tuple[Hop, ...]] = [(hop,) for hop in quotes.hops(source)]
    while stack:
        path = stack.pop()
        token = path[-1][2]
        if token == sink:
            yield path
        elif len(path) < HOPS_MAX:
            seen = {hop[1] for hop in path} | {token}
            taken = {hop[0].address for hop in path}
            stack += [
                (*path, hop)
                for hop in quotes.hops(token)
                if hop[2] not in seen and hop[0].address not in taken
            ]
