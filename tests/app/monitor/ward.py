"""A service with accounts that hold perps, a price that moves on, and somebody who listens."""

import contextlib
import pathlib
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from app.board import Block, Price
from app.monitor import Judged, Monitor
from app.store import Batch
from solver.domain.event import CashMoved, Event, LegFilled
from solver.domain.ids import AccountId, Address
from solver.domain.instrument import Instrument, Kind
from solver.domain.snapshot import Snapshot
from tests.app.api.server import ACCOUNT, WAD, Served, serving
from tests.app.worlds import CHAIN_ID, NOW

PERP = Instrument(1, Kind.PERP).id
USD = 10**6
MAKER = AccountId(CHAIN_ID, "0x" + "3a" * 20, 0)


class Listener:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[Judged] = []
        self.sold_out: set[AccountId] = set()

    def is_sold_out(self, account: AccountId) -> bool:
        return account in self.sold_out

    def told(self, judged: Sequence[Judged], snapshot: Snapshot) -> None:
        self.heard.extend(judged)


class Ward(NamedTuple):
    """`broken` are accounts whose ledger is said not to be the chain's."""

    served: Served
    monitor: Monitor
    listener: Listener
    broken: dict[AccountId, str]

    async def hold(self, quantity: int, cash: int, account: AccountId = ACCOUNT) -> None:
        """An account trades the perp at 4,000 with the maker and has that much cash besides."""
        paid = 4_000 * USD * quantity
        await self.record(
            (account, CashMoved(cash * USD - paid, "", 0)),
            (account, LegFilled(None, PERP, quantity * WAD, 4_000 * WAD, 0, "", "", 0)),
            (MAKER, CashMoved(10**15 + paid, "", 0)),
            (MAKER, LegFilled(None, PERP, -quantity * WAD, 4_000 * WAD, 0, "", "", 0)),
        )

    async def record(self, *events: tuple[AccountId, Event]) -> None:
        rows = tuple((account.log, event, NOW * 1000) for account, event in events)
        await self.served.services.store.record(Batch(rows))

    def price(self, dollars: int, seconds: int = 1, state: str = "OK", spread: int = 1) -> None:
        """The next block comes with a price."""
        board = self.served.services.board
        block = board.market_state()
        at = block.time + seconds
        board.set_block(Block(block.block_number + 1, at, 10**9))
        board.set_prices([Price(1, dollars * WAD, spread * WAD, state)])

    async def at(self, dollars: int, **changes: int | str) -> str:
        """Judges the next block at a price; returns the account's state."""
        self.price(dollars, **changes)  # type: ignore[arg-type]
        await self.monitor.step()
        return self.state()

    def state(self, account: AccountId = ACCOUNT) -> str:
        return self.served.services.store.account(account).health.state

    async def history(self, account: AccountId = ACCOUNT) -> list[dict[str, str]]:
        """Returns the bodies of the account's judgements."""
        events = await self.served.services.store.events(account.log, 0, 1000)
        return [e.body for e in events if e.type == "HealthChanged"]


def monitor_of(served: Served, listener: Listener, broken: dict[AccountId, str]) -> Monitor:
    services = served.services
    return Monitor(services.store, services.board, services.breaker, broken, [listener])


@contextlib.asynccontextmanager
async def warding(folder: pathlib.Path) -> AsyncIterator[Ward]:
    async with serving(folder) as served:
        listener, broken = Listener(), dict[AccountId, str]()
        yield Ward(served, monitor_of(served, listener, broken), listener, broken)


def account(place: int) -> AccountId:
    """Returns one of many accounts."""
    owner: Address = f"0x{place + 1:040x}"
    return AccountId(CHAIN_ID, owner, 0)
