"""Everything a request may need, chosen once: modules above take this, those below take values."""

import functools
from dataclasses import dataclass, field

from adapters.chains.deployment import Deployment
from adapters.chains.evm import EvmChain
from app.board import Board
from app.breaker import Breaker
from app.bus import Bus
from app.clock import Clock
from app.config import Settings
from app.rfq import RfqDesk
from app.solving import SolverPool
from app.store import Store
from app.verify.funding import Wallets
from solver.domain.account import Account
from solver.domain.ids import Address
from solver.domain.program import Program
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain
from solver.solve import solve


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
    pool: SolverPool
    wallets: Wallets = field(default_factory=Wallets)

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of intents, quotes and cancels."""
        return Domain(self.deployment.chain_id, self.deployment.settlement)

    async def solve(self, program: Program, account: Account, snapshot: Snapshot) -> Solution:
        """Returns the solution, computed in another process so that intake never waits for it."""
        return await self.pool.run_on(snapshot, functools.partial(solve, program, account))
