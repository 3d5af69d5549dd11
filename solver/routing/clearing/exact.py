"""From floating prices to exact ones: marginal orders pin ratios, whole flows pin the rest.

Where some orders trade exactly at their limit, their limits are the ratios of prices: a forest over
the tokens. Between the trees of that forest only whole orders trade, so the scale of each tree is
the stationary vector of a Markov chain, found without a subtraction (Grassmann, Taksar and Heyman
1985) in 120 digits: prices so exact that fills rounded down conserve every token.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from math import exp, lcm
from typing import NamedTuple

from solver.routing.clearing.orders import Floats

DIGITS = 120
_EXACT = Context(prec=DIGITS, Emin=-(10**6), Emax=10**6)


class Tie(NamedTuple):
    """The price of `first` is `ratio` times the price of `second`."""

    first: int
    second: int
    ratio: Fraction


class Trees:
    """Tokens joined by ties: of each its root and its price in the root's."""

    def __init__(self, tokens: int) -> None:
        self.root = list(range(tokens))
        self.price = [Fraction(1)] * tokens
        self._members = {token: [token] for token in range(tokens)}

    def join(self, tie: Tie) -> bool:
        """Returns whether the tie joined two trees; False where they were one already."""
        kept, gone = self.root[tie.second], self.root[tie.first]
        if kept == gone:
            return False
        factor = tie.ratio * self.price[tie.second] / self.price[tie.first]
        for token in self._members.pop(gone):
            self.root[token] = kept
            self.price[token] *= factor
            self._members[kept].append(token)
        return True


def integer_prices(
    ties: Iterable[Tie], sold: Mapping[tuple[int, int], int], logs: Floats
) -> tuple[int, ...]:
    """Returns one integer price a token, exact in every tie and balancing what is sold whole.

    `sold` are atoms of the first token sold for the second by orders filled whole; `logs` are the
    floating prices, which decide what nothing else does.
    """
    trees = Trees(logs.size)
    for tie in ties:
        trees.join(tie)
    roots = sorted(set(trees.root))
    flows: dict[tuple[int, int], Decimal] = {}
    for (token, other), amount in sold.items():
        pair = trees.root[token], trees.root[other]
        if pair[0] != pair[1] and amount:
            value = _EXACT.multiply(Decimal(amount), _decimal(trees.price[token]))
            flows[pair] = _EXACT.add(flows.get(pair, Decimal(0)), value)
    top = float(logs.max(initial=0.0))
    scales = {root: Decimal(exp(float(logs[root]) - top)) for root in roots}
    for group in _circles(roots, flows):
        anchor = max(group)
        found = stationary(group, flows)
        for root in group:
            scales[root] = _EXACT.divide(
                _EXACT.multiply(found[root], scales[anchor]), found[anchor]
            )
    exact = [_fraction(scales[trees.root[t]]) * trees.price[t] for t in range(logs.size)]
    unit = lcm(*(price.denominator for price in exact))
    return tuple(price.numerator * (unit // price.denominator) for price in exact)


def stationary(
    group: Sequence[int], flows: Mapping[tuple[int, int], Decimal]
) -> dict[int, Decimal]:
    """Returns the weights at which what leaves each member is worth what comes in, up to scale."""
    count = len(group)
    rate = [[flows.get((a, b), Decimal(0)) for b in group] for a in group]
    for last in range(count - 1, 0, -1):
        out = _EXACT.create_decimal(0)
        for other in range(last):
            out = _EXACT.add(out, rate[last][other])
        for row in range(last):
            if not rate[row][last]:
                continue
            share = rate[row][last] = _EXACT.divide(rate[row][last], out)
            for column in range(last):
                if column != row and rate[last][column]:
                    moved = _EXACT.multiply(share, rate[last][column])
                    rate[row][column] = _EXACT.add(rate[row][column], moved)
    weights = [Decimal(1)]
    for row in range(1, count):
        total = Decimal(0)
        for other in range(row):
            if rate[other][row]:
                total = _EXACT.add(total, _EXACT.multiply(weights[other], rate[other][row]))
        weights.append(total)
    return dict(zip(group, weights, strict=True))


def _circles(roots: Sequence[int], flows: Mapping[tuple[int, int], Decimal]) -> list[list[int]]:
    """Returns the groups of more than one within which value can go round."""
    onward: dict[int, set[int]] = {root: set() for root in roots}
    back: dict[int, set[int]] = {root: set() for root in roots}
    for token, other in flows:
        onward[token].add(other)
        back[other].add(token)
    waiting, groups = set(roots), []
    while waiting:
        seed = min(waiting)
        group = _reached(seed, onward) & _reached(seed, back) & waiting
        waiting -= group
        if len(group) > 1:
            groups.append(sorted(group))
    return groups


def _reached(seed: int, edges: Mapping[int, set[int]]) -> set[int]:
    seen, layer = {seed}, [seed]
    while layer:
        layer = [other for token in layer for other in edges[token] - seen]
        seen |= set(layer)
    return seen


def _decimal(value: Fraction) -> Decimal:
    return _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _fraction(value: Decimal) -> Fraction:
    return Fraction(_EXACT.plus(value))
