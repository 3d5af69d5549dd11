"""Cures an account under a mandate that its owner granted to the liquidator's own key.

An ordinary quote, signed by the agent and admitted through the one door: it can do no more than the
mandate allows. One request at a time; the next is quoted on what the first has left.
"""

from collections.abc import Awaitable, Callable

from app.liquidator import telling
from app.pipeline import quote, submit
from app.services import Services
from app.store import StoredMandate
from app.verify import Admission, address_of, sign
from app.verify.mandate import mandated_of
from solver.domain.account import Account
from solver.domain.errors import SolventError
from solver.domain.ids import AccountId, Address
from solver.domain.intent import SignedIntent
from solver.domain.numbers import format_decimal
from solver.domain.typed_data import intent_digest
from solver.intents import parse_wanted
from solver.policies import Proposal

SECONDS = 30  # that a cure stays open: then the auction is next
PAGE = 50  # of an owner's newest mandates looked at

Cures = Callable[[Account, Proposal], Awaitable[bool]]


def cures_of(services: Services, key: bytes) -> Cures:
    """Returns who asks for the first request of a proposal under a mandate for `key`; it answers
    whether a cure of the account is open then."""

    agent = address_of(key)

    async def cures(account: Account, proposal: Proposal) -> bool:
        if _is_open(services, account.id, agent):
            return True
        granted = await _mandate(services, account.id, agent)
        if granted is None:
            return False
        try:
            await _asked(services, key, account, proposal, granted)
        except SolventError as error:
            # whatever the door says: then it is the auction's
            telling.uncured(account.id.log, error.code)
            return False
        return True

    return cures


async def _asked(
    services: Services, key: bytes, account: Account, proposal: Proposal, granted: StoredMandate
) -> None:
    token = services.deployment.settlement_token
    terms = {
        "owner": account.id.owner,
        "subaccount": str(account.id.subaccount),
        "scheme": "mandate",
        "validForSeconds": str(SECONDS),
        "maxFee": format_decimal(proposal.cure.cost, token.decimals),
    }
    wanted = parse_wanted({"request": proposal.requests[0], "terms": terms})
    found = await quote(services, wanted.request, wanted.terms, granted.id)
    intent = found.plan.intent
    signed = SignedIntent(intent, "mandate", sign(intent_digest(intent, services.domain), key))
    accepted = await submit(services, signed, Admission(mandate=granted.id))
    telling.cured(account.id.log, str(accepted.uid))


async def _mandate(services: Services, account: AccountId, agent: Address) -> StoredMandate | None:
    """Returns the owner's newest mandate in force for the agent on this account."""
    page = await services.store.mandates(account.owner, None, PAGE)
    now = services.clock.time()
    for row in page.mandates:
        mandate = row.mandate
        is_ours = (mandate.agent, mandate.subaccount) == (agent, account.subaccount)
        if is_ours and row.revoked_ms is None and mandate.valid_from <= now < mandate.valid_to:
            return row
    return None


def _is_open(services: Services, account: AccountId, agent: Address) -> bool:
    """Returns whether a cure of ours is under way: what other agents have open, or what sleeps,
    must not hold the sale up."""
    store = services.store
    return any(
        row.signed.scheme == "mandate"
        and row.state != "paused"
        and store.account_id(row) == account
        and mandated_of(row.signed.signature).mandate.agent == agent
        for row in store.live_intents()
    )
