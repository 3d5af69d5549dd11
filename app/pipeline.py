"""The story of an intent: quote, submit, cancel. All control flow is here; the rest are leaves.

quote   = draft → plan                      nothing changes
plan    = compile → solve → simulate        what a quote shows and what an auction executes
submit  = verify → gate → record            O(1): no solve; the chain is asked for contract wallets
                                            and for what Permit2 may take of a wallet, nothing else
cancel  = verify → record                   binds the service; cancel(nonce) on chain is the proof
grant   = verify → record                   a mandate; under one the chain is asked for its meter
revoke  = verify → record → cancel          binds the service; revoke(digest) on chain is the proof
"""

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

from app.services import Services
from app.simulate import Simulation, simulate
from app.store import Batch, StoredMandate
from app.verify import Admission, CancelRequest, verify, verify_cancel
from app.verify.dust import require_worth
from app.verify.funding import Shortfall, shortfalls
from app.verify.mandate import (
    RevokeRequest,
    bounded,
    composed,
    id_of,
    mandate_for,
    mandated_of,
    require_carried,
    verify_grant,
    verify_revoke,
    within,
)
from app.verify.standing import standing_refusal
from solver.domain.errors import Conflict, Infeasible, NotFound, Unproven
from solver.domain.event import (
    TERMINAL,
    IntentStateChanged,
    MandateGranted,
    MandateRevoked,
)
from solver.domain.ids import AccountId, IntentUid
from solver.domain.intent import OutcomeIntent, SignedIntent
from solver.domain.mandate import Mandate, require_covered
from solver.domain.program import Program
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import typed_data, uid_of
from solver.intents import compile_intent, draft
from solver.intents.base import OutcomeKind
from solver.intents.wire import Terms
from solver.routing.certify import certify
from solver.routing.proof import restated

QUOTE_SECONDS = 30
GAP_DRIFT_PPM = 100  # by which a quoted route may have become worse than the best
CANCELLABLE = frozenset({"received", "open", "paused", "partiallyFilled"})


class Plan(NamedTuple):
    """One intent solved against one snapshot."""

    intent: OutcomeIntent
    scheme: str
    program: Program
    solution: Solution
    simulation: Simulation
    snapshot: Snapshot

    @property
    def engine(self) -> str:
        """The margin engine that lets the plan pass: PORTFOLIO needs the signers' word."""
        return self.simulation.engine


class Quote(NamedTuple):
    """A plan with what the wallet needs to sign. `expires_at` is unix seconds of the chain;
    `funding` is what the wallet lacks for Permit2 so far: a quote is given all the same."""

    quote_id: str
    uid: IntentUid
    plan: Plan
    typed_data: dict[str, Any]
    expires_at: int
    funding: Sequence[Shortfall] = ()


class Accepted(NamedTuple):
    """The durable answer to a submission; `is_new` False when it was already stored."""

    uid: IntentUid
    state: str
    is_new: bool


async def quote(
    services: Services, request: OutcomeKind, terms: Terms, mandate_id: str | None = None
) -> Quote:
    """Returns a plan for an outcome in human terms, with typed data to sign: by the owner, or by
    the agent of the mandate that is named. Changes nothing.
    """
    snapshot = services.board.snapshot()
    account = services.store.account(_account_id(services, terms.owner, terms.subaccount))
    mandate = mandate_for(services.store, terms.scheme, mandate_id)
    if mandate is None:
        intent = draft(request, account, snapshot, terms)
    else:
        drafted = draft(request, account, snapshot, within(terms, mandate))
        intent = bounded(drafted, terms, mandate)
        places = snapshot.settlement_token.decimals
        require_covered(mandate, intent, services.clock.time(), places)
    require_worth(intent, snapshot)
    planned = await plan(services, intent, terms.scheme, snapshot)
    if mandate is not None:
        await require_carried(services, mandate, planned.program, planned.solution, snapshot)
    domain, permit2 = services.domain, services.deployment.permit2
    return Quote(
        quote_id="q_" + secrets.token_hex(12),
        uid=uid_of(intent, domain),
        plan=planned,
        typed_data=typed_data(intent, domain, terms.scheme, permit2),
        expires_at=snapshot.time + QUOTE_SECONDS,
        funding=await shortfalls(services, intent, terms.scheme),
    )


async def plan(services: Services, intent: OutcomeIntent, scheme: str, snapshot: Snapshot) -> Plan:
    """Returns the best certified solution. Raises Infeasible when no plan satisfies the limits."""
    account = services.store.account(_account_id(services, intent.owner, intent.subaccount))
    program = compile_intent(intent, account, snapshot, scheme)
    unfit = standing_refusal(SignedIntent(intent, scheme, b""), program, account, snapshot)
    if unfit is not None:  # said before any market is asked
        raise Infeasible(unfit.detail, code=unfit.code, data={"health": unfit.state})
    solution = await services.solve(program, account, snapshot)
    simulation = simulate(
        program,
        solution,
        account,
        snapshot,
        is_mandated=scheme == "mandate",
        breaker=services.breaker.state.value,
    )
    return Plan(intent, scheme, program, solution, simulation, snapshot)


def standing(
    services: Services, signed: SignedIntent, quote_id: str | None, now: Snapshot
) -> Plan | None:
    """Returns the plan as quoted if the present still proves every claim of it, else None.

    So what was quoted is what is paid, to the wei, unless its pools have moved or others make a
    route better by GAP_DRIFT_PPM. Value and bound are the present's: the price of gas is in both.
    A plan with maker fills never stands: its prices were indicative.
    """
    quoted: Quote | None = services.store.quotes.get(quote_id) if quote_id else None
    if quoted is None or quoted.plan.solution.fills:
        return None
    if (quoted.plan.intent, quoted.plan.scheme) != (signed.intent, signed.scheme):
        return None  # under another scheme the same intent is funded from elsewhere
    program = quoted.plan.program
    solution = quoted.plan.solution._replace(snapshot_hash=now.hash)
    account, gap = services.store.account(program.account), solution.certificate.gap_ppm
    try:
        claim = restated((program,), now, (solution,), (account,))
        solution = solution._replace(certificate=claim)
        certify(program, now, solution, account)
        simulation = simulate(
            program,
            solution,
            account,
            now,
            is_mandated=signed.scheme == "mandate",
            breaker=services.breaker.state.value,
        )
    except (Unproven, Infeasible):
        return None
    if claim.gap_ppm > gap + GAP_DRIFT_PPM:
        return None
    return quoted.plan._replace(solution=solution, simulation=simulation, snapshot=now)


async def submit(services: Services, signed: SignedIntent, admission: Admission) -> Accepted:
    """Stores a signed intent durably. Raises a typed error and stores nothing otherwise."""
    signed = composed(services.store, signed, admission.mandate)
    uid = uid_of(signed.intent, services.domain)
    stored = await services.store.known(str(uid))
    if stored is not None:
        return Accepted(uid, stored.state, is_new=False)
    services.breaker.admit(signed.intent)
    batch = await verify(services, signed, uid, admission)
    try:
        await services.store.record(batch)
    except Conflict as conflict:  # the same words twice at once: the other was stored first
        stored = await services.store.known(str(uid))
        if conflict.code != "alreadyStored" or stored is None:
            raise
        return Accepted(uid, stored.state, is_new=False)
    moves = [e.to_state for _, e, _ in batch.events if isinstance(e, IntentStateChanged)]
    return Accepted(uid, moves[-1], is_new=True)  # its own move is the last of the batch


async def cancel(services: Services, request: CancelRequest) -> Sequence[tuple[str, str]]:
    """Returns (uid, state) of every intent named; what is already settling goes on.

    Raises NotFound or Conflict, with nothing cancelled, when one that is named cannot be.
    """
    code = await verify_cancel(services, request)
    uids = tuple(dict.fromkeys(request.uids))
    for uid in uids:
        state = _state_of(services, uid)
        if state not in CANCELLABLE | TERMINAL and request.epoch is None:
            raise Conflict(f"{uid} is {state}", code="tooLateToCancel", field="uids")
    return [(uid, await _cancelled(services, uid, code)) for uid in uids]


async def grant(
    services: Services, mandate: Mandate, signature: bytes
) -> tuple[StoredMandate, bool]:
    """Stores a mandate durably; returns it and whether it is new. Raises as `verify_grant`."""
    store, mandate_id = services.store, id_of(mandate, services.domain)
    known = store.mandate(mandate_id)
    if known is not None:
        return known, False
    row = await verify_grant(services, mandate, signature)
    granted = MandateGranted(mandate_id, mandate.agent, mandate.valid_to)
    log = _account_id(services, mandate.owner, mandate.subaccount).log
    try:
        await store.record(Batch(((log, granted, row.created_ms),), mandates=(row,)))
    except Conflict:  # the same words twice at once: the other was first, and is durable then
        await store.write()
        known = store.mandate(mandate_id)
        if known is None:
            raise
        return known, False
    return row, True


async def revoke(
    services: Services, request: RevokeRequest
) -> tuple[StoredMandate, Sequence[tuple[str, str]]]:
    """Ends a mandate here, at once; returns it and (uid, state) of what was open under it.

    Raises as `verify_revoke`.
    """
    row, store = await verify_revoke(services, request), services.store
    if row.revoked_ms is None:
        log = _account_id(services, row.mandate.owner, row.mandate.subaccount).log
        event = (log, MandateRevoked(row.id), services.clock.time_ms())
        await store.record(Batch((event,)))
    await store.write()  # what was admitted before it ended is durable then, and ends with it
    uids = [
        live.uid
        for live in store.live_intents()
        if live.signed.scheme == "mandate"
        and mandated_of(live.signed.signature).mandate == row.mandate
    ]
    ended = [(uid, await _cancelled(services, uid, "mandateRevoked")) for uid in uids]
    return store.mandate(row.id) or row, ended


async def _cancelled(services: Services, uid: str, code: str) -> str:
    """Returns the state of an intent after the wish to cancel it."""
    try:
        await services.store.move(uid, "cancelled", only_from=CANCELLABLE, code=code)
    except Conflict:  # it has ended, or its settlement began: that goes on
        await services.store.write()  # what was ahead of us is durable then, and told
        return _state_of(services, uid)
    return "cancelled"


def _state_of(services: Services, uid: str) -> str:
    stored = services.store.intent(uid)
    if stored is None:
        raise NotFound(f"{uid} is not an intent of this owner", field="uids")
    return stored.state


def _account_id(services: Services, owner: str, subaccount: int) -> AccountId:
    return AccountId(services.deployment.chain_id, owner, subaccount)
