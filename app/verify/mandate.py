"""Mandates at the door: what an owner may grant and take back, what an agent may bring under one.

The terms are judged by solver.domain.mandate, the signatures by authority; the chain is asked for
what it alone knows: the day's meter, the owner's epoch, whether the mandate's nonce is spent.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from adapters.base import Reverted
from adapters.chains.settlement import Mandated, decode_mandated, encode_mandated, view
from app.clock import Clock
from app.store import Store, StoredIntent, StoredMandate
from app.verify.authority import require_signed
from solver.domain.errors import Broken, Expired, Malformed, NotFound, Refused, Unauthorized
from solver.domain.ids import ZERO_ADDRESS, Address, IntentUid
from solver.domain.intent import NO_SLIPPAGE_LIMIT, OutcomeIntent, SignedIntent
from solver.domain.mandate import (
    REVOKED,
    Mandate,
    Used,
    require_budget,
    require_covered,
    require_unrevoked,
)
from solver.domain.numbers import WAD
from solver.domain.program import Program
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain, mandate_digest, revoke_digest
from solver.intents.wire import Terms
from solver.routing.certify.marks import mark_of, token_value
from solver.routing.certify.tally import costs

LIVE_MAX = 64  # of one owner
REVOKE_SECONDS_MAX = 600  # a signed revocation is good for ten minutes at most
_EPOCH_SHIFT = 192  # nonce = epoch(64) | lane(184) | counter(8)
_VIEWS = ("metered", "epoch", "isNonceUsed", "filled")


class RevokeRequest(NamedTuple):
    """A signed wish to take a mandate back. `valid_to` is unix seconds."""

    mandate: str
    valid_to: int
    signature: bytes


class Standing(NamedTuple):
    """What the chain's head says of a mandate: the meter's word, the owner's epoch, its nonce."""

    word: int
    epoch: int
    is_spent: bool


class World(Protocol):
    """What a mandate is judged with; `app.services.Services` is one."""

    @property
    def store(self) -> Store: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def chain(self) -> Any: ...
    @property
    def deployment(self) -> Any: ...
    @property
    def domain(self) -> Domain: ...


# ---- what comes with an intent


@lru_cache(maxsize=1024)
def mandated_of(signature: bytes) -> Mandated:
    """Returns the grant and both signatures in the signature of scheme `mandate`.

    Raises Unauthorized for other bytes.
    """
    try:
        return decode_mandated(signature)
    except Broken as error:
        detail = "under a mandate the signature is the agent's and `mandate` names the stored one, "
        detail += "or it is abi.encode(Mandate, owner's signature, agent's signature)"
        raise Unauthorized(detail, code="badSignature", field="signature") from error


def composed(store: Store, signed: SignedIntent, mandate_id: str | None) -> SignedIntent:
    """Returns the intent with the signature that the contract takes: a named mandate is put
    around the agent's, what came complete is written in its one form. Raises NotFound.
    """
    if signed.scheme != "mandate":
        if mandate_id is not None:
            raise Malformed("goes with scheme mandate", field="mandate")
        return signed
    if mandate_id is None:
        mandated = mandated_of(signed.signature)
    else:
        granted = stored(store, mandate_id)
        mandated = Mandated(granted.mandate, granted.signature, signed.signature)
    return signed._replace(signature=encode_mandated(mandated))


def stored(store: Store, mandate_id: str) -> StoredMandate:
    """Returns a mandate that was granted here. Raises NotFound."""
    granted = store.mandate(mandate_id)
    if granted is None:
        raise NotFound("no mandate with this id was granted here", field="mandate")
    return granted


def mandate_for(store: Store, scheme: str, mandate_id: str | None) -> Mandate | None:
    """Returns the mandate that a quote of `scheme` is under, None for the owner's own.

    Raises Malformed when scheme and mandate do not go together, NotFound.
    """
    if (scheme == "mandate") != (mandate_id is not None):
        raise Malformed("scheme mandate and the id of one go together", field="mandate")
    return stored(store, mandate_id).mandate if mandate_id is not None else None


def within(terms: Terms, mandate: Mandate) -> Terms:
    """Returns the terms with the mandate's slippage where they have none: legs depend on it."""
    if terms.slippage_bps is not None:
        return terms
    bps = min(mandate.max_slippage_bps, NO_SLIPPAGE_LIMIT - 1)
    return terms.model_copy(update={"slippage_bps": bps})


def bounded(intent: OutcomeIntent, terms: Terms, mandate: Mandate) -> OutcomeIntent:
    """Returns the drafted intent at the mandate's margin and health where the terms leave them
    out; a kind that is stricter of itself stays so.
    """
    limits = intent.limits
    if terms.max_margin_used is None:
        margin = min(limits.max_margin_used, mandate.max_margin_used)
        limits = limits._replace(max_margin_used=margin)
    if terms.min_health is None:
        limits = limits._replace(min_health=max(limits.min_health, mandate.min_health))
    return intent._replace(limits=limits)


async def require_mandate(world: World, signed: SignedIntent, uid: IntentUid) -> None:
    """Raises Unauthorized or Refused unless owner and agent signed, and the mandate covers the
    intent and stands.
    """
    mandate, by_owner, by_agent = mandated_of(signed.signature)
    digest = mandate_digest(mandate, world.domain)
    await _require_signed(world, "owner", mandate.owner, digest, by_owner)
    await _require_signed(world, "agent", mandate.agent, uid.digest, by_agent)
    places = world.deployment.settlement_token.decimals
    require_covered(mandate, signed.intent, world.clock.time(), places)
    if signed.intent.nonce == mandate.nonce:
        detail = "the mandate itself holds this nonce: an intent under it takes another"
        raise Refused(detail, code="nonceUsed", field="intent.nonce")
    await require_standing(world, mandate)


async def require_standing(world: World, mandate: Mandate) -> Standing:
    """Returns what the chain says of a mandate that stands. Raises ScopeExceeded when it was
    revoked here or there, Refused when its epoch or nonce is over.
    """
    (standing,) = await standings(world, (mandate,))
    require_unrevoked(standing.word)
    granted = world.store.mandate(id_of(mandate, world.domain))  # the chain may have let us wait
    if granted is not None and granted.revoked_ms is not None:
        require_unrevoked(REVOKED)
    if mandate.nonce >> _EPOCH_SHIFT != standing.epoch:
        detail = f"the mandate is of epoch {mandate.nonce >> _EPOCH_SHIFT}, the owner's is "
        raise Refused(detail + str(standing.epoch), code="epochStale", field="mandate")
    if standing.is_spent:
        raise Refused("the mandate's nonce is spent", code="nonceUsed", field="mandate")
    return standing


async def require_carried(
    world: World, mandate: Mandate, program: Program, solution: Solution, snapshot: Snapshot
) -> None:
    """Raises BudgetExceeded unless today's rest carries the plan, or as `require_standing`."""
    standing = await require_standing(world, mandate)
    used, places = used_by(program, solution, snapshot), snapshot.settlement_token.decimals
    require_budget(mandate, standing.word, used, world.clock.time(), places)


def used_by(program: Program, solution: Solution, snapshot: Snapshot) -> Used:
    """Returns what a plan counts against a day, as Checks.sol counts it: per leg the notional of
    its fills and the value of tokens sold, both at the mark; slippage loss if any, plus the fee.
    """
    _, loss, _ = costs(program, snapshot, solution)
    notional = 0
    for exposure in program.exposures:
        quantity = abs(sum(f.quantity for f in solution.fills if f.leg == exposure.leg))
        spot = mark_of(exposure.candidates[0] >> 144 << 144, snapshot)  # the market's perp
        notional += quantity * spot * 10**snapshot.settlement_token.decimals // (WAD * WAD)
    for flow in program.sells:
        sold = sum(pull.amount for pull in solution.pulls if pull.leg == flow.leg)
        notional += token_value(flow.token, sold, snapshot, is_up=True)
    return Used(notional, max(0, loss) + solution.fee)


def agent_of(rows: Iterable[StoredIntent | None]) -> Address | None:
    """Returns the one agent that signed all of these intents under mandates, None otherwise."""
    agents = {
        mandated_of(row.signed.signature).mandate.agent
        if row is not None and row.signed.scheme == "mandate"
        else None
        for row in rows
    }
    return agents.pop() if len(agents) == 1 else None


async def standings(world: World, mandates: Sequence[Mandate]) -> list[Standing]:
    """Returns what the chain says of each, in one batch. Raises Unavailable."""
    at = world.domain.verifying_contract
    calls = [
        view("Settlement", at, name, mandate.owner, *arguments)
        for mandate in mandates
        for name, arguments in zip(
            _VIEWS,
            ((mandate_digest(mandate, world.domain),), (), (mandate.nonce,), (mandate.nonce,)),
            strict=True,
        )
    ]
    answers = [_read(answer) for answer in await world.chain.call_many(calls)]
    rows = zip(*(iter(answers),) * len(_VIEWS), strict=True)
    return [Standing(word, epoch, bool(used or filled)) for word, epoch, used, filled in rows]


# ---- grant and revoke


def id_of(mandate: Mandate, domain: Domain) -> str:
    """Returns a mandate's identity: what the owner signs, as 0x and hex."""
    return "0x" + mandate_digest(mandate, domain).hex()


async def verify_grant(world: World, mandate: Mandate, signature: bytes) -> StoredMandate:
    """Returns what to store. Raises Malformed, Expired, Unauthorized or Refused."""
    now = world.clock.time()
    if mandate.agent == ZERO_ADDRESS:
        raise Malformed("no key signs as the zero address", field="mandate.agent")
    if mandate.valid_from > mandate.valid_to:
        raise Malformed("validFrom is after validTo", field="mandate.validFrom")
    if mandate.valid_to <= now:
        raise Expired("validTo has passed", code="tooLate", field="mandate.validTo")
    if world.store.mandates_live(mandate.owner, now) >= LIVE_MAX:
        detail = f"the owner has {LIVE_MAX} mandates that stand: revoke one first"
        raise Refused(detail, code="tooManyMandates", data={"live": str(LIVE_MAX)})
    digest = mandate_digest(mandate, world.domain)
    await require_signed(world, mandate.owner, digest, signature)
    await require_standing(world, mandate)
    return StoredMandate("0x" + digest.hex(), mandate, signature, world.clock.time_ms())


async def verify_revoke(world: World, request: RevokeRequest) -> StoredMandate:
    """Returns the mandate to revoke. Raises NotFound, Malformed, Expired, or Unauthorized unless
    its owner signed just now.
    """
    granted, now = stored(world.store, request.mandate), world.clock.time()
    if request.valid_to <= now:
        raise Expired("validTo has passed", code="tooLate", field="validTo")
    if request.valid_to > now + REVOKE_SECONDS_MAX:
        detail = f"a revocation is signed for at most {REVOKE_SECONDS_MAX} seconds"
        raise Malformed(detail, field="validTo")
    owner = granted.mandate.owner
    digest = revoke_digest(owner, granted.digest, request.valid_to, world.domain)
    await require_signed(world, owner, digest, request.signature)
    return granted


async def _require_signed(
    world: World, who: str, signer: Address, digest: bytes, signature: bytes
) -> None:
    try:
        await require_signed(world, signer, digest, signature)
    except Unauthorized as error:
        error.detail = error.detail.replace("the owner", f"the mandate's {who}")
        raise


def _read(answer: bytes | Reverted) -> int:
    if isinstance(answer, Reverted):
        raise Broken("a view of Settlement reverted", data=answer.data)
    return int.from_bytes(answer, "big")
