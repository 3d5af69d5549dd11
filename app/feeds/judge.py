"""What the sources together say of a market, with what each of them said before.

The contracts judge with one feed, and so does margin; the judge says how far that price is to be
trusted. It remembers as much as that takes: tracks of the sources, the mean of an hour, and where
the price stood an hour ago.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from adapters.base import PriceSample
from adapters.chains.deployment import MarketInfo
from adapters.oracles import uniswap_twap
from app.board import Price
from solver.domain.market import ConcentratedPool, Pool
from solver.domain.numbers import PPM, WAD
from solver.pricing.oracle import (
    CONFIDENCE_PPM_MAX,
    OracleParams,
    Track,
    aggregate,
    mean_of,
    mean_weight,
    remember,
)

MEAN_SECONDS = 3_600  # the reference a price must stay near
HOUR = 3_600
SPACING_SECONDS = 60  # between the prices kept of the last hour
# Only these make the mean of an hour: a lone source would be the scale that refuses all the others.
SURE = frozenset({"OK", "UNCERTAIN"})
HEARD = frozenset({"frozen"})  # refusals of reports that were sound by themselves


class Asked(NamedTuple):
    """What is judged at one block: unix seconds, the contract's mark (None while its feed is
    stale), the weights of the sources, and dollars per settlement token, 1e18."""

    time: int
    mark: int | None
    weights: tuple[tuple[str, int], ...] = ()
    settlement: int = WAD


class Judge:
    """One market's memory. Forget it after a reorganisation: what was said need not be true."""

    def __init__(self, market: MarketInfo) -> None:
        self._market = market
        self._tracks: tuple[Track, ...] = ()
        self._mean, self._since = 0, 0  # 1e18, unix seconds
        self._past: deque[tuple[int, int]] = deque()  # (unix seconds, price 1e18), oldest first

    def forget(self) -> None:
        """Drops what the sources said; prices of whole blocks stay, as a reference."""
        self._tracks = ()

    def price(self, asked: Asked, samples: Iterable[PriceSample]) -> Price:
        """Returns the contract's mark with the sources' confidence and state."""
        samples, number = tuple(samples), self._market.market
        params = OracleParams(
            self._market.heartbeat,
            reference=self._mean,
            weights=asked.weights,
            settlement=asked.settlement,
        )
        found = aggregate(samples, asked.time, params, self._tracks)
        heard = {*found.sources, *(name for name, why in found.refused if why in HEARD)}
        self._tracks = remember(self._tracks, (s for s in samples if s.source in heard))
        if asked.mark is None or not found.price:
            return Price(number, asked.mark or found.price, found.confidence, "HALT")
        self._keep(asked.time, asked.mark)
        if found.state in SURE:
            self._average(asked.time, found.price)
        apart = abs(asked.mark - found.price)
        is_apart = apart * PPM > asked.mark * CONFIDENCE_PPM_MAX
        state = "UNCERTAIN" if is_apart and found.state == "OK" else found.state
        return Price(number, asked.mark, max(found.confidence, apart), state)

    def hour_ago(self, time: int) -> int:
        """Returns the mark an hour before `time` (unix seconds), 1e18, 0 where nobody looked."""
        earlier = [price for at, price in self._past if at <= time - HOUR]
        return earlier[-1] if earlier else 0

    def _average(self, time: int, price: int) -> None:
        elapsed = min(max(time - self._since, 0), MEAN_SECONDS)
        moved = self._mean + (price - self._mean) * elapsed // MEAN_SECONDS
        self._mean, self._since = moved if self._mean else price, time

    def _keep(self, time: int, mark: int) -> None:
        while self._past and self._past[-1][0] > time:  # what a reorganisation took back
            self._past.pop()
        if not self._past or time - self._past[-1][0] >= SPACING_SECONDS:
            self._past.append((time, mark))
        while len(self._past) > 1 and self._past[1][0] <= time - HOUR:
            self._past.popleft()


def weights_of(
    market: MarketInfo, pools: Iterable[Pool], guarded: int
) -> tuple[tuple[str, int], ...]:
    """Returns the pool's mean as a source without a vote while moving it costs less than ten times
    `guarded`, what could be liquidated on the market (1e18); a pool nobody read guards nothing."""
    for pool in pools:
        if isinstance(pool, ConcentratedPool) and pool.address == market.twap_pool:
            mean = mean_of(
                pool,
                uniswap_twap.WINDOW_S,
                is_base_first=pool.token0 == market.base.address,
                quote_unit=10**market.quote.decimals,
            )
            return ((uniswap_twap.slug, mean_weight(mean, guarded)),)
    return ((uniswap_twap.slug, 1 if guarded == 0 else 0),)
