"""Prices under faults: what the market does, what the sources say of it, and the snapshot of both.

Five sources of three classes are aggregated by the real oracle code, markets read volatility from a
surface that rises as prices fall, and parameters are those in force at the instant.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from solver.domain.calendar import DAY
from solver.domain.instrument import EXPIRY_SECOND_OF_DAY, Instrument, Kind, Token
from solver.domain.numbers import PPM, WAD
from solver.domain.risk import MarketRisk
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import Knot, Surface
from solver.margin.contagion.paths import TICK_SECONDS, Floats
from solver.margin.predictive import has_moved, in_force
from solver.pricing.oracle import OracleParams, Track, aggregate, remember

CURE, AUCTION, CLOSE = "cure", "auction", "close"
SOURCES = (
    ("cexA", "cex"), ("cexB", "cex"), ("netA", "oracle"), ("netB", "oracle"), ("pool", "twap"),
)  # fmt: skip
FAULTY = "cexA"
HEARTBEAT_SECONDS = 600
WINDOW_TICKS, HOUR_TICKS, LOOK_BACK_TICKS = 10, 60, 360
SAMPLE_PPM = 200  # what a source says that it may be wrong by
HALF_LIFE_TICKS = 10  # of what a forced trade did to the price
VENUE_SHARE = 0.4  # of depth that one venue had
VOL_SLOPE, VOL_RISE_MAX = 2.5, 1.5  # volatility rises 2.5 % for each percent of a fall
TENOR_DAYS = (4, 15, 46)
SIGMA_CAP_PPM = 1_500_000
MONEYNESS = (0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.35)
SETTLEMENT = Token("0x" + "00" * 19 + "01", "USDC", 6)


class Faults(NamedTuple):
    """What goes wrong. `impact`: a flow of 1 / impact of open interest moves the price 1 %; `depth`
    is what is left of depth during the storm; oracles are `lag` ticks behind; `depeg` is what the
    money of one venue loses; `vol` and `gas` are factors. All but the lag begin with the storm.
    `policy`: closing in steps and then the auction, as the specification says; the auction alone,
    as if nobody had signed protection; or, as the baseline, closing everything at once.
    """

    name: str = "none"
    impact: float = 12.0
    depth: float = 1.0
    lag: int = 1
    gas: float = 1.0
    is_venue_down: bool = False
    depeg: float = 0.0
    vol: float = 1.0
    is_reestimated: bool = False
    policy: str = CURE


class Stage(NamedTuple):
    """Where a replay is set: symbols, the price at every tick (ticks x markets), unix seconds of
    the first, what parameters were in force, the re-estimate (issued when the storm begins) with
    the day's charge (ppm) that its notice depends on, and the first and last tick of the storm."""

    name: str
    symbols: tuple[str, ...]
    path: Floats
    start: int
    risks: tuple[MarketRisk, ...]
    later: tuple[MarketRisk, ...]
    charges: tuple[int, ...]
    storm: tuple[int, int]
    vol: float = 0.7

    @property
    def expiries(self) -> tuple[int, ...]:
        """The listed expiries, at 08:00, none of them within two days."""
        day = self.start // DAY
        return tuple((day + days) * DAY + EXPIRY_SECOND_OF_DAY for days in TENOR_DAYS)

    def strikes(self, market: int) -> tuple[int, ...]:
        """The listed strikes of a market by its place, 1e18: around the first price."""
        first = float(self.path[0, market])
        return tuple(_wad(round(first * at, 1 if first < 1_000 else 0)) for at in MONEYNESS)

    def instruments(self) -> tuple[Instrument, ...]:
        """Everything that anybody holds."""
        out = []
        for market in range(len(self.symbols)):
            out += [Instrument(market + 1, kind) for kind in (Kind.PERP, Kind.BASE)]
            out += [
                Instrument(market + 1, kind, expiry, strike)
                for expiry in self.expiries
                for strike in self.strikes(market)
                for kind in (Kind.CALL, Kind.PUT)
            ]
        return tuple(out)


class _Report(NamedTuple):
    source: str
    cls: str
    price: int
    confidence: int
    time: int


class World:
    """The market as it goes: prices with what forced trades do to them, and what is seen of it."""

    def __init__(self, stage: Stage, faults: Faults) -> None:
        self.stage, self.faults = stage, faults
        self.tick = 0
        count = len(stage.symbols)
        self._pushed = np.zeros(count)  # log price
        self._traded: list[Floats] = []
        self._tracks: list[tuple[Track, ...]] = [()] * count
        self._means = [0.0] * count
        self._seen: list[list[int]] = [[] for _ in range(count)]

    @property
    def price(self) -> Floats:
        """What the markets trade at now."""
        return self._traded[-1]

    def depth(self, market: int) -> float:
        """Returns what is left of ordinary depth: fast markets are thin ones."""
        prices = [row[market] for row in self._traded[-6:]]
        left = max(0.1, 1 - 10 * abs(np.log(prices[-1] / prices[0])))
        if self._has_begun and self.tick < self.stage.storm[1]:
            left *= self.faults.depth
        return float(left * (1 - VENUE_SHARE if self._is_down else 1))

    @property
    def _has_begun(self) -> bool:
        return self.tick >= self.stage.storm[0]

    @property
    def _is_down(self) -> bool:
        return self._has_begun and self.faults.is_venue_down

    @property
    def _depeg(self) -> float:
        return self.faults.depeg if self._has_begun else 0.0

    def deviation(self, market: int) -> float:
        """Returns the deviation of a minute's move over the last ten."""
        prices = [row[market] for row in self._traded[-WINDOW_TICKS - 1 :]]
        moves = np.diff(np.log(prices))
        return float(np.sqrt(np.mean(moves**2))) if len(moves) else 0.0

    def push(self, market: int, share: float) -> None:
        """Moves a market by a forced flow, as a share of open interest, signed."""
        move = 0.01 * self.faults.impact * share / self.depth(market)
        self._pushed[market] = np.clip(self._pushed[market] + move, -3.0, 3.0)

    def step(self, tick: int) -> Snapshot:
        """Returns what is seen of tick number `tick`, which follows the one before."""
        self.tick = tick
        self._pushed *= 0.5 ** (1 / HALF_LIFE_TICKS)
        self._traded.append(self.stage.path[tick] * np.exp(self._pushed))
        time = self.stage.start + tick * TICK_SECONDS
        settlement = self._settlement(time)
        rows = [self._underlying(m, time, settlement) for m in range(len(self.stage.symbols))]
        tokens = (SETTLEMENT, *(row.base for row in rows))
        return Snapshot(
            31338,
            tick,
            time * 1000,
            0,
            SETTLEMENT,
            tokens,
            tuple(rows),
            settlement_price=settlement,
        )

    def _settlement(self, time: int) -> int:
        """Returns what the settlement token is worth: one venue may trade it below."""
        said = {name: 1.0 for name, _ in SOURCES}
        said[FAULTY] -= self._depeg
        return aggregate(self._reports(said, time), time, OracleParams(HEARTBEAT_SECONDS)).price

    def _underlying(self, market: int, time: int, settlement: int) -> Underlying:
        reports = self._reports(self._said(market), time)
        mean = _wad(self._means[market])
        params = OracleParams(HEARTBEAT_SECONDS, mean, settlement=settlement)
        found = aggregate(reports, time, params, self._tracks[market])
        self._tracks[market] = remember(self._tracks[market], reports)
        known = self._seen[market]
        known.append(found.price or known[-1])
        price = known[-1]
        pace = 2 / (HOUR_TICKS + 1)
        last = self._means[market] or price / WAD
        self._means[market] = last + pace * (price / WAD - last)
        base = Token("0x" + f"{market + 2:040x}", self.stage.symbols[market], 18)
        return Underlying(
            market + 1,
            self.stage.symbols[market],
            base,
            price,
            max(found.confidence, 1),
            self._surface(market),
            SIGMA_CAP_PPM,
            0,
            *(100_000, 65_000, 750_000, 800_000),
            expiries=self.stage.expiries,
            strikes=self.stage.strikes(market),
            oracle_state=found.state,
            risk=self._risk(market, time),
        )

    def _said(self, market: int) -> Mapping[str, float]:
        """Returns what each source says: all behind, one a mean, one in money that lost worth."""
        lag = self.faults.lag
        seen = [row[market] for row in self._traded[: len(self._traded) - lag]]
        seen = seen or [self._traded[0][market]]
        said = {name: float(seen[-1]) for name, _ in SOURCES}
        said["netB"] = float(seen[max(len(seen) - 2, 0)])
        said["pool"] = float(np.exp(np.mean(np.log(seen[-WINDOW_TICKS:]))))
        said[FAULTY] /= 1 - self._depeg
        return said

    def _reports(self, said: Mapping[str, float], time: int) -> list[_Report]:
        reports = []
        for name, cls in SOURCES:
            if name == FAULTY and self._is_down:
                continue
            price = _wad(said[name])
            confidence = price * SAMPLE_PPM // PPM
            reports.append(_Report(name, cls, price, confidence, time))
        return reports

    def _surface(self, market: int) -> Surface:
        prices = self._seen[market][-LOOK_BACK_TICKS:]
        fallen = 1 - prices[-1] / max(prices)
        vol = self.stage.vol * (1 + min(VOL_SLOPE * fallen, VOL_RISE_MAX))
        vol *= self.faults.vol if self._has_begun else 1.0
        return Surface(tuple(_knot(days, vol) for days in (7, 90)))

    def _risk(self, market: int, time: int) -> MarketRisk:
        before, begin = self.stage.risks[market], self.stage.storm[0]
        if not (self.faults.is_reestimated and self._has_begun):
            return before
        seen = self._seen[market]
        hour_ago = seen[-HOUR_TICKS - 1] if len(seen) > HOUR_TICKS else 0
        moved = has_moved(seen[-1], hour_ago, self.stage.charges[market])
        age = (self.tick - begin) * TICK_SECONDS
        return in_force(self.stage.later[market], before, age, moved=moved)


def _knot(days: int, vol: float) -> Knot:
    """Returns a tenor of eSSVI with the skew that crypto has in a fall."""
    theta = vol * vol * days / 365
    return Knot(days * DAY, round(theta * 1e9), round(min(0.35 * theta**0.5, 0.3) * 1e9), -250_000)


def _wad(value: float) -> int:
    """Returns 1e18 on steps of 1e-8."""
    return round(value * 1e8) * 10**10
