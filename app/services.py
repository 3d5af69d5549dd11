"""Everything a request may need, chosen once: modules above take this, those below take values."""

import asyncio
import functools
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from adapters.chains.deployment import Deployment
from adapters.chains.evm import EvmChain
from app.board import Board
from app.breaker import Breaker
from app.bus import Bus
from app.clock import Clock
from app.config import Settings
from app.rfq import RfqDesk
from app.store import Store
from solver.domain.account import Account
from solver.domain.ids import Address
from solver.domain.program import Program
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain
from solver.solve import solve

SOLVE_SECONDS_MAX = 20  # a plan that takes longer is given up; its process goes on to the next


@dataclass(frozen=True, slots=True)
class Services:
    """One service's parts. `solver_address` is the registered key that settles."""

    settings: Settings
    clock: Clock
    chain: EvmChain
    deployment: Deployment
    store: Store
    bus: Bus
    board: Board
    rfq: RfqDesk
    breaker: Breaker
    solver_address: Address
    pool: Executor

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of intents, quotes and cancels."""
        return Domain(self.deployment.chain_id, self.deployment.settlement)

    async def solve(self, program: Program, account: Account, snapshot: Snapshot) -> Solution:
        """Returns the solution, computed in another process so that intake never waits for it."""
        job = functools.partial(solve, program, account, snapshot)
        running = asyncio.get_running_loop().run_in_executor(self.pool, job)
        return await asyncio.wait_for(running, SOLVE_SECONDS_MAX)


def solver_pool(workers: int = 1) -> ProcessPoolExecutor:
    """Returns processes that solve; each loads its optimisers before the first plan arrives."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_warm)


def _warm() -> None:
    import cvxpy  # noqa: F401
    from ortools.linear_solver import pywraplp  # noqa: F401
