"""The dual bound of the token part: what sold tokens can become in pools, whatever the route.

Part of the checker. A plan earns at most sum nu*sold + sum of nu*(what each pool gives less what it
takes); a pool gives at most its best arbitrage at nu. Every step pays its gas, so a plan that uses
a pool pays that pool's gas at least once: net of gas it adds at most max(0, arbitrage - gas). Where
a case says which pools a plan uses, an open one adds arbitrage - gas, a closed one nothing. Pools
that only gain with others' help pay for it as `lonely` proves.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from solver.domain.ids import Address
from solver.domain.market import BookPool, Pool
from solver.domain.numbers import div_up
from solver.domain.route import Case
from solver.domain.snapshot import Snapshot
from solver.routing import curves
from solver.routing.certify import lonely
from solver.routing.toll import Toll

Prices = Mapping[Address, int]  # PRICE_UNIT
SCREENED_FROM = 5  # cases from which it is quicker to look first which pools matter in any


def token_bound(
    sold: Mapping[Address, int],
    snapshot: Snapshot,
    cases: Sequence[Case],
    per_gas: Toll,
    traded: Collection[Address] | None = None,
) -> int:
    """Returns the most that `sold` can become net of gas, atoms of the numeraire, rounded up: the
    greatest bound of any case. `traded` are all tokens that anybody sells, buys or pays with; None
    where that is not known, and no token may be taken for one that is only passed on.
    """
    every = {pool.address: pool for pool in snapshot.pools}  # as the replay knows them
    pools, gas = every, {pool.address: _gas(pool, per_gas) for pool in every.values()}
    if len(cases) >= SCREENED_FROM:
        pools = {pool.address: pool for pool in _gainful(pools.values(), cases, per_gas)}
    passed = lonely.meeting(every.values(), {*traded, *sold}) if traded is not None else {}
    views = [
        lonely.Case(dict(case.token_prices), {*case.closed}, {*case.open}, passed, gas)
        for case in cases
    ]
    looser = sorted((_loosely(sold, pools, view) for view in views), key=lambda each: -each[0])
    best = looser[0][0] - lonely.moved(*looser[0][1:])
    for bound, gaining, view in looser[1:]:
        if bound > best:
            best = max(best, bound - lonely.moved(gaining, view))
    return div_up(best, curves.PRICE_UNIT)


def _loosely(
    sold: Mapping[Address, int], pools: Mapping[Address, Pool], case: lonely.Case
) -> tuple[int, dict[Address, tuple[Pool, int]], lonely.Case]:
    """Returns the bound where each pool pays for itself alone, and the pools that add to it."""
    bound = sum(case.prices.get(token, 0) * amount for token, amount in sold.items())
    gaining = dict[Address, tuple[Pool, int]]()
    for address, pool in pools.items():
        if address in case.opened:
            bound += curves.arbitrage_up(pool, case.prices) - case.gas[address]
        elif address not in case.closed:
            surplus = _gain(pool, case.prices, case.gas[address])
            if surplus:
                gaining[address] = pool, surplus
    bound += sum(surplus for _, surplus in gaining.values())
    return bound, gaining, case


def _gain(pool: Pool, prices: Prices, gas: int) -> int:
    """Returns what a pool adds that may or may not be used, times PRICE_UNIT."""
    return max(0, curves.arbitrage_up(pool, prices, enough=gas) - gas)


def _gas(pool: Pool, per_gas: Toll) -> int:
    return per_gas.down(pool.gas, curves.PRICE_UNIT)


def _gainful(pools: Iterable[Pool], cases: Sequence[Case], per_gas: Toll) -> Iterator[Pool]:
    """Yields the pools that a case opens, and those that may add anything in one.

    What a swap gains grows with the price of what it buys and falls with that of what it sells: at
    the highest of the one and the lowest of the other it gains more than in any case. Bids above
    asks give of both tokens: most at the highest of both.
    """
    priced = [dict(case.token_prices) for case in cases]
    tokens: set[Address] = set().union(*priced)
    opened = {address for case in cases for address in case.open}
    low = {token: min(prices.get(token, 0) for prices in priced) for token in tokens}
    high = {token: max(prices.get(token, 0) for prices in priced) for token in tokens}
    for pool in pools:
        gas = _gas(pool, per_gas)
        lowest = {token: low.get(token, 0) for token in pool.tokens}
        moved = [token for token in pool.tokens if high.get(token, 0) > lowest[token]]
        best = [{**lowest, token: high[token]} for token in moved]
        best += [lowest] if len(moved) < len(pool.tokens) else []
        if isinstance(pool, BookPool) and len(moved) > 1:
            best.append({token: high[token] for token in moved})
        if pool.address in opened or any(_gain(pool, prices, gas) for prices in best):
            yield pool
