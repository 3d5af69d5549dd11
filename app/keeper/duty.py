"""What is due once an expiry or a fixing has passed: a pure answer to what one block says.

Nothing is remembered. Whoever acts on it twice, late or beside somebody else does no harm, because
the next block says what is left.
"""

from collections.abc import Container, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from solver.domain.account import Account, Position
from solver.domain.calendar import DAY, rfc3339
from solver.domain.errors import Refused
from solver.domain.instrument import ASIAN_KINDS, FIXINGS, Instrument, fixing_times
from solver.domain.snapshot import Snapshot

WINDOW_SECONDS = 1_800  # that an expiry price is the mean of
FALLBACK_SECONDS = DAY  # after which k of n may propose a price
SPAN = (FIXINGS - 1) * DAY  # from the first fixing to the expiry
EXPIRY_MASK = 2**40 - 1  # of an id's middle: every account is looked at in every block


class Series(NamedTuple):
    """All European options of one market and expiry (unix seconds), or all Asian ones: they share
    one price."""

    market: int
    expiry: int
    is_asian: bool = False


class Seen(NamedTuple):
    """One block's word. `held`: the series past expiry, or past a fixing that is not recorded, of
    which an account still has options; `prices`: 1e18, of the series that are fixed; `newest`: when
    a market's feed last spoke; `recorded`: how many fixings each Asian series has."""

    time: int
    held: Mapping[bytes, frozenset[Series]]
    prices: Mapping[Series, int]
    newest: Mapping[int, int]
    recorded: Mapping[Series, int] = MappingProxyType({})


class Duties(NamedTuple):
    """What to do now, in order, and what cannot be done yet: `waiting` for a closing round."""

    fix: tuple[Series, ...] = ()
    settle: tuple[bytes, ...] = ()
    waiting: tuple[Series, ...] = ()


def duties(seen: Seen, urgent: Container[bytes] = ()) -> Duties:
    """Returns the series to fix, oldest first, and the accounts to settle, `urgent` ones first.

    A series is fixed only once its feed has a round at or after the expiry: an earlier call would
    pay for a part of the sum and bring nothing nearer. A fixing needs a round after its time.
    """
    unfixed = {s for held in seen.held.values() for s in held if s not in seen.prices}
    newest = {s: seen.newest.get(s.market, 0) - s.is_asian for s in unfixed}
    closed = {s for s in unfixed if newest[s] >= due_at(s, seen.recorded)}
    payable = [account for account, held in seen.held.items() if held & seen.prices.keys()]
    return Duties(
        fix=_oldest_first(closed),
        settle=tuple(sorted(payable, key=lambda account: (account not in urgent, account))),
        waiting=_oldest_first(unfixed - closed),
    )


def due_at(series: Series, recorded: Mapping[Series, int]) -> int:
    """Returns the time whose price is wanted, unix seconds: the expiry, or the first fixing that
    is not recorded (the last one where all are)."""
    if not series.is_asian:
        return series.expiry
    return fixing_times(series.expiry)[min(recorded.get(series, 0), FIXINGS - 1)]


def needs_fallback(due: int, time: int) -> bool:
    """True when the price of a time that is still not fixed may be stated by k of n."""
    return time >= due + FALLBACK_SECONDS


def series_of(instrument: int) -> Series | None:
    """Returns the series of a packed id; None for what is no option."""
    option = Instrument.unpack(instrument)
    if not option.is_option:
        return None
    return Series(option.market, option.expiry, option.kind in ASIAN_KINDS)


def begun_series(positions: Iterable[Position], time: int) -> frozenset[Series]:
    """Returns the series of the options among `positions` whose expiry is not later than `time`, of
    Asian ones their first fixing."""
    near = (p.instrument for p in positions if 0 < p.instrument >> 96 & EXPIRY_MASK <= time + SPAN)
    return frozenset(
        series for series in map(series_of, near) if series is not None and has_begun(series, time)
    )


def has_begun(series: Series, time: int) -> bool:
    """True when something of the series is due at `time`, or was."""
    return time >= (fixing_times(series.expiry)[0] if series.is_asian else series.expiry)


def attestable(account: Account, snapshot: Snapshot) -> Account:
    """Returns the account as risk signers may speak of it.

    Raises Refused while it holds options of a fixed expiry: anyone may pay them out in the next
    block, and the positions that were attested would be no more.
    """
    payable = {Series(u.market, at) for u in snapshot.underlyings for at, _ in u.expiry_prices}
    payable |= {
        Series(u.market, each.expiry, True)
        for u in snapshot.underlyings
        for each in u.fixings
        if each.fixed == FIXINGS
    }
    for series in sorted(begun_series(account.positions, snapshot.time)):
        if series in payable:
            expiry = rfc3339(series.expiry)
            raise Refused(
                f"options that expired at {expiry} are being paid out; it goes on after that",
                code="expiryUnsettled",
                data={"market": str(series.market), "expiry": expiry},
            )
    return account


def _oldest_first(series: Iterable[Series]) -> tuple[Series, ...]:
    return tuple(sorted(series, key=lambda one: (one.expiry, one.market)))
