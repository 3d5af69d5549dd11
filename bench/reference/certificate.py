"""The judge of a routing answer: dual value and plan worked out again, apart from the kernel.

Everything is in extended precision and by other formulas than the kernel's (closed forms in the
output's share, no notion of a current segment), so that an error shared with it is unlikely.
"""

from typing import Any, NamedTuple

import numpy as np

from solver.routing.kernel.graph import Answer, Books, Graph, Pairs, Ranges, Stables, Task

Long = Any  # an array of np.longdouble
ROUNDING = 1e-14
STABLE_REACH, STABLE_HALVINGS = 60.0, 48  # of a coin's logarithm


class Verdict(NamedTuple):
    """What an answer is worth, in value units."""

    bound: float  # dual value at the answer's prices
    plan: float  # what its flows deliver, at the floor
    shortfall: float  # value by which the flows overdraw tokens or leave their curves
    misdirected: float  # value that flows against a one-way or closed edge

    def proved(self) -> float:
        """Returns what the plan is worth once what it lacks is paid for."""
        return self.plan - self.shortfall - self.misdirected

    def gap(self) -> float:
        """Returns how far the plan may be from the best, and from feasible, relative to it.

        What is lacking is paid for at the dual's own prices, so it must be next to nothing too.
        """
        lack = self.shortfall + self.misdirected
        worst = max(self.bound - self.proved(), lack)
        return worst / self.proved() if self.proved() > 0 else float("inf")


def judged(task: Task, answer: Answer) -> Verdict:
    """Returns the verdict on an answer to a task without fixed costs."""
    prices = np.asarray(answer.prices, np.longdouble)
    flow_a, flow_b = (np.asarray(flow, np.longdouble) for flow in (answer.flow_a, answer.flow_b))
    a, b = ends(task.graph)
    left = task.supply.astype(np.longdouble)
    np.add.at(left, a, flow_a)
    np.add.at(left, b, flow_b)
    overdrawn = prices @ np.maximum(-left, 0)
    beyond_a, beyond_b = excess(task.graph, flow_a, flow_b)
    astray = np.where(task.way >= 1, np.maximum(flow_a, 0) * prices[a], 0)
    astray = astray + np.where(
        (task.way == -1) | (task.way == 2), np.maximum(flow_b, 0) * prices[b], 0
    )
    return Verdict(
        bound=float(dual(task, prices)),
        plan=float(task.floor @ left),
        shortfall=float(overdrawn + beyond_a @ prices[a] + beyond_b @ prices[b]),
        misdirected=float(astray.sum()),
    )


def ends(graph: Graph) -> tuple[Any, Any]:
    """Returns the two tokens of each edge in the order of the kernel."""
    kinds = (graph.pairs, graph.ranges, graph.stables, graph.books)
    return np.concatenate([k.a for k in kinds]), np.concatenate([k.b for k in kinds])


def dual(task: Task, prices: Long) -> np.longdouble:
    """Returns supply at `prices` plus the arbitrage of every edge: no plan is worth more."""
    if np.any(prices < task.floor * (1 - ROUNDING)):
        return np.longdouble(np.inf)
    prices = np.maximum(np.asarray(prices, np.longdouble), task.floor)
    graph, way = task.graph, task.way
    values, at = [], 0
    kind: Any
    arbitrage: Any
    for kind, arbitrage in (
        (graph.pairs, pairs_arbitrage),
        (graph.ranges, ranges_arbitrage),
        (graph.stables, stables_arbitrage),
        (graph.books, books_arbitrage),
    ):
        values.append(arbitrage(kind, prices, way[at : at + kind.a.size]))
        at += kind.a.size
    each = np.concatenate(values) - task.cost
    return prices @ task.supply + np.maximum(each, 0).sum()  # type: ignore[no-any-return]


def pairs_arbitrage(pairs: Pairs, prices: Long, way: Any) -> Long:
    """Returns the best trade's value of each pool of two weights."""
    a_in = _pair_one_way(pairs, prices[pairs.a], prices[pairs.b])
    b_in = _pair_one_way(_turned(pairs), prices[pairs.b], prices[pairs.a])
    return _of_ways(a_in, b_in, way)


def _pair_one_way(pairs: Pairs, paid: Long, got: Long) -> Long:
    """With u the share of the input's reserve after: max got*R_b*(1-u^k) - paid*R_a*(1/u-1)/kept.

    k = w/(1-w); the best u has u^(1+k) = paid*R_a / (kept*k*got*R_b).
    """
    ra, rb, kept, w = (np.asarray(x, np.longdouble) for x in pairs[2:])
    k = w / (1 - w)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_u = (np.log(paid) + np.log(ra) - np.log(kept * k * rb) - np.log(got)) / (1 + k)
        log_u = np.where((got <= 0) | (log_u > 0), 0, log_u)
        cost = np.where(paid > 0, paid * ra * np.expm1(-log_u) / kept, 0)
    return np.where(pairs_live(pairs), -got * rb * np.expm1(k * log_u) - cost, 0)


def pairs_live(pairs: Pairs) -> Any:
    """Returns which pools hold both tokens."""
    return (pairs.reserve_a > 0) & (pairs.reserve_b > 0)


def _turned(pairs: Pairs) -> Pairs:
    return Pairs(pairs.b, pairs.a, pairs.reserve_b, pairs.reserve_a, pairs.kept, 1 - pairs.weight)


def ranges_arbitrage(ranges: Ranges, prices: Long, way: Any) -> Long:
    """Returns the best trade's value of each pool of ranges, over all its segments."""
    pool = np.repeat(np.arange(ranges.a.size), np.diff(ranges.first))
    pa, pb = prices[ranges.a][pool], prices[ranges.b][pool]
    kept, root = ranges.kept[pool].astype(np.longdouble), ranges.root[pool]
    low, high = ranges.low.astype(np.longdouble), ranges.high.astype(np.longdouble)
    with np.errstate(divide="ignore", invalid="ignore"):
        down = np.where(pb > 0, np.sqrt(pa / (pb * kept)), np.inf)
        up = np.where(pb > 0, np.sqrt(pa * kept / pb), np.where(pa > 0, np.inf, 0))
    begin, end = np.minimum(high, root), np.maximum(low, down)
    fall = pb * (begin - end) - pa * (1 / end - 1 / begin) / kept
    a_in = _summed(np.where(end < begin, ranges.liquidity * fall, 0), pool, ranges.a.size)
    begin, end = np.maximum(low, root), np.minimum(high, up)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = pa * (1 / begin - 1 / end) - pb * (end - begin) / kept
    b_in = _summed(np.where(end > begin, ranges.liquidity * rise, 0), pool, ranges.a.size)
    return _of_ways(a_in, b_in, way)


def stables_arbitrage(stables: Stables, prices: Long, way: Any) -> Long:
    """Returns the best trade's value of each pair of stableswap coins."""
    a_in = _stable_one_way(stables, prices[stables.a], prices[stables.b])
    b_in = _stable_one_way(_stable_turned(stables), prices[stables.b], prices[stables.a])
    return _of_ways(a_in, b_in, way)


def _stable_one_way(stables: Stables, paid: Long, got: Long) -> Long:
    """Bisects the input's logarithm for the curve's slope to meet the prices."""
    value = np.zeros(stables.a.size, np.longdouble)
    gain = got * stables.kept_out * stables.kept_in * stables.unit_a / stables.unit_b
    start = np.asarray(stables.reserve_a, np.longdouble) * stables.unit_a
    pays = gain * _stable_slope(stables, start) > paid
    if not pays.any():
        return value
    stables = Stables(*(field[pays] for field in stables))
    paid, got, gain, start = paid[pays], got[pays], gain[pays], start[pays]
    least, most = np.zeros_like(start), np.full_like(start, STABLE_REACH)
    for _ in range(STABLE_HALVINGS):
        middle = (least + most) / 2
        is_short = gain * _stable_slope(stables, start * np.exp(middle)) > paid
        least, most = np.where(is_short, middle, least), np.where(is_short, most, middle)
    added = start * np.expm1(least) / stables.unit_a / stables.kept_in
    value[pays] = got * stables_output(stables, added, True) - paid * added
    return value


def _stable_slope(stables: Stables, x: Long) -> Long:
    """Returns -dy/dx of the curve at x."""
    y = _other_coin(stables, x)
    return y * (2 * x + y + stables.shift) / (x * (x + 2 * y + stables.shift))


def _stable_turned(stables: Stables) -> Stables:
    return stables._replace(
        a=stables.b,
        b=stables.a,
        reserve_a=stables.reserve_b,
        reserve_b=stables.reserve_a,
        unit_a=stables.unit_b,
        unit_b=stables.unit_a,
    )


def _other_coin(stables: Stables, x: Long) -> Long:
    """Returns y of x*y*(x + y + shift) = constant: the root of y^2 + q*y - p, without a loss."""
    x0 = np.asarray(stables.reserve_a, np.longdouble) * stables.unit_a
    y0 = np.asarray(stables.reserve_b, np.longdouble) * stables.unit_b
    p, q = x0 * y0 * (x0 + y0 + stables.shift) / x, x + stables.shift
    root = np.sqrt(q * q + 4 * p)
    return np.where(q > 0, 2 * p / (q + root), (root - q) / 2)


def stables_output(stables: Stables, paid: Long, is_a_in: bool) -> Long:
    """Returns what each pair of stableswap coins gives for `paid`."""
    stables = stables if is_a_in else _stable_turned(stables)
    x0 = np.asarray(stables.reserve_a, np.longdouble) * stables.unit_a
    x = x0 + paid * stables.kept_in * stables.unit_a
    gone = _other_coin(stables, x0) - _other_coin(stables, x)
    return gone / stables.unit_b * stables.kept_out


def books_arbitrage(books: Books, prices: Long, way: Any) -> Long:
    """Returns the value of all the levels of each book that pay."""
    book = np.repeat(np.arange(books.a.size), np.diff(books.first))
    pa, pb = prices[books.a][book], prices[books.b][book]
    lift = pa - books.price.astype(np.longdouble) * pb  # of one unit of a bought
    ask, bid = np.maximum(lift, 0), np.maximum(-lift, 0)
    b_in = _summed(np.where(books.is_ask, books.size * ask, 0), book, books.a.size)
    a_in = _summed(np.where(books.is_ask, 0, books.size * bid), book, books.a.size)
    return _of_ways(a_in, b_in, way)


def excess(graph: Graph, flow_a: Long, flow_b: Long) -> tuple[Long, Long]:
    """Returns by how much each edge gives more than its curve allows: (of a, of b)."""
    beyond_a, beyond_b = np.zeros_like(flow_a), np.zeros_like(flow_b)
    at = 0
    kind: Any
    output: Any
    for kind, output in (
        (graph.pairs, pairs_output),
        (graph.ranges, ranges_output),
        (graph.stables, stables_output),
        (graph.books, books_output),
    ):
        here = slice(at, at + kind.a.size)
        at += kind.a.size
        if not kind.a.size:
            continue
        a_in, b_in = np.maximum(-flow_a[here], 0), np.maximum(-flow_b[here], 0)
        beyond_b[here] = np.maximum(flow_b[here] - output(kind, a_in, True), 0)
        beyond_a[here] = np.maximum(flow_a[here] - output(kind, b_in, False), 0)
        lacking = (a_in > 0) & (b_in > 0)  # gives on both sides: allowed, and foolish
        beyond_a[here][lacking], beyond_b[here][lacking] = 0, 0
    return beyond_a, beyond_b


def pairs_output(pairs: Pairs, paid: Long, is_a_in: bool) -> Long:
    """Returns what each pool of two weights gives for `paid`."""
    pairs = pairs if is_a_in else _turned(pairs)
    ra, rb, kept, w = (np.asarray(x, np.longdouble) for x in pairs[2:])
    with np.errstate(divide="ignore", invalid="ignore"):
        out = -rb * np.expm1(-w / (1 - w) * np.log1p(kept * paid / ra))
    return np.where(pairs_live(pairs), out, 0)


def ranges_output(ranges: Ranges, paid: Long, is_a_in: bool) -> Long:
    """Returns what each pool of ranges gives for `paid`, segment after segment."""
    out = np.zeros(ranges.a.size, np.longdouble)
    for i in np.flatnonzero(paid > 0):
        part = slice(int(ranges.first[i]), int(ranges.first[i + 1]))
        low, high = (x[part].astype(np.longdouble) for x in (ranges.low, ranges.high))
        depth, root = ranges.liquidity[part].astype(np.longdouble), np.longdouble(ranges.root[i])
        left = paid[i] * np.longdouble(ranges.kept[i])
        if is_a_in:
            begin, end = np.minimum(high, root)[::-1], low[::-1]
            depth, live = depth[::-1], (low < root)[::-1]
            held = np.where(live, depth * (1 / end - 1 / begin), 0)
            used = _poured(held, left)
            with np.errstate(divide="ignore", invalid="ignore"):
                reached = np.where(depth > 0, 1 / (1 / begin + used / depth), begin)
            out[i] = (depth * (begin - reached))[live].sum()
        else:
            begin, end = np.maximum(low, root), high
            live = high > root
            used = _poured(np.where(live, depth * (end - begin), 0), left)
            with np.errstate(divide="ignore", invalid="ignore"):
                reached = np.where(depth > 0, begin + used / depth, begin)
            out[i] = (depth * (1 / begin - 1 / reached))[live].sum()
    return out


def books_output(books: Books, paid: Long, is_a_in: bool) -> Long:
    """Returns what each book gives for `paid`, the best level first."""
    out = np.zeros(books.a.size, np.longdouble)
    for i in np.flatnonzero(paid > 0):
        part = slice(int(books.first[i]), int(books.first[i + 1]))
        chosen = books.is_ask[part] != is_a_in
        price = books.price[part][chosen].astype(np.longdouble)
        size = books.size[part][chosen].astype(np.longdouble)
        order = np.argsort(-price if is_a_in else price, kind="stable")
        price, size = price[order], size[order]
        used = _poured(size if is_a_in else size * price, paid[i])
        out[i] = (used * price if is_a_in else used / price).sum()
    return out


def _poured(held: Long, amount: Long) -> Long:
    """Returns how much of `amount` each vessel takes when they are filled in turn."""
    before = np.concatenate([np.zeros(1, np.longdouble), np.cumsum(held)[:-1]])
    return np.clip(amount - before, 0, held)


def _summed(values: Long, pool: Any, count: int) -> Long:
    total = np.zeros(count, np.longdouble)
    np.add.at(total, pool, values)
    return total


def _of_ways(a_in: Long, b_in: Long, way: Any) -> Long:
    a_in = np.where((way == 0) | (way == 1), np.maximum(a_in, 0), 0)
    b_in = np.where((way == 0) | (way == -1), np.maximum(b_in, 0), 0)
    return np.maximum(a_in, b_in)
