"""Recorded rounds of a real feed beside a real exchange: heard, whatever a third one says."""

import bisect
import io
from typing import NamedTuple

import pytest

from adapters.bars import read_bars
from solver.domain.numbers import WAD
from solver.pricing.oracle import OracleParams, Track, aggregate, remember
from tests.recorded import SHARED, needs

ROUNDS = SHARED / "data/oracle/chainlink_mainnet_rounds.parquet"
BARS = SHARED / "data/ohlcv/binance_spot_ETHUSDT_1h_2020_2025.parquet"
PARAMS = OracleParams(heartbeat_seconds=3_900)  # an hour, and what a round takes to be written


class Sample(NamedTuple):
    source: str
    cls: str
    price: int
    confidence: int
    time: int


@pytest.fixture(scope="module")
def rounds():
    """(updated_at, price 1e18) of ETH/USD as they came, the empty ones too."""
    from fastparquet import ParquetFile

    file = io.BytesIO(ROUNDS.read_bytes())
    table = ParquetFile(file).to_pandas(columns=["feed", "answer", "updated_at"])
    kept = table[table["feed"] == "ETH/USD"]
    return list(zip(kept["updated_at"].tolist(), (a * 10**10 for a in kept["answer"]), strict=True))


@needs(ROUNDS, "feed rounds")
def test_a_round_without_a_time_has_no_vote(rounds):
    empty = [price for time, price in rounds if time == 0]
    assert empty
    now = max(time for time, _ in rounds)
    for price in empty:
        got = aggregate([Sample("chainlink", "net", price, 0, 0)], now, PARAMS)
        assert got.refused in ((("chainlink", "stale"),), (("chainlink", "notPositive"),))


def hours(rounds):
    """Yields (unix seconds, samples of the feed and of the exchange) hour by hour."""
    sound = sorted(row for row in rounds if row[0])
    times = [time for time, _ in sound]
    (bars,) = read_bars([str(BARS)]).values()
    closes = dict(zip((bars.times + 3_600).tolist(), bars.closes.tolist(), strict=True))
    for now in range(times[0] // 3_600 * 3_600 + 3_600, times[-1], 3_600):
        time, price = sound[bisect.bisect_right(times, now) - 1]
        close = int(closes[now] * 10**8) * 10**10
        yield (
            now,
            [
                Sample("chainlink", "net", price, price // 1_000, time),
                Sample("exchange", "cex", close, close // 1_000, now),
            ],
        )


@needs(ROUNDS, "feed rounds")
@needs(BARS, "hourly prices")
@pytest.mark.parametrize("liar", ["stands still", "half as much again", "nothing", "follows late"])
def test_the_feed_and_the_exchange_are_heard_and_hold_the_price(rounds, liar):
    tracks: tuple[Track, ...] = ()
    past, refused, count = [], set(), 0
    for now, honest in hours(rounds):
        true = honest[1].price
        past.append(true)
        said = {"stands still": past[0], "half as much again": true * 3 // 2, "nothing": 0,
                "follows late": past[-25] if len(past) >= 25 else true}[liar]  # fmt: skip
        samples = [*honest, Sample("liar", "dex", said, said // 1_000, now)]
        got = aggregate(samples, now, PARAMS, tracks)
        tracks = remember(tracks, (s for s in samples if s.price > 0))
        refused |= set(got.refused)
        assert not {"chainlink", "exchange"} & dict(got.refused).keys()
        assert min(s.price - s.confidence for s in honest) <= got.price
        assert got.price <= max(s.price + s.confidence for s in honest)
        count += 1
    assert count > 2_000
    expected = {"stands still": {("liar", "frozen")}, "nothing": {("liar", "notPositive")}}
    assert refused == expected.get(liar, set())
    assert past[0] > WAD
