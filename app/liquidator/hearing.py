"""Tells the auction that the risk signers live, before anyone can take their silence for death.

After a day without a report heard anybody may give notice, and two days later SIMPLE alone judges
accounts in PORTFOLIO mode (CONTRACTS 7): quiet times must not liquidate them.
"""

from typing import Protocol

from adapters.base import Call, Reverted
from adapters.chains.deployment import Deployment
from adapters.chains.evm import Head
from adapters.chains.settlement import decode, encode, view
from app.liquidator.reports import Reports
from solver.domain.account import PORTFOLIO, Account
from solver.domain.ids import AccountId, Address

HEARD_SECONDS = 12 * 3_600  # half of what a notice needs
LOOK_SECONDS = 600


class AskedChain(Protocol):
    """What looking needs of a chain. Raises Unavailable."""

    async def call_many(
        self, calls: list[Call], block: int | None = None
    ) -> list[bytes | Reverted]: ...


class Hearing:
    """Looks now and then; `due` answers the calldata to send, None while nothing is due."""

    def __init__(self, chain: AskedChain, deployment: Deployment, reports: Reports) -> None:
        self._chain, self._deployment, self._reports = chain, deployment, reports
        self._look_at = 0

    async def due(self, head: Head, caller: Address) -> bytes | None:
        """Returns a call of `hear` with a report that says nothing new: that it was signed is what
        counts. Raises Unavailable where too few signers answer.
        """
        if head.timestamp < self._look_at:
            return None
        heard, silent_from = await self._seen(head)
        self._look_at = head.timestamp + LOOK_SECONDS
        if not silent_from and head.timestamp < heard + HEARD_SECONDS:
            return None
        self._look_at = 0  # until the chain says that it was heard
        ours = AccountId(self._deployment.chain_id, caller, 0)
        report, signatures = await self._reports(Account(ours, engine=PORTFOLIO))
        return encode("Auction", "hear", report, list(signatures)) if signatures else None

    async def _seen(self, head: Head) -> tuple[int, int]:
        auction = self._deployment.auction
        calls = [view("Auction", auction, name) for name in ("heard", "silentFrom")]
        heard, silent = await self._chain.call_many(calls, head.number)
        if isinstance(heard, Reverted) or isinstance(silent, Reverted):
            return head.timestamp, 0  # an auction that cannot be asked cannot be told
        return decode("Auction", "heard", heard), decode("Auction", "silentFrom", silent)
