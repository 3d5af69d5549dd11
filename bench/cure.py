"""Claim: a failing account is cured in 5 ms (p99) at a tenth of what selling pro rata costs.

Books are made from recorded Deribit quotes: 20 options and a perp in PORTFOLIO margin, half-spreads
as quoted, 25 contracts there and any number at twice that; a perp at 5 bp, twice beyond 500. Cash
is set so that equity is 80 to 99.9 % of maintenance. Ours is the whole cure with its integers: the
program, lots, levels, the exact requirement; the grid is given, as the monitor has one. Pro rata
sells the same fraction of everything, slices a fifth of what is left until it is enough: both to
the same health, in floats and at the same prices. Times are of the core it runs on, the least of
three: what other work takes of the machine is left out. Nothing is asserted here.

    python bench/cure.py [accounts of each kind and chain]
"""

import contextlib
import gc
import os
import pathlib
import random
import statistics
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import numpy as np

from adapters.recorded import OptionChain, read_chain
from app.feeds.recorded import market_of
from solver.domain.account import PORTFOLIO, Account, Position
from solver.domain.errors import Infeasible
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind, Token
from solver.domain.market import Ladder, Level
from solver.domain.snapshot import Snapshot, Underlying
from solver.margin.cure import Means, cure
from solver.margin.cure.convex import Frame
from solver.margin.cure.frames import portfolio_frame
from solver.margin.cure.program import Offer
from solver.margin.cure.trades import book_of, columns_of, marks_of, offers_of
from solver.margin.portfolio.grid import RiskGrid, risk_grid
from solver.margin.requirement import requirement
from solver.pricing.marks import mark_of
from solver.pricing.scenarios import risks
from solver.routing.rounding import LOT

SHARED = pathlib.Path(
    os.environ.get("SOLVENT_SHARED", pathlib.Path(__file__).parents[2] / "shared")
)
OPTIONS = SHARED / "data/options"
CHAINS = (
    ("calm", "raw_deribit_options_snapshot_20260121T154119Z.csv.gz", 1_769_010_079),
    ("crash", "raw_deribit_options_snapshot_20260205T212937Z.csv.gz", 1_770_326_977),
)
Costs = list[tuple[float, float]]  # pro rata's, and the cure's
WAD, ATOMS = 10**18, 10**6
USDC, WETH = Token("0x" + "0c" * 20, "USDC", 6), Token("0x" + "0e" * 20, "WETH", 18)
OWNER, MAKER = AccountId(1, "0x" + "11" * 20, 0), AccountId(1, "0x" + "22" * 20, 0)
PERP = Instrument(1, Kind.PERP).id
HELD, FIRST, DEEP, PERP_FIRST, PERP_BPS = 20, 25, 10**6, 500, 5
ROOM = 0.15
REPEATS = 3
PLAIN = Means(LOT, is_hasty=False)


class World(NamedTuple):
    """A recorded market with its quotes as ladders."""

    snapshot: Snapshot
    options: tuple[Instrument, ...]
    deltas: tuple[float, ...]


def world(chain: OptionChain) -> World:
    """Returns options quoted on both sides of up to half a year, not at the end of their life."""
    market, price = market_of(chain), chain.index_price
    bare = Underlying(
        1, chain.currency, WETH, price, price // 2000, market.surface, 2_000_000, 0,
        100_000, 65_000, 750_000, 800_000, market.expiries, market.strikes,
    )  # fmt: skip
    empty = Snapshot(1, 1, chain.time * 1000, 10**9, USDC, (USDC, WETH), (bare,))
    ladders, options = [ladder(PERP, price, price * PERP_BPS // 10_000, PERP_FIRST)], []
    for row in chain.rows:
        if (
            row.bid is None
            or row.ask is None
            or not 86_400 < row.expiry - chain.time < 183 * 86_400
        ):
            continue
        option = Instrument(1, Kind.CALL if row.is_call else Kind.PUT, row.expiry, row.strike)
        half = (row.ask - row.bid) * row.forward // (2 * WAD)
        if 0 < half < (mark := mark_of(option, empty)):
            ladders.append(ladder(option.id, mark, half, FIRST))
            options.append(option)
    deltas = risks(options, bare, chain.time).delta
    return World(empty._replace(ladders=tuple(ladders)), tuple(options), tuple(map(float, deltas)))


def ladder(instrument: int, mark: int, half: int, first: int) -> Ladder:
    """Returns two levels on each side."""
    bids, asks = (
        tuple(
            Level(max(mark + side * half * times, 1), size * WAD)
            for times, size in ((1, first), (2, DEEP))
        )
        for side in (-1, 1)
    )
    return Ladder(MAKER, instrument, bids, asks, False, 0)


def accounts(found: World, kind: str, count: int) -> Iterator[tuple[Account, RiskGrid]]:
    """Yields accounts below maintenance: random ones, or short gamma that a perp hedges."""
    dice = random.Random(33)
    while count:
        chosen = dice.sample(range(len(found.options)), HELD - 1)
        shift = 0 if kind == "random" else 2
        sizes = [dice.randint(-20, 20) - shift for _ in chosen]
        delta = sum(q * found.deltas[i] for q, i in zip(sizes, chosen, strict=True))
        perp = dice.gauss(0, 20) if kind == "random" else -delta
        held = [(found.options[i].id, q * WAD) for q, i in zip(sizes, chosen, strict=True) if q]
        held.append((PERP, round(perp * 1000) * LOT))
        account = Account(OWNER, 0, tuple(Position(*one) for one in held if one[1]))
        grid = risk_grid(columns_of(account, found.snapshot), found.snapshot)
        bare = requirement(account, found.snapshot, PORTFOLIO, grid=grid)
        if bare.maintenance < 1_000 * ATOMS:
            continue
        equity = int(bare.maintenance * dice.uniform(0.80, 0.999))
        count -= 1
        yield account._replace(cash=equity - bare.equity), grid


def sold(frame: Frame, offers: list[Offer], share: float) -> tuple[float, bool]:
    """Returns what selling a share of everything costs, and whether that is enough."""
    left = np.abs(frame.held) * share
    cost = 0.0
    for offer in offers:
        if frame.held[offer.column] * offer.sign < 0:
            units = min(offer.most, left[offer.column])
            left[offer.column] -= units
            cost += units * offer.cost
    equity = frame.cash + float(frame.worth @ frame.held) - cost
    needed = float(frame.bounds[0].weights @ frame.values(frame.held * (1 - share)))
    return cost, equity >= needed


def pro_rata(frame: Frame, offers: list[Offer]) -> float:
    """Returns the cost of the least share that is enough."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if sold(frame, offers, middle)[1] else (middle, high)
    return sold(frame, offers, high)[0]


def slices(frame: Frame, offers: list[Offer]) -> float:
    """Returns the cost of fifths of what is left, until it is enough."""
    kept = 0.8
    while kept > 1e-3 and not sold(frame, offers, 1 - kept)[1]:
        kept *= 0.8
    return sold(frame, offers, 1 - kept)[0]


def measure(name: str, found: World, kind: str, count: int) -> tuple[list[float], Costs]:
    """Prints one line. Returns the seconds of each cure, and what pro rata and it cost."""
    plain, hasty, infeasible = [], [], 0
    fair: Costs = []
    fifths: Costs = []
    for account, grid in accounts(found, kind, count):
        columns = columns_of(account, found.snapshot)
        try:
            best = cure(account, found.snapshot, PLAIN, PORTFOLIO, grid=grid)
        except Infeasible:
            infeasible += 1
            continue
        plain.append(least_time(account, found, PLAIN, grid))
        hasty.append(least_time(account, found, Means(LOT), grid))
        frame = portfolio_frame(account, columns, grid, np.zeros(len(columns)), ROOM)
        book = book_of(account, found.snapshot, columns)
        marks = marks_of(columns, found.snapshot, grid)
        offers = offers_of(account, marks, found.snapshot.time, book, 0.0)
        cost = best.cost / ATOMS
        fair.append((pro_rata(frame, offers), cost))
        fifths.append((slices(frame, offers), cost))
    ratios = [[a / b for a, b in pairs] for pairs in (fair, fifths)]
    sums = [ratio(pairs) for pairs in (fair, fifths)]
    print(
        f"{name:<10} {kind:<12} {len(plain):>4} cured {infeasible:>3} not | ms {told(plain)}, with "
        f"speed rules {told(hasty)} | pro rata costs x{statistics.median(ratios[0]):.1f} (sums "
        f"x{sums[0]:.1f}), fifths x{statistics.median(ratios[1]):.1f} (sums x{sums[1]:.1f})",
        flush=True,
    )
    return plain, fair


def ratio(pairs: Costs) -> float:
    """Returns the sum of the first costs over that of the second."""
    return sum(a for a, _ in pairs) / sum(b for _, b in pairs)


def least_time(account: Account, found: World, means: Means, grid: RiskGrid) -> float:
    """Returns the seconds that a cure takes of its core, the least of REPEATS."""
    times = []
    for _ in range(REPEATS):
        began = time.thread_time()
        with contextlib.suppress(Infeasible):
            cure(account, found.snapshot, means, PORTFOLIO, grid=grid)
        times.append(time.thread_time() - began)
    return min(times)


def told(seconds: list[float]) -> str:
    """Returns median and p99 in milliseconds."""
    return f"{statistics.median(seconds) * 1e3:.2f}/{float(np.quantile(seconds, 0.99)) * 1e3:.2f}"


def main(count: int) -> None:
    """Prints a line for each chain and kind of account, then one of all."""
    spent: list[float] = []
    costs: list[Costs] = []
    for name, file, at in CHAINS:
        for currency in ("ETH", "BTC"):
            found = world(read_chain(OPTIONS / file, at, currency))
            gc.collect()
            gc.freeze()  # as the service does once it has loaded
            for kind in ("random", "short gamma"):
                seconds, pairs = measure(f"{currency} {name}", found, kind, count)
                spent += seconds
                costs.append(pairs)
    whole = [pair for pairs in costs for pair in pairs]
    print(
        f"all {len(spent)} cures: ms median/p99 {told(spent)} | pro rata costs "
        f"x{statistics.median(a / b for a, b in whole):.1f} (sums x{ratio(whole):.1f}, of the kind "
        f"with the least x{min(map(ratio, costs)):.1f})"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or (150,)))
