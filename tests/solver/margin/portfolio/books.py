"""Accounts for the tests of PORTFOLIO: two markets, four expiries, an Asian, perps and base."""

from itertools import product

from hypothesis import strategies as st

from solver.domain.account import Account
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.risk import MarketRisk
from solver.domain.snapshot import Snapshot
from solver.domain.surface import Knot, Surface
from tests.solver.pricing.world import EXPIRY, NEXT_EXPIRY, TIME, account, bitcoin, ether, snapshot

SOON, LATE = TIME + 3 * 86_400, TIME + 200 * 86_400
BENT = Surface((Knot(30 * 86_400, 35_000_000, 150_000_000, -300_000, 4_000_000),))
WIDE = MarketRisk(spot_initial=220_000, spot_maintenance=180_000, depth=500 * WAD)
RIGHTS = (Kind.CALL, Kind.PUT)

OPTIONS = tuple(
    Instrument(1, kind, expiry, strike * WAD)
    for kind, expiry, strike in product(RIGHTS, (SOON, EXPIRY, LATE), (3200, 4000, 4400))
)
OTHERS = tuple(
    Instrument(2, kind, EXPIRY, strike * WAD) for kind, strike in product(RIGHTS, (90_000, 110_000))
)
LINEAR = tuple(Instrument(m, kind) for m, kind in product((1, 2), (Kind.PERP, Kind.BASE)))
ALL = (*LINEAR, *OPTIONS, *OTHERS)


def world() -> Snapshot:
    """ETH with a smile, carry and a wider initial range; BTC flat and as it comes."""
    return snapshot(
        ether(
            surface=BENT, risk=WIDE, funding_index=25 * WAD, expiries=(SOON, EXPIRY, NEXT_EXPIRY)
        ),
        bitcoin(),
    )


def book(pairs: list[tuple[Instrument, int]], cash: int = 0) -> Account:
    """Quantities are thousandths; base is only ever held long, in atoms of about a thousandth."""
    held = []
    for instrument, thousandths in pairs:
        if instrument.kind is Kind.BASE:
            atoms = 10**15 if instrument.market == 1 else 10**5
            thousandths, unit = abs(thousandths), atoms
        else:
            unit = 10**15
        if thousandths:
            held.append((instrument, thousandths * unit))
    return account(*held, cash=cash)


quantities = st.integers(-50_000, 50_000)
pairs_of = st.lists(
    st.tuples(st.sampled_from(ALL), quantities), unique_by=lambda pair: pair[0], max_size=12
)
