"""What many accounts are said to be at least, each of them is; and it is not said too low."""

from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import Account, Position
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.risk import Fixing
from solver.margin.health.crowd import crowd_of, least
from solver.margin.health.facts import risk_view
from solver.margin.simple import figures
from tests.app.api.server import EXPIRY, WAD, board

SNAPSHOT = risk_view(board().snapshot())
MARKET = SNAPSHOT.underlyings[0]
FIXED = SNAPSHOT._replace(
    underlyings=(MARKET._replace(fixings=(Fixing(EXPIRY, 2, 8_100 * WAD),)),),
    time_ms=(EXPIRY - 90_000) * 1000,
)
PAID = FIXED._replace(time_ms=(EXPIRY + 60) * 1000)
KEYS = tuple(
    Instrument(1, kind, expiry, strike * WAD).id
    for kind, expiry, strike in (
        (Kind.BASE, 0, 0),
        (Kind.PERP, 0, 0),
        (Kind.CALL, EXPIRY, 3_600),
        (Kind.CALL, EXPIRY, 4_500),
        (Kind.PUT, EXPIRY, 4_000),
        (Kind.PUT, EXPIRY, 6_000),
        (Kind.CALL, EXPIRY + 86_400, 4_500),
        (Kind.ASIAN_CALL, EXPIRY, 4_000),
        (Kind.ASIAN_PUT, EXPIRY, 4_400),
    )
)
SIZES = st.integers(-(10**22), 10**22)
BOOKS = st.tuples(SIZES.map(abs), *(SIZES for _ in KEYS[1:]), st.integers(-(10**14), 10**14))


def account(book):
    *sizes, cash = book
    held = tuple(Position(key, size) for key, size in zip(KEYS, sizes, strict=True) if size)
    return Account(AccountId(1, "0x" + "a1" * 20, 0), cash, held)


@given(st.lists(BOOKS, min_size=1, max_size=12), st.sampled_from((SNAPSHOT, FIXED, PAID)))
def test_no_account_has_more_equity_or_less_margin_than_is_said(books, snapshot):
    accounts = [account(book) for book in books]
    found = least(crowd_of(accounts), snapshot)
    for place, held in enumerate(accounts):
        exact = figures(held, snapshot)
        assert exact.equity <= found.equity[place]
        assert exact.initial >= found.initial[place]
        assert exact.maintenance >= found.maintenance[place]


@given(SIZES.map(abs), SIZES, st.integers(0, 10**22), st.integers(-(10**14), 10**14))
def test_of_perps_base_and_one_short_option_it_is_exact_but_for_the_last_digits(base, perp, q, c):
    held = account((base, perp, 0, -q, *(0 for _ in KEYS[4:]), c))
    found, exact = least(crowd_of([held]), SNAPSHOT), figures(held, SNAPSHOT)
    size = 1e-11 * (base + abs(perp) + q + abs(c) * 1e9) * 4_000 / 1e12 + 10
    assert abs(found.maintenance[0] - exact.maintenance) <= size
    assert abs(found.initial[0] - exact.initial) <= size


def test_nobody_is_nobody():
    assert least(crowd_of([]), SNAPSHOT).equity.size == 0
