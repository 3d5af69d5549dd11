"""When risk itself pulls the kill switch: what a snapshot of all accounts shows, and how long.

A trigger holds the breaker while what it found lasts. Scopes and latches are not its business.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.breaker import Breaker, State
from solver.domain.account import Account
from solver.domain.health import BANKRUPT, ENDING
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.margin.health import HALT, Facts

SILENT_SNAPSHOTS, SILENT_MS = 3, 10_000  # a feed may miss a beat
MASS_MS = 60_000
MASS_LEAST, MASS_PERCENT = 10, 5  # accounts within a minute, and of all that hold anything


class Seen(NamedTuple):
    """One account as one snapshot shows it."""

    account: Account
    facts: Facts


class Triggers:
    """Looks at every snapshot once. Remembers what needs time to be believed."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker
        self._silent: list[int] = []  # the times of silent snapshots in a row, unix ms
        self._begun: dict[str, int] = {}  # log -> when the account came to its end, unix ms
        self._sums: dict[int, int] = {}  # instrument -> sum over all accounts
        self._counted: dict[AccountId, Account] = {}

    def look(self, seen: Sequence[Seen], total: int, fund: int | None, time_ms: int) -> None:
        """Judges one snapshot. `seen` are all accounts that may not be well, of a `total` that hold
        anything; `fund` is the insurance fund in settlement atoms, None where there is none."""
        self._oracle(seen, time_ms)
        self._mass(seen, total, time_ms)
        short = sum(
            max(each.facts.maintenance - each.facts.equity, 0)
            for each in seen
            if each.account.health.state == BANKRUPT
        )
        is_short = fund is not None and short > fund
        self._set("fundShort", is_short, "the fund is less than what bankrupt accounts lack")

    def count(self, accounts: Iterable[Account]) -> None:
        """Counts what changed of these accounts; page by page, of one list of all of them."""
        for account in accounts:
            known = self._counted.get(account.id)
            if known is not account:
                self._add(known, -1)
                self._add(account, 1)
                self._counted[account.id] = account

    def ledger(self, accounts: Iterable[Account], broken: int, time: int) -> None:
        """Judges the books: quantities of every living perp and option sum to zero, and no account
        differs from the chain. `accounts` are those not yet counted, all at one instant; `time`
        unix seconds."""
        self.count(accounts)
        odd = [key for key, total in self._sums.items() if total and _is_living(key, time)]
        detail = f"{len(odd)} instruments do not sum to zero" if odd else f"{broken} accounts"
        self._set("ledgerDiffers", bool(odd or broken), f"the ledger is not the chain's: {detail}")

    def _add(self, account: Account | None, sign: int) -> None:
        for position in account.positions if account is not None else ():
            total = self._sums.get(position.instrument, 0) + sign * position.quantity
            self._sums[position.instrument] = total
            if not total:
                del self._sums[position.instrument]

    def _oracle(self, seen: Sequence[Seen], time_ms: int) -> None:
        if not any(each.facts.oracle == HALT for each in seen):
            self._silent.clear()
        elif time_ms not in self._silent[-1:]:
            self._silent = [*self._silent[:SILENT_SNAPSHOTS], time_ms]  # the first, and the newest
        is_lasting = (
            len(self._silent) >= SILENT_SNAPSHOTS
            and self._silent[-1] - self._silent[0] >= SILENT_MS
        )
        self._set("oracleHalt", is_lasting, "a market that accounts hold has no price")

    def _mass(self, seen: Sequence[Seen], total: int, time_ms: int) -> None:
        for account, _ in seen:
            if account.health.state in ENDING:
                self._begun.setdefault(account.id.log, account.health.since_ms)
        since = time_ms - MASS_MS
        self._begun = {log: begun for log, begun in self._begun.items() if begun > since}
        most = max(MASS_LEAST, total * MASS_PERCENT // 100)
        detail = f"{len(self._begun)} accounts came to be liquidated within a minute"
        self._set("massLiquidation", len(self._begun) >= most, detail)

    def _set(self, trigger: str, is_found: bool, reason: str) -> None:
        if is_found:
            self._breaker.hold(trigger, State.REDUCING, reason)
        else:
            self._breaker.release(trigger)


def _is_living(key: int, time: int) -> bool:
    instrument = Instrument.unpack(key)
    if instrument.kind is Kind.BASE:
        return False
    return instrument.kind is Kind.PERP or instrument.expiry > time
