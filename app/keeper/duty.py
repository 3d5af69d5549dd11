"""What is due once an expiry has passed: a pure answer to what one block of the chain says.

Nothing is remembered. Whoever acts on it twice, late or beside somebody else does no harm, because
the next block says what is left.
"""

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from solver.domain.account import Account, Position
from solver.domain.calendar import DAY, rfc3339
from solver.domain.errors import Refused
from solver.domain.instrument import Instrument, Kind
from solver.domain.snapshot import Snapshot

WINDOW_SECONDS = 1_800  # that an expiry price is the mean of
FALLBACK_SECONDS = DAY  # after which k of n may propose a price
EUROPEAN = (Kind.CALL, Kind.PUT)
EXPIRY_MASK = 2**40 - 1  # of an id's middle: every account is looked at in every block


class Series(NamedTuple):
    """All options of one market and expiry (unix seconds): they share one price."""

    market: int
    expiry: int


class Seen(NamedTuple):
    """One block's word. `held`: the series past expiry of which an account still has options;
    `prices`: 1e18, of the series that are fixed; `newest`: when a market's feed last spoke."""

    time: int
    held: Mapping[bytes, frozenset[Series]]
    prices: Mapping[Series, int]
    newest: Mapping[int, int]


class Duties(NamedTuple):
    """What to do now, in order, and what cannot be done yet: `waiting` for a closing round."""

    fix: tuple[Series, ...] = ()
    settle: tuple[bytes, ...] = ()
    waiting: tuple[Series, ...] = ()


def duties(seen: Seen, urgent: Container[bytes] = ()) -> Duties:
    """Returns the series to fix, oldest first, and the accounts to settle, `urgent` ones first.

    A series is fixed only once its feed has a round at or after the expiry: an earlier call would
    pay for a part of the sum and bring nothing nearer.
    """
    unfixed = {s for held in seen.held.values() for s in held if s not in seen.prices}
    closed = {s for s in unfixed if seen.newest.get(s.market, 0) >= s.expiry}
    payable = [account for account, held in seen.held.items() if held & seen.prices.keys()]
    return Duties(
        fix=_oldest_first(closed),
        settle=tuple(sorted(payable, key=lambda account: (account not in urgent, account))),
        waiting=_oldest_first(unfixed - closed),
    )


def needs_fallback(series: Series, time: int) -> bool:
    """True when a series that is still not fixed may be given a price by k of n."""
    return time >= series.expiry + FALLBACK_SECONDS


def expired_series(positions: Iterable[Position], time: int) -> frozenset[Series]:
    """Returns the series of the options among `positions` whose expiry is not later than `time`."""
    past = (p.instrument for p in positions if 0 < p.instrument >> 96 & EXPIRY_MASK <= time)
    return frozenset(
        Series(option.market, option.expiry)
        for option in map(Instrument.unpack, past)
        if option.kind in EUROPEAN
    )


def attestable(account: Account, snapshot: Snapshot) -> Account:
    """Returns the account as risk signers may speak of it.

    Raises Refused while it holds options of a fixed expiry: anyone may pay them out in the next
    block, and the positions that were attested would be no more.
    """
    prices = {u.market: dict(u.expiry_prices) for u in snapshot.underlyings}
    for series in sorted(expired_series(account.positions, snapshot.time)):
        if series.expiry in prices.get(series.market, {}):
            expiry = rfc3339(series.expiry)
            raise Refused(
                f"options that expired at {expiry} are being paid out; it goes on after that",
                code="expiryUnsettled",
                data={"market": str(series.market), "expiry": expiry},
            )
    return account


def _oldest_first(series: Iterable[Series]) -> tuple[Series, ...]:
    return tuple(sorted(series, key=lambda one: (one.expiry, one.market)))
