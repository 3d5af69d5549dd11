"""How fast an account is cured: at least what the program says, and more the longer it fails.

A perp of more than 100,000 that has to become smaller does so by a fifth at least, and after half a
minute it goes; an account with less than two thirds of its requirement closes everything. What is
left must also survive the next minute: E >= MMR + 4 sigma_1min |delta| S.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from solver.domain.instrument import ASIAN_KINDS, Instrument, Kind
from solver.domain.numbers import PPM, WAD
from solver.domain.snapshot import Snapshot
from solver.margin.cure.convex import Floats
from solver.margin.cure.program import Offer
from solver.margin.requirement import Requirement
from solver.pricing.marks import option_greeks, underlying_of
from solver.pricing.scenarios import risks

LARGE = 100_000  # settlement units of notional
FIRST_PERCENT = 20
PATIENCE_SECONDS = 30
DEVIATIONS = 4
MINUTES_A_DAY = 1_440


def is_hopeless(found: Requirement) -> bool:
    """True below two thirds of the maintenance requirement: everything is closed at once."""
    return 3 * found.equity < 2 * found.maintenance


def floors(
    offers: Sequence[Offer], units: Floats, held: Floats, perps: Sequence[bool], elapsed: int
) -> tuple[Offer, ...]:
    """Returns the offers with the least of each that has to be taken, after `elapsed` seconds of
    liquidation. `units` is the program's answer without floors, `perps` says what columns are."""
    taken = np.zeros(len(held))
    for offer, unit in zip(offers, units, strict=True):
        taken[offer.column] += offer.sign * unit
    share = 1.0 if elapsed >= PATIENCE_SECONDS else FIRST_PERCENT / 100
    left = {
        column: abs(held[column]) * share
        for column, is_perp in enumerate(perps)
        if is_perp and held[column] * taken[column] < 0
    }
    out = []
    for offer in offers:
        least = 0.0
        size = abs(held[offer.column]) * offer.price
        if offer.column in left and held[offer.column] * offer.sign < 0 and size > LARGE:
            least = min(offer.most, left[offer.column])
            left[offer.column] -= least
        out.append(offer._replace(least=least))
    return tuple(out)


def drift(columns: Sequence[int], snapshot: Snapshot) -> Floats:
    """Returns 4 sigma_1min delta S of one unit of each packed id, settlement units, signed."""
    instruments = [Instrument.unpack(column) for column in columns]
    out = np.zeros(len(columns))
    for market in {i.market for i in instruments}:
        where = [
            n for n, i in enumerate(instruments) if i.market == market and _is_alive(i, snapshot)
        ]
        if not where:
            continue
        underlying = underlying_of(instruments[where[0]], snapshot)
        minute = underlying.risk.daily / PPM / sqrt(MINUTES_A_DAY)
        step = DEVIATIONS * minute * underlying.price / WAD
        plain = [n for n in where if instruments[n].kind not in ASIAN_KINDS]
        out[plain] = risks([instruments[n] for n in plain], underlying, snapshot.time).delta * step
        for n in where:
            if n not in plain:
                out[n] = option_greeks(instruments[n], underlying, snapshot.time).delta * step
    return out


def _is_alive(instrument: Instrument, snapshot: Snapshot) -> bool:
    is_linear = instrument.kind in (Kind.PERP, Kind.BASE)
    return is_linear or instrument.expiry > snapshot.time
