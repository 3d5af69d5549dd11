"""One API process put together: concrete parts chosen, the past recovered, the loops started.

Order matters: the board knows the present before anything plans, the ledger equals the chain before
anything trades, and what an earlier life left unfinished is taken up before new work.
"""

import asyncio
import contextlib
import functools
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn

from adapters.chains.deployment import Deployment, load
from adapters.chains.devnet.keys import RISK_ROLES
from adapters.chains.evm import EvmChain
from app import observe
from app.auctioneer import Auctioneer
from app.board import Board
from app.breaker import Breaker
from app.bus import Bus
from app.clock import ChainClock
from app.config import Settings
from app.feeds import Feeds, load_listing
from app.keeper import Keeper, attestable, inside
from app.keystore import keys_of
from app.liquidator import Deleverager, Liquidator, deleveraging, reports_of
from app.liquidator import inside as liquidating
from app.main import create_app
from app.monitor import Monitor
from app.parameters import BUILT_IN, Parameters, require_signer
from app.parameters import load as load_parameters
from app.rfq import RfqDesk
from app.services import Services
from app.settlement.attest import Attestor, View, attestor_for
from app.settlement.engine import Engine, engine_for
from app.settlement.reconcile import Reconciler
from app.solving import SolverPool
from app.store import Store
from app.verify import address_of, recover
from solver.domain.account import Account
from solver.domain.errors import Refused
from solver.domain.ids import AccountId
from solver.domain.typed_data import Domain

ROLES = ("solver", *RISK_ROLES)  # whose keys this process holds
if TYPE_CHECKING:
    from app.feeds.recorded import RecordedMarket

GRACE_SECONDS = 3  # what open connections get when the process is asked to stop


class Loops(NamedTuple):
    """The parts that run for as long as the process lives."""

    feeds: Feeds
    reconciler: Reconciler
    engine: Engine
    auctioneer: Auctioneer
    monitor: Monitor
    liquidator: Liquidator
    keeper: Keeper | None  # None where another process keeps
    deleverager: Deleverager | None  # None where the approver's key is elsewhere


def serve(settings: Settings) -> None:
    """Runs the API process until it is told to stop."""
    observe.configure(settings.log_level)
    asyncio.run(require_chain(settings))
    asyncio.run(require_parameters(settings))
    keys = keys_of(settings, ROLES)  # what is wrong with them is one line here, a trace later
    app = create_app(start=functools.partial(running, settings, keys))
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_max_size=settings.body_bytes_max,
        ws_per_message_deflate=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


async def require_chain(settings: Settings) -> None:
    """Raises NotFound, Unavailable or Refused before anything starts on a wrong chain or none."""
    deployment = load(settings.deployment)
    async with EvmChain(settings.rpc_url) as chain:
        found = await chain.chain_id()
    if not found == deployment.chain_id == settings.chain_id:
        raise Refused(
            f"chain ids differ: node {found}, deployment {deployment.chain_id}, "
            f"SOLVENT_CHAIN_ID {settings.chain_id}",
            code="wrongChain",
        )


async def require_parameters(settings: Settings) -> None:
    """Raises what `app.parameters` does before anything starts on margin parameters that nobody
    may have signed."""
    async with EvmChain(settings.rpc_url) as chain:
        await _parameters(settings, chain, load(settings.deployment))


@contextlib.asynccontextmanager
async def running(settings: Settings, keys: dict[str, bytes]) -> AsyncIterator[Services]:
    """Yields the services of a process that has caught up with the chain and is trading."""
    deployment = load(settings.deployment)
    async with contextlib.AsyncExitStack() as exits:
        chain = await exits.enter_async_context(EvmChain(settings.rpc_url))
        clock, bus = ChainClock((await chain.head()).timestamp), Bus()
        store = await Store.open(settings, bus, clock)
        exits.push_async_callback(store.close)
        board = Board(await load_listing(chain, deployment, _recorded(settings, deployment)))
        domain = Domain(deployment.chain_id, deployment.settlement)
        services = Services(
            settings=settings,
            clock=clock,
            chain=chain,
            deployment=deployment,
            store=store,
            bus=bus,
            board=board,
            rfq=RfqDesk(board, domain, recover),
            breaker=Breaker(),
            solver_address=address_of(keys["solver"]),
            pool=exits.enter_context(contextlib.closing(SolverPool(is_compiled=settings.compiled))),
        )
        loops = _loops(services, clock, keys, await _parameters(settings, chain, deployment))
        await _catch_up(loops)
        observe.started(settings.host, settings.port, deployment.chain_id)
        async with _all_running(loops, settings):
            yield services
    observe.stopped()


def _recorded(settings: Settings, deployment: Deployment) -> "dict[str, RecordedMarket]":
    """Returns the recorded chain as markets, none where there is no file in the settings."""
    if not settings.option_chain:
        return {}
    from app.feeds.recorded import recorded_markets

    symbols = [market.symbol for market in deployment.markets]
    return recorded_markets(settings.option_chain, settings.option_chain_at, symbols)


async def _parameters(settings: Settings, chain: EvmChain, deployment: Deployment) -> Parameters:
    """Returns the margin parameters of the settings' file, signed by a risk signer of the chain, or
    the built-in ones. Raises what `app.parameters` does."""
    if not settings.risk_parameters:
        return BUILT_IN
    found = load_parameters(settings.risk_parameters, deployment.chain_id)
    await require_signer(chain, deployment, found)
    return found


def _loops(
    services: Services, clock: ChainClock, keys: dict[str, bytes], parameters: Parameters
) -> Loops:
    chain, deployment, store = services.chain, services.deployment, services.store
    depth = services.settings.confirmations
    engine = engine_for(
        chain, store, clock, deployment, key=keys["solver"].hex(), confirmations=depth
    )
    risk_keys = [keys[role] for role in RISK_ROLES]
    attestor = _attestor(services, deployment, [key.hex() for key in risk_keys])
    reconciler = Reconciler(chain, store, deployment, depth)
    liquidator = liquidating(services, reports_of(attestor))
    return Loops(
        feeds=Feeds(chain, services.board, clock, deployment, parameters),
        reconciler=reconciler,
        engine=engine,
        auctioneer=Auctioneer(services, engine, attestor, reconciler.broken),
        monitor=_monitor(services, reconciler, liquidator),
        liquidator=liquidator,
        keeper=inside(services),
        deleverager=deleveraging(services, risk_keys),
    )


def _monitor(services: Services, reconciler: Reconciler, liquidator: Liquidator) -> Monitor:
    store, deployment = services.store, services.deployment
    fund = AccountId(deployment.chain_id, deployment.clearinghouse, 0)  # the clearinghouse's own
    return Monitor(
        store,
        services.board,
        services.breaker,
        reconciler.broken,
        [liquidator],
        fund=lambda: store.account(fund).cash,
    )


def _attestor(services: Services, deployment: Deployment, keys: list[str]) -> Attestor:
    def account(account_id: AccountId) -> Account:
        return attestable(services.store.account(account_id), services.board.snapshot())

    view = View(services.board.snapshot, account)
    return attestor_for(view, keys, Domain(deployment.chain_id, deployment.attestation))


async def _catch_up(loops: Loops) -> None:
    await loops.feeds.step()
    await loops.engine.resume()
    while await loops.reconciler.step():
        pass


@contextlib.asynccontextmanager
async def _all_running(loops: Loops, settings: Settings) -> AsyncIterator[None]:
    """Runs every loop; one that dies ends the process: better stopped than half alive."""
    tasks = [
        asyncio.create_task(_root("feeds", loops.feeds.run(settings.head_ms))),
        asyncio.create_task(_root("ledger", loops.reconciler.run())),
        asyncio.create_task(_root("settlement", loops.engine.run())),
        asyncio.create_task(_root("auction", loops.auctioneer.run())),
        asyncio.create_task(_root("monitor", loops.monitor.run(settings.monitor_ms))),
        asyncio.create_task(_root("liquidator", loops.liquidator.run(settings.monitor_ms))),
    ]
    if loops.keeper is not None:
        tasks.append(asyncio.create_task(_root("keeper", loops.keeper.run(settings.keeper_ms))))
    if loops.deleverager is not None:
        tasks.append(asyncio.create_task(_root("deleveraging", loops.deleverager.run())))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _root(name: str, loop: Coroutine[Any, Any, None]) -> None:
    """Task root: records what kills a loop, asks the process to stop, and raises it again."""
    try:
        await loop
    except Exception as error:
        observe.part_failed(name, error)
        os.kill(os.getpid(), signal.SIGTERM)
        raise
