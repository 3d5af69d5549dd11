"""How order books answer prices: levels fill over a little width around what they were filled to.

That width makes no error. A solve at one width is a step of the method of multipliers: what a level
was filled to is kept and the next solve moves from there, until no level is used at a loss.
"""

import math

import numpy as np

from solver.routing.kernel.graph import Books, Floats
from solver.routing.kernel.state import FAR, WIDTH, Levels, Problem

NEAR = 1e-13  # relative: prices are compared with this much to spare, before logs decide


def levels_of(books: Books) -> Levels:
    """Returns the running sums of each side, with nothing filled yet."""
    count, total = books.a.size, books.price.size
    size, quote, filled = np.empty(total), np.empty(total), np.zeros(total)
    asks, bid, ask = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    for k in range(count):
        begin, end = books.first[k], books.first[k + 1]
        asks[k] = end
        sum_size, sum_quote = 0.0, 0.0
        for m in range(begin, end):
            if books.is_ask[m] and asks[k] == end:
                asks[k] = m
                sum_size, sum_quote = 0.0, 0.0
            sum_size += books.size[m]
            sum_quote += books.size[m] * books.price[m]
            size[m], quote[m] = sum_size, sum_quote
        bid[k] = begin
        ask[k] = asks[k]
    return Levels(size, quote, filled, asks, bid, ask, asks[:0], size[:0], size[:0])


def band_books(problem: Problem) -> None:
    """Sets how far each book is from its best bid and ask."""
    books, levels, edges = problem.books, problem.levels, problem.edges
    price = problem.tokens.price
    base = edges.a.size - books.a.size
    for k in range(books.a.size):
        i = base + k
        ratio = price[books.b[k]] / price[books.a[k]]
        edges.below[i] = edges.above[i] = -FAR
        if levels.bid[k] < levels.asks[k]:
            edges.below[i] = math.log(books.price[levels.bid[k]] * ratio)
        if levels.ask[k] < books.first[k + 1]:
            edges.above[i] = -math.log(books.price[levels.ask[k]] * ratio)


def respond_books(problem: Problem) -> None:
    """Sums what the levels of each side give."""
    books, levels, edges, tokens = problem.books, problem.levels, problem.edges, problem.tokens
    base, width = edges.a.size - books.a.size, problem.knobs[WIDTH]
    for k in range(books.a.size):
        i = base + k
        a, b = books.a[k], books.b[k]
        turn = tokens.move[a] - tokens.move[b]
        below, above = edges.below[i] - turn, edges.above[i] + turn
        flow_a, flow_b, weight = 0.0, 0.0, 0.0
        if below > -0.5 * FAR:
            bids = books.first[k], levels.asks[k], levels.bid[k]
            size, quote, bend = taken(books, levels, bids, (below, 1.0, width))
            flow_a, flow_b, weight = -size, quote, bend * tokens.trial[b]
        if above > -0.5 * FAR:
            asks = levels.asks[k], books.first[k + 1], levels.ask[k]
            size, quote, bend = taken(books, levels, asks, (above, -1.0, width))
            flow_a, flow_b, weight = flow_a + size, flow_b - quote, weight + bend * tokens.trial[b]
        edges.flow_a[i], edges.flow_b[i], edges.weight[i] = flow_a, flow_b, weight
        tokens.net[a] += flow_a
        tokens.net[b] += flow_b


def taken(
    books: Books, levels: Levels, span: tuple[int, int, int], place: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Returns (base, quote, change of quote per log price) of one side, given as (begin, end,
    anchor), and (how far the anchor is beyond the price, sign, width). Bids, of sign 1, fall from
    level to level, and asks rise.
    """
    begin, _, anchor = span
    beyond, sign, width = place
    base = books.price[anchor]
    low, end = window(books.price, span, place)
    size = levels.size[low - 1] if low > begin else 0.0
    quote = levels.quote[low - 1] if low > begin else 0.0
    bend = 0.0
    for m in range(low, end):
        x = beyond if m == anchor else beyond + sign * math.log(books.price[m] / base)
        part = levels.filled[m] + x / width
        if part > 0.0:
            worth = books.price[m] * books.size[m]
            if part < 1.0:
                bend += worth / width
            part = min(part, 1.0)
            size += part * books.size[m]
            quote += part * worth
    return size, quote, bend


def window(
    price: Floats, span: tuple[int, int, int], place: tuple[float, float, float]
) -> tuple[int, int]:
    """Returns where the levels begin and end that are neither surely full nor surely empty."""
    low, end, anchor = span
    beyond, sign, width = place
    goal = price[anchor] * math.exp(-sign * beyond)
    spread = math.exp(sign * width)
    full, none = goal * spread * (1.0 + sign * NEAR), goal / spread * (1.0 - sign * NEAR)
    high = end
    while low < high:
        middle = (low + high) // 2
        if sign * price[middle] > sign * full:
            low = middle + 1
        else:
            high = middle
    last = low
    while last < end and sign * price[last] > sign * none:
        last += 1
    return low, last


def retain(problem: Problem) -> float:
    """Keeps what every level is filled to; returns the value lost by levels used at a loss."""
    books, levels, edges = problem.books, problem.levels, problem.edges
    base, width = edges.a.size - books.a.size, problem.knobs[WIDTH]
    lost = 0.0
    for k in range(books.a.size):
        i = base + k
        worth = problem.tokens.price[books.b[k]]
        if edges.below[i] > -0.5 * FAR:
            bids = books.first[k], levels.asks[k], levels.bid[k]
            lost += worth * kept(books, levels, bids, (edges.below[i], 1.0, width))
        if edges.above[i] > -0.5 * FAR:
            asks = levels.asks[k], books.first[k + 1], levels.ask[k]
            lost += worth * kept(books, levels, asks, (edges.above[i], -1.0, width))
    return lost


def kept(
    books: Books, levels: Levels, span: tuple[int, int, int], place: tuple[float, float, float]
) -> float:
    """Keeps what the levels of one side are filled to; returns the loss in quote."""
    begin, end, anchor = span
    beyond, sign, width = place
    low, last = window(books.price, span, place)
    lost = 0.0
    for m in range(begin, low):
        levels.filled[m] = 1.0
    for m in range(low, last):
        x = beyond
        if m != anchor:
            x += sign * math.log(books.price[m] / books.price[anchor])
        part = min(max(levels.filled[m] + x / width, 0.0), 1.0)
        gain = books.price[m] * books.size[m] * sign * -math.expm1(-sign * x)
        lost += max(gain, 0.0) - part * gain
        levels.filled[m] = part
    for m in range(last, end):
        levels.filled[m] = 0.0
    return lost


def settle_books(problem: Problem) -> None:
    """Takes each side's distance from its level nearest to the price."""
    books, levels, edges = problem.books, problem.levels, problem.edges
    base = edges.a.size - books.a.size
    for k in range(books.a.size):
        i = base + k
        if edges.below[i] > -0.5 * FAR:
            old = levels.bid[k]
            new = nearest(books.price, (books.first[k], levels.asks[k], old), edges.below[i], 1.0)
            if new != old:
                edges.below[i] += math.log(books.price[new] / books.price[old])
                levels.bid[k] = new
        if edges.above[i] > -0.5 * FAR:
            old, end = levels.ask[k], books.first[k + 1]
            new = nearest(books.price, (levels.asks[k], end, old), edges.above[i], -1.0)
            if new != old:
                edges.above[i] -= math.log(books.price[new] / books.price[old])
                levels.ask[k] = new


def nearest(price: Floats, span: tuple[int, int, int], beyond: float, sign: float) -> int:
    """Returns the level of a side whose price is nearest, its anchor this far beyond it."""
    begin, end, anchor = span
    goal = price[anchor] * math.exp(-sign * beyond)
    at = anchor
    while at + 1 < end and sign * price[at + 1] >= sign * goal:
        at += 1
    while at > begin and sign * price[at] < sign * goal:
        at -= 1
    if at + 1 < end and abs(price[at + 1] - goal) < abs(price[at] - goal):
        at += 1
    return anchor if price[at] == price[anchor] else at
