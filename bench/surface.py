"""Claim: a surface without arbitrage goes through every recorded chain within half its spreads.

Every recorded snapshot of Deribit's ETH and BTC options is fitted. A quote's miss is how far the
surface is from its middle volatility, in half-spreads between bid and ask: a chain passes when the
median miss is at most 1. Arbitrage is looked for on a grid of every tenor, of tenors between them
and beyond, over 321 strikes from a twentieth to twenty times the forward. No peer fits this model.

    python bench/surface.py [every how many snapshots]
"""

import math
import pathlib
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from adapters.recorded import OptionChain, read_chains
from app.feeds.recorded import carries_of, quotes_of
from solver.domain.calendar import YEAR
from solver.domain.surface import Surface
from solver.pricing.surface import calendar_min, density_min, slice_at, violations
from solver.pricing.surface.fit import VolQuote, fit
from tests.recorded import SHARED

PATH = SHARED / "data/options/deribit_chain_snapshots.parquet"
CURRENCIES = ("ETH", "BTC")


class Fitted(NamedTuple):
    """One chain: the median miss in half-spreads, the share of quotes within one, the median miss
    in volatility, the least density and the least calendar rise, seconds of the fit."""

    at: int
    median: float
    within: float
    points: float
    density: float
    rise: float
    is_lawful: bool
    seconds: float
    quotes: int


def snapshots() -> list[int]:
    """Returns the times in the file, unix seconds."""
    from fastparquet import ParquetFile

    stamps = ParquetFile(str(PATH)).to_pandas(["snapshot"])["snapshot"].unique()
    return sorted(int(stamp.timestamp()) for stamp in stamps)


def miss(surface: Surface, quote: VolQuote) -> float:
    """Returns how far the surface is from a quote, in volatility."""
    variance = slice_at(surface, quote.seconds).variance(quote.log_moneyness)
    return abs(math.sqrt(variance * YEAR / quote.seconds) - quote.vol)


def fitted(chain: OptionChain) -> Fitted:
    """Returns how well one chain is fitted."""
    quotes, carries = list(quotes_of(chain)), carries_of(chain)
    start = time.perf_counter()
    surface = fit(quotes, carries, chain.time)
    took = time.perf_counter() - start
    misses = [miss(surface, quote) for quote in quotes]
    shares = [off / max(q.half_spread, 1e-6) for off, q in zip(misses, quotes, strict=True)]
    return Fitted(
        chain.time,
        statistics.median(shares),
        sum(share <= 1 for share in shares) / len(shares),
        statistics.median(misses),
        density_min(surface),
        calendar_min(surface),
        not violations(surface),
        took,
        len(quotes),
    )


def rows(currency: str, found: list[Fitted]) -> Iterator[str]:
    """Yields what is told of one currency."""
    worst = max(found, key=lambda row: row.median)
    when = datetime.fromtimestamp(worst.at, UTC).strftime("%Y-%m-%d %H:%MZ")
    times = sorted(row.seconds for row in found)
    good = sum(row.median <= 1 for row in found)
    lawful = sum(row.is_lawful and row.density >= 0 and row.rise >= 0 for row in found)
    yield f"{currency}: {len(found)} chains, {sum(row.quotes for row in found):,} quotes"
    yield (
        f"  median miss in half-spreads: {statistics.median(r.median for r in found):.2f} typical, "
        f"{worst.median:.2f} worst ({when}); {good} of {len(found)} chains within 1"
    )
    yield (
        f"  quotes within their own spread: {statistics.mean(r.within for r in found):.1%}; median "
        f"miss {statistics.median(r.points for r in found) * 100:.2f} volatility points"
    )
    yield (
        f"  without arbitrage: {lawful} of {len(found)}; least density "
        f"{min(r.density for r in found):.4f}, least calendar rise {min(r.rise for r in found):.1e}"
    )
    slow = times[int(0.99 * (len(times) - 1))]
    yield f"  a fit takes {statistics.median(times) * 1e3:.0f} ms, p99 {slow * 1e3:.0f} ms"


def main(step: int) -> None:
    """Fits and tells."""
    if not PATH.is_file():
        print(f"no recorded chains: {PATH.name} is missing, SOLVENT_SHARED names its folder")
        return
    found: dict[str, list[Fitted]] = {currency: [] for currency in CURRENCIES}
    for at in snapshots()[::step]:
        for currency, chain in read_chains(PATH, at, CURRENCIES).items():
            found[currency].append(fitted(chain))
    for currency in CURRENCIES:
        print(*rows(currency, found[currency]), sep="\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
