"""Option chains to choose legs from: the synthetic one by seed, and recorded ones as whole markets.

Synthetic: 10 expiries of 1 to 270 days, 30 strikes to 2.2 deviations, calls and puts, 5 levels each
at up to 3 venues that quote 65 % of them around mids of their own, perps as a hedge.
Recorded: marks from the surface fitted to the chain; the first venue quotes what was recorded, two
more 65 % of it around mids moved by 1 % (sigma) of the half-spread times 1 to 1.6. No sizes were
recorded: each level holds 1 + Exp(8) contracts, and each next level is .8 % and a tick worse.
"""

import io
import math
import pathlib
from typing import NamedTuple

import numpy as np

from adapters.recorded import OptionChain, OptionRow, read_chain
from app.feeds.recorded import market_of
from solver.domain.account import Account, Position
from solver.domain.calendar import rfc3339
from solver.domain.ids import ZERO_ADDRESS, AccountId
from solver.domain.instrument import Instrument, Kind, Token
from solver.domain.intent import NO_SLIPPAGE_LIMIT, Limits
from solver.domain.market import Ladder, Level
from solver.domain.numbers import WAD
from solver.domain.program import (
    Choice,
    DeltaBox,
    Exposure,
    GreekBox,
    Program,
    Scenario,
    ScenarioBudget,
    StructureRow,
)
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import Knot, Surface
from solver.pricing.marks import mark_of
from solver.routing.certify import tally
from solver.routing.legs.columns import Table, table_of
from solver.routing.lots import Ground
from solver.routing.proof import UNPROVEN

INSTRUMENTS, VENUES, LEVELS = 600, 3, 5
SPOTS = (-30, -20, -15, -10, -5, 0, 5, 10, 15, 20, 30)  # per cent
SCENARIOS = tuple(Scenario(move * 10_000, vol) for move in SPOTS for vol in (-1, 0, 1))
LEGS_MAX, LOT = 6, 0.1
COVERED, INCOME = "covered call", "income"
SIZE = 20  # whole units of the base
DAY, MARKET = 86_400, 1
USDC = Token("0x" + "22" * 20, "USDC", 6)
BASE = Token("0x" + "11" * 20, "BASE", 18)
OWNER = AccountId(31338, "0x" + "a1" * 20, 0)
PERP = Instrument(MARKET, Kind.PERP).id
GAS_PRICE, NATIVE = 35 * 10**9, 3_800 * WAD  # a leg's 60,000 gas: 8 dollars


class Task(NamedTuple):
    """A program with all that it is solved on."""

    name: str
    program: Program
    account: Account
    snapshot: Snapshot


def table(task: Task) -> Table:
    """Returns the task's menu with its columns and rows."""
    draft = Solution(task.snapshot.hash, (), (), (), (), 0, 0, UNPROVEN)
    ground = Ground(tally.held_delta(task.program, task.snapshot, draft, task.account))
    return table_of(task.program, task.snapshot, task.account, draft, ground)


def recorded(path: pathlib.Path, at: int, currency: str, kind: str) -> Task:
    """Returns a recorded chain with synthetic depth; raises as `read_chain`."""
    chain = read_chain(path, at, currency)
    rng = np.random.default_rng(at)
    market = market_of(chain)
    spot = chain.index_price
    rows = [row for row in chain.rows if row.expiry - chain.time > DAY and (row.bid or row.ask)]
    rows.sort(key=lambda row: (_far(row, chain), row.name))
    ladders = _perps(spot / WAD, rng)
    for row in sorted(rows[:INSTRUMENTS], key=lambda row: row.name):
        ladders += _recorded(row, rng)
    snapshot = _snapshot(chain.time, spot, market.surface, market.series, ladders)
    return Task(
        f"{currency} {rfc3339(at)[:10]} {kind}", _program(kind, snapshot), _account(kind), snapshot
    )


def recorded_tasks(path: pathlib.Path, count: int) -> list[Task]:
    """Returns chains spread evenly over all that were recorded, of both currencies and kinds."""
    from fastparquet import ParquetFile

    chains = ParquetFile(io.BytesIO(path.read_bytes()))  # closes nothing that it opens by name
    stamps = chains.to_pandas(columns=["snapshot"])["snapshot"].unique()
    times = sorted(int(stamp.timestamp()) for stamp in stamps)
    step = (len(times) - 1) / max(count - 1, 1)
    return [
        recorded(path, times[round(n * step)], ("BTC", "ETH")[n % 2], (COVERED, INCOME)[n // 2 % 2])
        for n in range(count)
    ]


def synthetic(seed: int, kind: str, venues: int = VENUES, strikes: int = 30) -> Task:
    """Returns the chain of SOLVER's figures: 600 instruments at 3,000 dollars."""
    rng, spot, time = np.random.default_rng(seed), 3_000.0, 1_795_000_000
    days = (2, 3, 7, 14, 21, 30, 60, 90, 180, 270)
    vols = [0.62 + 0.05 * math.exp(-4 * day / 365) for day in days]
    surface = Surface(tuple(_knot(day, vol) for day, vol in zip(days, vols, strict=True)))
    series, ladders = [], _perps(spot, rng, venues)
    for day in days:
        width = 0.65 * math.sqrt(day / 365)
        grid = spot * np.exp(np.linspace(-2.2, 2.2, strikes) * width)
        listed = sorted({int(round(k / 5) * 5) * WAD for k in grid})
        series.append((time + day * DAY, tuple(listed)))
    empty = _snapshot(time, int(spot) * WAD, surface, tuple(series), [])
    for expiry, strikes_at in series:
        for strike in strikes_at:
            for right in (Kind.CALL, Kind.PUT):
                instrument = Instrument(MARKET, right, expiry, strike)
                mark = mark_of(instrument, empty) / WAD
                for venue in range(venues):
                    if rng.random() >= 0.35:
                        mid = mark * math.exp(rng.normal(0, 0.012)) + rng.normal(0, 0.3)
                        half = max(0.4, 0.012 * mark + 0.4 * rng.random())
                        ladders.append(_ladder(venue, instrument.id, (mid - half, mid + half), rng))
    snapshot = empty._replace(ladders=tuple(ladders))
    return Task(f"synthetic {kind} {seed}", _program(kind, snapshot), _account(kind), snapshot)


def _knot(day: int, vol: float) -> Knot:
    theta = vol * vol * day / 365
    return Knot(day * DAY, round(theta * 1e9), round(0.4 * math.sqrt(theta) * 1e9), -150_000)


def _far(row: OptionRow, chain: OptionChain) -> float:
    years = (row.expiry - chain.time) / DAY / 365
    return abs(math.log(row.strike / row.forward)) / math.sqrt(years)


def _recorded(row: OptionRow, rng: np.random.Generator) -> list[Ladder]:
    kind = Kind.CALL if row.is_call else Kind.PUT
    instrument = Instrument(MARKET, kind, row.expiry, row.strike).id
    bid, ask = ((coin or 0) / WAD * row.index_price / WAD for coin in (row.bid, row.ask))
    out = [_ladder(0, instrument, (bid, ask), rng)]
    for venue in range(1, VENUES):
        if bid and ask and rng.random() >= 0.35:
            half = (ask - bid) / 2 * rng.uniform(1, 1.6)
            mid = (ask + bid) / 2 * math.exp(rng.normal(0, 0.01) * half / ask)
            out.append(_ladder(venue, instrument, (mid - half, mid + half), rng))
    return out


def _ladder(
    venue: int, instrument: int, best: tuple[float, float], rng: np.random.Generator
) -> Ladder:
    """Five levels a side from the best bid and ask, dollars; a side at 0 is empty."""
    bid, ask = best
    tick = max(0.1, 5e-4 * (ask or bid))
    bids = [bid * (1 - 0.008 * n) - tick * n for n in range(LEVELS) if bid > 0]
    asks = [ask * (1 + 0.008 * n) + tick * n for n in range(LEVELS) if ask > 0]
    return Ladder(
        _maker(venue),
        instrument,
        tuple(_level(price, rng) for price in bids if price > 0.2),
        tuple(_level(price, rng) for price in asks),
        False,
        0,
    )


def _level(price: float, rng: np.random.Generator) -> Level:
    lots = round((rng.exponential(8) + 1) / LOT)
    return Level(round(price * 10**6) * 10**12, lots * 10**17)


def _perps(spot: float, rng: np.random.Generator, venues: int = VENUES) -> list[Ladder]:
    ladders = []
    for venue in range(venues):
        mid = spot * math.exp(rng.normal(0, 0.0003))
        steps = [0.0002 * (1 + n) for n in range(2 * LEVELS)]
        bids = tuple(_level(mid * (1 - step), rng) for step in steps)
        asks = tuple(_level(mid * (1 + step), rng) for step in steps)
        ladders.append(Ladder(_maker(venue), PERP, bids, asks, False, 0))
    return ladders


def _maker(venue: int) -> AccountId:
    return AccountId(31338, f"0x{0x70 + venue:02x}" + "00" * 19, 0)


def _snapshot(
    time: int,
    spot: int,
    surface: Surface,
    series: tuple[tuple[int, tuple[int, ...]], ...],
    ladders: list[Ladder],
) -> Snapshot:
    expiries = tuple(expiry for expiry, _ in series)
    market = Underlying(
        MARKET, BASE.symbol, BASE, spot, spot // 10_000, surface, 1_500_000, 0, 100_000, 65_000,
        750_000, 800_000, expiries, (), series=series,
    )  # fmt: skip
    return Snapshot(
        31338, 1, time * 1000, GAS_PRICE, USDC, (USDC, BASE), (market,), (), tuple(ladders), NATIVE
    )


def _account(kind: str) -> Account:
    held = (Position(Instrument(MARKET, Kind.BASE).id, SIZE * WAD),) if kind == COVERED else ()
    return Account(OWNER, 10**12, held)


def _program(kind: str, snapshot: Snapshot) -> Program:
    """Covered call: half to all of the base in calls 2 % out of the money, 10 to 70 days; income:
    nothing held. Both neutral within boxes that grow with the size.
    """
    price, time = snapshot.underlyings[0].price, snapshot.time
    options = tuple(sorted({lad.instrument for lad in snapshot.ladders if lad.instrument != PERP}))
    whole = SIZE * WAD
    notional = SIZE * price * 10**6 // WAD  # atoms
    calls = StructureRow(
        MARKET, "sell", "call", price * 102 // 100, 2**95, time + 10 * DAY, time + 70 * DAY,
        whole // 2, whole,
    )  # fmt: skip
    gamma, vega = 15 * SIZE * WAD * WAD // price // 2, SIZE * price // 10
    choice = Choice(
        LEGS_MAX,
        (GreekBox(MARKET, "gamma", -gamma, gamma), GreekBox(MARKET, "vega", -vega, vega)),
        ScenarioBudget(MARKET, SCENARIOS, notional * 6 // 10, 1_918),  # 10 % a year for a week
        (calls,) if kind == COVERED else (),
        notional // 100,
        DAY,
    )
    return Program(
        OWNER,
        ZERO_ADDRESS,
        exposures=(
            Exposure(0, "buy", options, 0, 6 * whole, 0),
            Exposure(1, "sell", options, 0, 6 * whole, 0),
            Exposure(2, "auto", (PERP,), 0, 6 * whole, 0),
        ),
        delta=DeltaBox(MARKET, 0, whole // 20),
        limits=Limits(USDC.address, max_fee=10**9, max_slippage_bps=NO_SLIPPAGE_LIMIT),
        choice=choice,
    )
