"""A whole service on disk and in memory, with fakes of the chain and of time only."""

import contextlib
import pathlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

import httpx
from fastapi import FastAPI

from adapters.chains.deployment import Deployment
from app.board import Block, Board, Listing, Price
from app.breaker import Breaker
from app.bus import Bus
from app.clock import ManualClock
from app.config import Settings
from app.main import create_app
from app.rfq import RfqDesk
from app.services import Services
from app.store import Batch, Store
from app.verify import address_of, recover, sign
from solver.domain.event import CashMoved
from solver.domain.ids import ZERO_ADDRESS, AccountId, Address
from solver.domain.instrument import Token
from solver.domain.intent import Leg, Limits, OutcomeIntent
from solver.domain.market import ConstantProductPool
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import flat
from solver.domain.typed_data import Domain, intent_digest, permit2_digest
from solver.intents.typed_json import to_json
from tests.app.worlds import CHAIN_ID, NOW, PERMIT2

WAD = 10**18
KEY, OTHER_KEY = b"\x11" * 32, b"\x12" * 32
OWNER, STRANGER = address_of(KEY), address_of(OTHER_KEY)
ACCOUNT = AccountId(CHAIN_ID, OWNER, 0)
WETH, USDC = Token("0x" + "e1" * 20, "WETH", 18), Token("0x" + "0c" * 20, "USDC", 6)
SETTLEMENT = "0x" + "5e" * 20
DOMAIN = Domain(CHAIN_ID, SETTLEMENT)
# SignatureProbe's answer: code, accepted, the gas it took, the gas it was given.
WALLET_ACCEPTS = b"".join(number.to_bytes(32, "big") for number in (1, 1, 17_000, 150_000))
EXPIRY = NOW - NOW % 86_400 + 30 * 86_400 + 8 * 3600
ETH = Underlying(
    market=1,
    symbol="ETH",
    base=WETH,
    price=0,
    confidence=0,
    surface=flat(650_000),
    sigma_cap_ppm=1_500_000,
    funding_index=0,
    perp_initial_ppm=100_000,
    perp_maintenance_ppm=65_000,
    base_initial_ppm=750_000,
    base_maintenance_ppm=800_000,
    expiries=(EXPIRY,),
    strikes=(4000 * WAD, 4500 * WAD),
)
POOL = ConstantProductPool(
    "uniswap_v2", "0x" + "aa" * 20, USDC.address, WETH.address, 8_000_000 * 10**6, 2000 * WAD,
    3000, 90_000,
)  # fmt: skip


class FakeChain:
    """Answers eth_calls with what a test laid down."""

    def __init__(self) -> None:
        self.answer = bytes(128)  # to SignatureProbe's question: the owner has no code

    async def call(self, to: str, data: bytes, **_: object) -> bytes:
        return self.answer

    async def call_many(self, calls: Sequence[object], block: int | None = None) -> list[bytes]:
        """Every wallet holds and has approved as much as there can be."""
        return [b"\xff" * 32 for _ in calls]


class InProcess:
    """Solves on the spot."""

    async def run_on(self, snapshot: Snapshot, job: Callable[[Snapshot], Any]) -> Any:
        return job(snapshot)


class Served(NamedTuple):
    """The service, its application and a client of it."""

    services: Services
    app: FastAPI
    http: httpx.AsyncClient
    clock: ManualClock

    async def fund(self, atoms: int, account: AccountId = ACCOUNT) -> None:
        """Puts cash into an account."""
        event = CashMoved(atoms, "0x" + "11" * 32, 0)
        await self.services.store.record(Batch(((account.log, event, NOW * 1000),)))

    async def submit(self, intent: OutcomeIntent, **more: Any) -> httpx.Response:
        """Signs and posts an intent."""
        return await self.http.post("/v1/intents", json=submission(intent, **more))


def deployment() -> Deployment:
    """Every contract at an address of its own, by whatever names the deployment has."""
    addresses = {
        name: f"0x{place + 1:02x}" + "c0" * 19
        for place, (name, kind) in enumerate(Deployment.__annotations__.items())
        if kind is Address
    }
    known = {"settlement": SETTLEMENT, "permit2": PERMIT2}
    known |= {"weth": WETH.address, "usdc": USDC.address}
    rest: dict[str, Any] = {"chain_id": CHAIN_ID, "tokens": (WETH, USDC), "start_block": 1}
    return Deployment(**(addresses | known | rest | {"pools": (), "markets": ()}))


def board(priced: bool = True) -> Board:
    made = Board(Listing(CHAIN_ID, USDC, (WETH, USDC), (ETH,), WETH.address))
    if priced:
        made.set_block(Block(7, NOW, 10**9))
        made.set_prices([Price(1, 4000 * WAD, WAD, "OK")])
        made.set_pools([POOL])
    return made


@contextlib.asynccontextmanager
async def serving(
    folder: pathlib.Path, *, priced: bool = True, **settings: Any
) -> AsyncIterator[Served]:
    """Yields a running service."""
    url = f"sqlite:///{folder / 'solvent.db'}"
    chosen = Settings(database_url=url, chain_id=CHAIN_ID, **settings)
    clock, bus, present = ManualClock(NOW), Bus(), board(priced)
    store = await Store.open(chosen, bus, clock)
    services = Services(
        settings=chosen,
        clock=clock,
        chain=FakeChain(),  # type: ignore[arg-type]
        deployment=deployment(),
        store=store,
        bus=bus,
        board=present,
        rfq=RfqDesk(present, DOMAIN, recover),
        breaker=Breaker(),
        solver_address="0x" + "50" * 20,
        pool=InProcess(),  # type: ignore[arg-type]
    )
    app = create_app(services)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Served(services, app, http, clock)
    finally:
        await store.close()


def swap(nonce: int = 1, **changes: Any) -> OutcomeIntent:
    """Sells 100 USDC of the account's collateral for at least 0.02 WETH."""
    base = OutcomeIntent(
        owner=OWNER,
        subaccount=0,
        receiver=ZERO_ADDRESS,
        outcome="swap",
        legs=(
            Leg("token", USDC.address, "sell", quantity_min=10**8, quantity_max=10**8),
            Leg("token", WETH.address, "buy", quantity_min=WAD // 50, quantity_max=2**256 - 1),
        ),
        limits=Limits(USDC.address, max_fee=10**6),
        is_partially_fillable=False,
        valid_from=0,
        valid_to=NOW + 600,
        nonce=nonce,
        app_data=bytes(32),
    )
    return base._replace(**changes)


def submission(
    intent: OutcomeIntent, key: bytes = KEY, scheme: str = "eip712", **more: Any
) -> dict[str, Any]:
    """Returns the signed body of POST /v1/intents."""
    digest = intent_digest(intent, DOMAIN)
    if scheme == "permit2":
        digest = permit2_digest(intent, DOMAIN, PERMIT2)
    body = {"intent": to_json(intent), "scheme": scheme}
    return body | {"signature": "0x" + sign(digest, key).hex()} | more
