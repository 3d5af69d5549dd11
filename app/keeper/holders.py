"""Who may hold options past expiry or a fixing: inside the service the ledger says, outside it the
chain alone.

Either may name too many accounts, which costs a read, and neither leaves one out for long: trades
in a series end with its expiry.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Protocol

from adapters.chains.deployment import Deployment
from adapters.chains.events import Traded, decode_log, topics
from adapters.chains.evm import Head, Log
from app.keeper.duty import Series, begun_series, has_begun, series_of
from solver.domain.account import Account
from solver.domain.ids import Address

SPAN_MAX = 2_000  # blocks in one look at the logs
LOOKS_MAX = 50  # spans in one step: a long history is read over several


class Holders(Protocol):
    """Names accounts (the contracts' bytes32) that may hold options past expiry at a head."""

    async def at(self, head: Head) -> frozenset[bytes]: ...

    def learn(self, named: Iterable[bytes], held: Container[bytes], head: Head) -> None:
        """Takes the chain's word on who of those that were named does hold some."""
        ...


class LoggingChain(Protocol):
    """What finding traders needs of a chain. Raises Unavailable."""

    async def logs(
        self,
        addresses: Sequence[Address],
        from_block: int,
        to_block: int | None = None,
        topics: Sequence[str | Sequence[str] | None] | None = None,
    ) -> tuple[Log, ...]: ...


class LedgerHolders:
    """The accounts of the service's own fold."""

    def __init__(self, accounts: Callable[[], Iterable[Account]]) -> None:
        self._accounts = accounts

    async def at(self, head: Head) -> frozenset[bytes]:
        return frozenset(
            account.id.key
            for account in self._accounts()
            if begun_series(account.positions, head.timestamp)
        )

    def learn(self, named: Iterable[bytes], held: Container[bytes], head: Head) -> None:
        """Learns nothing: the fold follows the chain's events."""


class TradedHolders:
    """Everybody a Traded log names, since the contracts were deployed.

    Read K blocks behind the head, so that no reorganisation hides a trade.
    """

    def __init__(self, chain: LoggingChain, deployment: Deployment, confirmations: int) -> None:
        self._chain, self._house = chain, deployment.clearinghouse
        self._next, self._depth = deployment.start_block, confirmations
        self._traders: dict[Series, set[bytes]] = {}
        self._empty: dict[bytes, int] = {}  # account -> block since which it holds nothing expired

    async def at(self, head: Head) -> frozenset[bytes]:
        await self._read(head.number - self._depth + 1)
        traders = self._traders.items()
        due = (who for series, who in traders if has_begun(series, head.timestamp))
        return frozenset().union(*due)

    def learn(self, named: Iterable[bytes], held: Container[bytes], head: Head) -> None:
        """Leaves out who held nothing for K blocks: no reorganisation gives it back then."""
        self._empty = {who: self._empty.get(who, head.number) for who in named if who not in held}
        gone = {who for who, since in self._empty.items() if head.number - since >= self._depth}
        for series, who in list(self._traders.items()):
            if series.expiry <= head.timestamp:
                who -= gone
                if not who:
                    del self._traders[series]

    async def _read(self, final: int) -> None:
        for _ in range(LOOKS_MAX):
            if self._next > final:
                return
            last = min(final, self._next + SPAN_MAX - 1)
            wanted = [topics("Traded")]
            for log in await self._chain.logs([self._house], self._next, last, wanted):
                self._take(log)
            self._next = last + 1

    def _take(self, log: Log) -> None:
        event = decode_log(log)
        if not isinstance(event, Traded):
            return
        series = series_of(event.instrument)
        if series is not None:
            self._traders.setdefault(series, set()).update({event.a, event.b})
