"""Reads what an auction needs to know, all of it at one block: the sale, the margin, the fund."""

from collections.abc import Sequence
from typing import Protocol

from adapters.base import Call, Reverted
from adapters.chains.deployment import Deployment
from adapters.chains.evm import Head
from adapters.chains.settlement import decode, read_positions, read_simple, view
from app.liquidator.duty import Seen
from solver.domain.errors import Unavailable
from solver.domain.ids import AccountId

STARTED, BANKRUPT, UNSOLD = 0, 1, 4  # fields of the contract's Sale


class ReadChain(Protocol):
    """What looking needs of a chain. Raises Unavailable."""

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]: ...


async def look(
    chain: ReadChain, deployment: Deployment, accounts: Sequence[AccountId], head: Head
) -> dict[AccountId, Seen]:
    """Returns each account as `head` has it; one that cannot be valued there (a feed is stale) is
    left out. Raises Unavailable."""
    house, auction = deployment.clearinghouse, deployment.auction
    fund = AccountId(deployment.chain_id, house, 0)
    calls = [view("Clearinghouse", house, "cashOf", fund.key)]
    for account in accounts:
        calls += [
            view("Clearinghouse", house, "simple", account.key),
            view("Clearinghouse", house, "cashOf", account.key),
            view("Clearinghouse", house, "positions", account.key),
            view("Auction", auction, "saleOf", account.key),
            view("Auction", auction, "deficitOf", account.key),
        ]
    answers = await chain.call_many(calls, head.number)
    funds = decode("Clearinghouse", "cashOf", _known(answers[0]))
    found = {}
    for place, account in enumerate(accounts):
        rows = answers[1 + 5 * place : 6 + 5 * place]
        if isinstance(rows[0], Reverted):
            continue
        simple, cash, positions, sale, deficit = map(_known, rows)
        margin, sold = read_simple(simple), decode("Auction", "saleOf", sale)
        found[account] = Seen(
            margin.equity,
            margin.maintenance,
            decode("Clearinghouse", "cashOf", cash),
            bool(read_positions(positions)),
            started_at=sold[STARTED],
            bankrupt_at=sold[BANKRUPT],
            unsold=sold[UNSOLD],
            deficit=decode("Auction", "deficitOf", deficit),
            fund=funds,
        )
    return found


def _known(answer: bytes | Reverted) -> bytes:
    if isinstance(answer, Reverted):
        raise Unavailable("a view of our own contracts reverted")
    return answer
