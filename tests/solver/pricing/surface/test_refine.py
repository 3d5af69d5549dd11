"""Bending brings a surface nearer to its quotes, lawfully; recorded ones within half a spread."""

import math
import statistics

import pytest

from adapters.recorded import read_chains
from app.feeds.recorded import carries_of, quotes_of
from solver.domain.calendar import DAY, YEAR
from solver.domain.errors import Infeasible
from solver.domain.surface import Knot, Surface
from solver.pricing.surface import calendar_min, density_min, slice_at, violations
from solver.pricing.surface.calibrated import BUILT_IN
from solver.pricing.surface.fit import VolQuote, aged, fit, fit_or_keep
from tests.recorded import SHARED, needs

PATH = SHARED / "data/options/deribit_chain_snapshots.parquet"
HARD = 1770997990  # the tightest quotes of all
needs_chains = needs(PATH, "option chains")


def miss(surface: Surface, quote: VolQuote) -> float:
    variance = slice_at(surface, quote.seconds).variance(quote.log_moneyness)
    return abs(math.sqrt(variance * YEAR / quote.seconds) - quote.vol)


def bent_quotes() -> list[VolQuote]:
    """Quotes of two raw SVI tenors that no eSSVI comes near to, known to a tenth of a point."""
    early = Knot(20 * DAY, 14_000_000, 110_000_000, -350_000, 0, -3_000_000, -30_000_000)
    late = Knot(60 * DAY, 50_000_000, 210_000_000, -400_000, 0, -12_000_000, -60_000_000)
    knots = (early, late)
    assert violations(Surface(knots)) == ()
    out = []
    for knot in knots:
        found = slice_at(Surface((knot,)), knot.seconds)
        for step in range(-10, 11):
            k = 0.3 * step * math.sqrt(found.theta)
            vol = math.sqrt(found.variance(k) * YEAR / knot.seconds)
            out.append(VolQuote(knot.seconds, k, vol, 0.003))
    return out


def test_smiles_beyond_essvi_are_found():
    quotes = bent_quotes()
    surface = fit(quotes, {})
    assert any(knot.base_ppb or knot.shift_ppb for knot in surface.knots)
    assert statistics.median(miss(surface, quote) for quote in quotes) < 0.0005
    assert violations(surface) == ()
    assert min(density_min(surface), calendar_min(surface)) >= 0


def judge(at: int) -> None:
    """Fails unless both chains of a snapshot are lawful and within half their spreads."""
    for chain in read_chains(PATH, at, ("ETH", "BTC")).values():
        quotes = list(quotes_of(chain))
        surface = fit(quotes, carries_of(chain), chain.time)
        assert violations(surface) == ()
        assert min(density_min(surface), calendar_min(surface)) >= 0
        shares = [miss(surface, quote) / max(quote.half_spread, 1e-6) for quote in quotes]
        assert statistics.median(shares) <= 1, (chain.currency, at)


@needs_chains
def test_the_hardest_recorded_chain_is_met_within_half_the_spread():
    judge(HARD)


@pytest.mark.night
@needs_chains
def test_every_recorded_chain_is_met_within_half_the_spread():
    from fastparquet import ParquetFile

    stamps = ParquetFile(str(PATH)).to_pandas(["snapshot"])["snapshot"].unique()
    assert len(stamps) == 151
    for stamp in stamps:
        judge(int(stamp.timestamp()))


def test_when_no_surface_can_be_fitted_the_last_one_stays_and_is_trusted_less():
    last = BUILT_IN["ETH"]._replace(time=1_000_000)
    kept = fit_or_keep([], {}, 1_000_000 + 4 * DAY, last)
    assert kept.knots == last.knots
    assert kept.time == last.time
    assert kept.rms_ppm - last.rms_ppm == kept.worst_ppm - last.worst_ppm > 20_000
    assert aged(last, last.time) == last
    one, four = (aged(last, last.time + days * DAY).rms_ppm - last.rms_ppm for days in (1, 4))
    assert four == pytest.approx(2 * one, rel=1e-3)
    with pytest.raises(Infeasible):
        fit_or_keep([], {}, 5, Surface())
