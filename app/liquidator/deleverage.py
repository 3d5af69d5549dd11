"""Deleveraging: an hour after a deficit became public, those who gained pay it, page by page.

Everything follows from the chain and the log; what a round's later pages need is remembered, and a
death in the middle costs its ten minutes: then what is left is another round's. It takes signers
and the approver together, so it runs only where a key of that role was put beside the others.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from adapters.chains.deployment import Deployment
from adapters.chains.evm import Head
from adapters.chains.settlement import encode
from app.keeper.errand import Errand, Road
from app.keystore import keys_of
from app.liquidator import telling
from app.liquidator.look import ReadChain
from app.liquidator.winners import (
    PUBLIC_SECONDS,
    Deficit,
    Gains,
    GainSigner,
    deficit_of,
    report_of,
    winners_of,
)
from app.polling import repeat
from app.services import Services
from app.settlement.sender import Sender
from solver.domain.errors import Infeasible, NotFound
from solver.domain.ids import ZERO_ADDRESS, AccountId
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain
from solver.margin.liquidation.auction import purpose_of
from solver.margin.liquidation.deleverage import Deleveraging, Haircut, round_of

ROLE = "approver"
POLL_MS = 1_000
PAGE_MAX = 90  # of the 100 that the contract takes: within half of a block
GAS_MAX = 8_000_000


class Parts(NamedTuple):
    """What deleveraging is made of; `head` answers the chain's, raising Unavailable."""

    chain: ReadChain
    head: Callable[[], Awaitable[Head]]
    deployment: Deployment
    errand: Errand
    gains: Gains
    signer: GainSigner


class Round(NamedTuple):
    """Who pays what, and the snapshot whose marks say so."""

    event: Deleveraging
    snapshot: Snapshot


class Deleverager:
    """Raises deficits in the order they were declared, one page at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._first = 1  # every deficit before it is raised
        self._rounds: dict[int, Round] = {}  # by deficit
        self._told: set[int] = set()

    async def run(self, poll_ms: int = POLL_MS) -> None:
        """Task root: a step at every poll, for ever."""
        await repeat("deleveraging", self.step, poll_ms)

    async def step(self) -> int | None:
        """Sends at most one page; returns the id of its deficit.

        Raises Unavailable, Infeasible where no gains hold a deficit, Refused when a signer finds
        another gain or the key cannot pay.
        """
        parts = self._parts
        head = await parts.head()
        open_ = await self._open(head)
        if not open_ and not parts.errand.is_open:
            return None
        road = await parts.errand.road(head)
        if road is Road.BUSY:
            return None
        failed: Infeasible | None = None
        for deficit in open_:
            try:
                if await self._page(deficit, head):
                    return deficit.id
            except Infeasible as error:  # it holds no other deficit up
                failed = error
        if road is Road.STUCK and parts.errand.is_open:
            await parts.errand.cancel(head)
        if failed is not None:
            raise failed
        return None

    async def _open(self, head: Head) -> list[Deficit]:
        """Returns the deficits that are not raised yet."""
        parts, open_, id_ = self._parts, list[Deficit](), self._first
        auction = parts.deployment.auction
        while (found := await deficit_of(parts.chain, auction, id_, head.number)) is not None:
            if found.left:
                open_.append(found)
            elif not open_:
                self._first = id_ + 1
            id_ += 1
        return open_

    async def _page(self, deficit: Deficit, head: Head) -> bool:
        """Sends the next page of a deficit where one is due; returns whether it did."""
        if deficit.id not in self._told:
            self._told.add(deficit.id)
            telling.owed(deficit.id, deficit.left, deficit.declared_at + PUBLIC_SECONDS)
        if head.timestamp < deficit.declared_at + PUBLIC_SECONDS:
            return False
        is_running = deficit.is_running(head.timestamp)
        known = self._rounds.get(deficit.id)
        if is_running and (known is None or known.event.total_gain != deficit.total_gain):
            return False  # another life's: its gains are not known any more
        if known is None or not is_running:
            known = await self._round(deficit, head)
        after = deficit.last if is_running else b""
        page = [cut for cut in known.event.haircuts if cut.key > after][:PAGE_MAX]
        return await self._send(deficit, known, page, head)

    async def _round(self, deficit: Deficit, head: Head) -> Round:
        """Returns who pays what in a new round. Raises Infeasible `deficitTooLarge`."""
        parts = self._parts
        snapshot = parts.gains.snapshot()
        winners = await winners_of(
            parts.gains, parts.chain, parts.deployment, deficit, head.number, snapshot=snapshot
        )
        self._rounds[deficit.id] = Round(round_of(deficit.left, winners), snapshot)
        return self._rounds[deficit.id]

    async def _send(self, deficit: Deficit, known: Round, page: list[Haircut], head: Head) -> bool:
        """Sends a page of a round. One that the chain would not take now is derived anew at the
        next look."""
        parts, total = self._parts, known.event.total_gain
        chain_id = parts.deployment.chain_id
        accounts = [parts.gains.account(AccountId.from_key(chain_id, cut.key)) for cut in page]
        entries = zip(accounts, (cut.gain for cut in page), strict=True)
        purpose = purpose_of(deficit.id, known.event.deficit, total)
        report = report_of(purpose, deficit.market, entries, head.timestamp)
        signatures = await parts.signer.signatures(report, known.snapshot)
        keys, cuts = [cut.key for cut in page], [cut.amount for cut in page]
        data = encode(
            "Auction", "deleverage", deficit.id, total, keys, cuts, report, list(signatures)
        )
        gas = await parts.errand.gas(parts.deployment.auction, data)
        if gas is None or gas > GAS_MAX:
            self._rounds.pop(deficit.id, None)
            return False
        await parts.errand.send(parts.deployment.auction, data, gas, head)
        telling.deleveraged(deficit.id, len(page), sum(cuts))
        return True


def deleveraging(services: Services, keys: list[bytes]) -> Deleverager | None:
    """Returns the service's own, with the risk signers' keys; None, told, on a deployment without
    an auction or without the approver's key: then its holder calls the contract himself."""
    deployment = services.deployment
    if deployment.auction == ZERO_ADDRESS:
        return None
    try:
        key = keys_of(services.settings, [ROLE])[ROLE]
    except NotFound as error:
        telling.unapproved(error.detail)
        return None
    sender = Sender(services.chain, services.settings.chain_id, key.hex())
    gains = Gains(services.store, services.board.snapshot)
    domain = Domain(deployment.chain_id, deployment.attestation)
    return Deleverager(
        Parts(
            services.chain,
            services.chain.head,
            deployment,
            Errand(services.chain, sender),
            gains,
            GainSigner(keys, domain, gains),
        )
    )
