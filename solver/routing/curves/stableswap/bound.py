"""What no single swap on a stableswap pool can gain at given prices, rounded up.

With D fixed, coins i and j lie on x*y*(x + y + b) = K, convex, and solvable by one root. That real
curve gives no less than the contract's integers, but for a slack that is computed, not assumed.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import inf, isqrt, prod, sqrt
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import StableswapPool
from solver.domain.numbers import WAD, div_up
from solver.routing.curves.secant import root, secant_bound
from solver.routing.curves.stableswap.contract import FEE_UNIT, shape_of

SCREEN_BITS = 192
SLACK_BITS = 64
MARGIN_BITS = 40  # prices closer to the fee's edge than 2**-40 are left to the exact bound
FINE = 2 * WAD  # units of one atom of 18 decimals in which the real curve is answered


class Reals(NamedTuple):
    """The curve of one pair: given = held_out + (x + b - sqrt((x + b)^2 + 4K/x))/2, x = coin i.

    All times FINE/2, and `product` = 4K times (FINE/2)^3.
    """

    held_in: int
    held_out: int
    less: int  # b
    product: int

    def given(self, added: int) -> int:
        """Returns what leaves in FINE for `added` of FINE/2: no less than the contract's own,
        whose roundings only add to what stays, but for `slack_of`.
        """
        amount = self.held_in + added
        plain = amount + self.less
        return 2 * self.held_out + plain - isqrt(plain * plain + self.product // amount)

    def excess(self, added: int, price: float) -> float:
        """Returns 1/sqrt(slope/price) - 1: the slope is (y + K/x^2)/(2y + x + b)."""
        amount = float(self.held_in + added)
        plain = amount + self.less
        width = sqrt(plain * plain + self.product / amount)
        slope = ((width - plain) / 2 + self.product / amount / amount / 4) / width
        return sqrt(price / slope) - 1 if slope > 0 else inf


class Screen(NamedTuple):
    """Tells quickly that prices are within the fee of a pool's own."""

    weights: tuple[int, ...]  # one over an atom's marginal worth, for comparison between coins
    slacks: tuple[int, ...]  # what rounding may give of each coin, atoms times 2**SLACK_BITS


def arbitrage_up(pool: StableswapPool, prices: Mapping[Address, int]) -> int:
    """Returns an upper bound of price_out*out - price_in*in over single swaps of any pair.

    Most pools are told by their marginal worths alone: a curve that starts below the price gains
    no more than its slack. A single swap: the fee stays in the pool on the other side, so that two
    in a row can gain more than any one.
    """
    worths = [prices.get(token, 0) for token in pool.tokens]
    if not any(worths):
        return 0
    try:
        if min(shape_of(pool).scaled) == 0:
            return 0  # of an empty coin every swap reverts
    except Infeasible:
        return 0  # get_D reverts, and every swap with it
    screen = _screen(pool)
    kept, bound = FEE_UNIT - pool.fee, 0
    if screen is not None:
        scores = [worth * weight for worth, weight in zip(worths, screen.weights, strict=True)]
        gains = [score * kept + (score * kept >> MARGIN_BITS) for score in scores]
        costs = [score * FEE_UNIT for score in scores]
        bound = max(worth * slack for worth, slack in zip(worths, screen.slacks, strict=True))
        bound = (bound >> SLACK_BITS) + 1
        if max(gains) < min(costs):
            return bound
    for sink, worth_out in enumerate(worths):
        for source, worth_in in enumerate(worths):
            if source == sink or not worth_out:
                continue
            if screen is not None and gains[sink] < costs[source]:
                continue
            bound = max(bound, pair_bound(pool, (source, sink), (worth_in, worth_out)))
    return bound


def pair_bound(pool: StableswapPool, pair: tuple[int, int], worths: tuple[int, int]) -> int:
    """Returns the bound of swaps of coin i for coin j at their prices, pair = (i, j).

    out <= (d*(1 - fee) + 1)/rate for d given before the fee in 18 decimals, d <= curve + slack.
    """
    (source, sink), (worth_in, worth_out) = pair, worths
    if worth_in == 0:
        return worth_out * pool.balances[sink]
    curve, kept = _reals(pool, pair), FEE_UNIT - pool.fee
    rate_in, rate_out = pool.rates[source], pool.rates[sink]
    price_in, price_out = 2 * rate_out * FEE_UNIT * worth_in, worth_out * kept
    most = worth_out * pool.balances[sink] // worth_in + 1
    if not kept:
        return 0
    price = price_in / (2 * rate_in * price_out)
    near = root(lambda amount: curve.excess(amount * rate_in, price), most)
    gain = secant_bound(
        lambda amount: curve.given(amount * rate_in), price_in, price_out, most, 2, near=near
    )
    rounding = worth_out * FINE * (kept * _slack(pool, pair, curve) + FEE_UNIT)
    return max(0, div_up(gain + rounding, 2 * rate_out * FEE_UNIT))


def _reals(pool: StableswapPool, pair: tuple[int, int]) -> Reals:
    """Rounded so that no more stays than on the real curve."""
    scaled, total = shape_of(pool)
    source, sink = pair
    count, rest, below = len(scaled), 0, pool.amplification
    for index, held in enumerate(scaled):
        below *= count
        if index not in pair:
            rest, below = rest + held, below * held
    below *= count
    product = 4 * WAD**3 * total ** (count + 1) * pool.amplification_unit // below
    amp = pool.amplification * count
    less = (rest - total) * WAD + div_up(total * pool.amplification_unit * WAD, amp)
    return Reals(pool.balances[source] * pool.rates[source], scaled[sink] * WAD, less, product)


def _slack(pool: StableswapPool, pair: tuple[int, int], curve: Reals) -> int:
    """Returns by how much the contract may give more than the curve, atoms of 18 decimals.

    Its Newton iteration ends no lower than the root of its own y^2 + (x + b)*y = c less 1, which
    the atom kept back makes up for; its c is below K/x by the roundings E of the product chain,
    which move the root by E/sqrt((x + b)^2 + 4c) at most.
    """
    scaled, total = shape_of(pool)
    count, lost = len(scaled), 0
    for index, held in enumerate(scaled):
        if index != pair[1]:
            lost = div_up(lost * total, held * count) + 1
    lost = div_up(lost * total * pool.amplification_unit, pool.amplification * count * count) + 1
    held_in = curve.held_in // WAD
    start = abs(curve.held_in + curve.less) // WAD
    # Up to x = 2*held + 2*|start| the product K/x is that small at most; above, x + b is large.
    least = curve.product // (WAD**3 * 2 * (held_in + start + 2))
    width = isqrt(max(1, min(least, (held_in + start) ** 2) - 4 * lost))
    return div_up(lost, width)


@lru_cache(maxsize=4096)
def _screen(pool: StableswapPool) -> Screen | None:
    """Returns None where rounding is not small beside the balances: then each pair is bounded.

    On x*y*(x + y + b) = K a coin's marginal worth is 1/x + 1/rest, rest = x + y + b. The real D of
    the balances would make `rest` D^(n+1)/(A*n^(n+1)*prod x); the contract's is off by `moved`, and
    the curves start at most twice that from the balances. The slack is `_slack` of the worst pair.
    """
    scaled, total = shape_of(pool)
    count, least = len(scaled), min(scaled)
    amp, unit = pool.amplification * count, pool.amplification_unit
    rest = sum(scaled) + total * unit // amp - total
    moved = 2 * abs(rest - total ** (count + 1) * unit // (amp * count**count * prod(scaled))) + 4
    if moved << MARGIN_BITS + 4 > min(least, rest):
        return None
    ratio, lost = total // (least * count) + 1, 0
    for _ in range(count - 1):
        lost = lost * ratio + 1
    lost = lost * total * unit // (amp * count) + 2
    width = isqrt(max(1, least * least * rest // (2 * least + rest + 2) - 4 * lost))
    slack = lost // width + moved + 3
    weights, slacks = [], []
    for held, rate in zip(scaled, pool.rates, strict=True):
        weights.append((held * rest * WAD << SCREEN_BITS) // (rate * (rest + held)))
        slacks.append((slack * WAD << SLACK_BITS) // rate + 1)
    return Screen(tuple(weights), tuple(slacks))
