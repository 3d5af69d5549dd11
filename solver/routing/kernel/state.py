"""What a solve carries from step to step, the same for both engines.

Prices move by increments and every edge keeps its own distance from the two ends of its fee band,
so that a trade of a billionth of a pool is still known to sixteen digits.
"""

from typing import NamedTuple

from solver.routing.kernel.graph import Books, Flags, Floats, Pairs, Places, Ranges, Stables

LEAST = -46.0  # log of the least price of a token that nothing is worth: 1e-20
PAST = 1e4  # of a log price: an edge further than this from its band is never used
FAR = 1e6  # how far from its band an edge is put that may not be used
SNAP = 1e-13  # of a log price: a token no further above its floor is on it
SHUT = 40.0  # of its softness: a gate this far below its cost is closed


class Edges(NamedTuple):
    """Of each edge, at the prices now (below, above) and at the prices tried (the others)."""

    a: Places
    b: Places
    below: Floats  # log price at which a starts to go in, less the log price: in when positive
    above: Floats  # log price less the one at which b starts to go in
    flow_a: Floats
    flow_b: Floats
    weight: Floats  # value that moves from one token to the other by one of log price
    cost: Floats
    gate: Floats


class Tokens(NamedTuple):
    """Of each token."""

    supply: Floats
    slack: Floats  # log floor less log price: 0 on the floor, negative above
    price: Floats
    trial: Floats  # the price tried
    move: Floats  # and its log less that of the price
    net: Floats  # supply and flows, at the prices tried
    pull: Floats  # price times net: the gradient in log prices
    step: Floats  # where Newton wants to go
    stiff: Floats  # what the diagonal has beyond the Laplacian's
    is_free: Flags  # not held on its floor


class Plan(NamedTuple):
    """In which order the tokens are eliminated: leaves that touch no leaf first, then the core. The
    lists of trading edges are work space, written anew for each step.
    """

    place: Places  # of each token in the core, -1 - k of leaf k
    core: Places  # tokens
    leaves: Places  # tokens
    first: Places  # offsets of the leaves into `ends`
    ends: Places  # trading edges of the leaves, leaf by leaf
    live: Places  # the same in the order of edges


class Levels(NamedTuple):
    """Of the books' levels: running sums, what they are filled to, and the one each side's distance
    is taken from.
    """

    size: Floats  # this level and the better ones of its side
    quote: Floats
    filled: Floats  # 0 to 1, at the last width
    asks: Places  # of each book, where its asks start
    bid: Places  # of each book
    ask: Places
    book: Places  # of each level; this and what follows for the numpy engine alone
    sign: Floats  # 1 of a bid, -1 of an ask
    beyond: Floats  # how far in the money, in log price


class Problem(NamedTuple):
    """One solve."""

    pairs: Pairs
    ranges: Ranges
    stables: Stables
    books: Books
    edges: Edges
    tokens: Tokens
    plan: Plan
    levels: Levels
    knobs: Floats  # WIDTH, SOFTNESS, NOISE, LONGEST
    core: Floats  # work space: a square over the core
    work: Floats  # and four rows over all tokens


KINDLED = 0.3  # of its weight: what an idle edge counts for in a first step, as most stay idle
WIDTH = 0  # knobs: over how much of a log price a book's level fills
SOFTNESS = 1  # of the gates
NOISE = 2  # value that the numbers themselves do not tell from nothing
LONGEST = 3  # greatest length of the step, for the compiled engine
NOISE_OF_HELD, NOISE_OF_SUPPLY = 1e-19, 1e-18  # of what the edges hold and of what is given
