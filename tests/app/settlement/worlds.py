"""One intent, an engine, a ledger follower and a fake chain; killed and started again at will."""

import pathlib
from typing import NamedTuple

from adapters.chains import events as chain_events
from app.bus import Bus
from app.clock import ManualClock
from app.config import Settings
from app.settlement import crash
from app.settlement.engine import Engine, SettlementJob, engine_for
from app.settlement.reconcile import Reconciler
from app.store import Store, StoredIntent
from solver.domain.event import Envelope, ReservationPlaced
from solver.domain.ids import IntentUid
from tests.app.settlement.fake_chain import DEPLOYMENT, HOUSE, SETTLEMENT, FakeChain
from tests.app.worlds import ALICE, CHAIN_ID, NOW, admitted, stored

KEY = "0x" + "51" * 32
AMOUNT = 10**6
CALLDATA = b"settle alice's deposit"
DEPTH = 2


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


class Seen(NamedTuple):
    """What is durable at the end."""

    state: str
    cash: int
    reserved: int
    types: tuple[str, ...]


def kill_at(point: str, times: int = 1) -> None:
    def kill() -> None:
        raise Killed(point)

    crash.arm(crash.Trap(point, times, kill))


class World:
    """`tick` is what the service does between two looks at the chain, auctioneer included."""

    def __init__(self, folder: pathlib.Path, deadline: int = NOW + 3600) -> None:
        self.folder, self.deadline = folder, deadline
        self.chain = FakeChain()
        self.row: StoredIntent = stored()
        self.uid = self.row.uid
        digest, owner = IntentUid.parse(self.uid).digest, ALICE.owner
        settled = chain_events.Settled(digest, owner, "0x" + "99" * 20, 10**18, 0, 0)
        moved = chain_events.CashMoved(ALICE.key, AMOUNT)
        self.chain.scripts[CALLDATA] = [(SETTLEMENT, settled), (HOUSE, moved)]

    async def start(self) -> None:
        """Starts (again) from what is on disk."""
        url = f"sqlite:///{self.folder / 'solvent.db'}"
        clock = ManualClock(NOW)
        settings = Settings(database_url=url, chain_id=CHAIN_ID)
        self.store = await Store.open(settings, Bus(), clock)
        self.engine: Engine = engine_for(
            self.chain, self.store, clock, DEPLOYMENT, key=KEY, confirmations=DEPTH
        )
        self.ledger = Reconciler(self.chain, self.store, DEPLOYMENT, DEPTH)
        await self.engine.resume()

    async def stop(self) -> None:
        await self.store.close()

    async def begin(self) -> None:
        """Starts with one admitted intent whose caps are reserved."""
        await self.start()
        held = ReservationPlaced(self.uid, AMOUNT, 0, 0)
        batch = admitted(self.row)
        await self.store.record(batch._replace(events=(*batch.events, (ALICE.log, held, 0))))

    def job(self) -> SettlementJob:
        return SettlementJob("a1", (self.uid,), (ALICE,), CALLDATA, self.deadline)

    def state(self) -> str:
        row = self.store.intent(self.uid)
        assert row is not None
        return row.state

    async def tick(self) -> None:
        if self.state() == "open" and ALICE not in self.engine.accounts_in_flight():
            await self.engine.settle(self.job())
        await self.engine.poll()
        while await self.ledger.step():
            pass

    async def events(self) -> list[Envelope]:
        return await self.store.events(ALICE.log, 0, 1000)

    async def seen(self) -> Seen:
        account = self.store.account(ALICE)
        types = tuple(envelope.type for envelope in await self.events())
        return Seen(self.state(), account.cash, len(account.reservations), types)
