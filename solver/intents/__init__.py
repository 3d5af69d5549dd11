"""Outcome kinds: the public promise. A kind is one file and one word in `OutcomeRequest`."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError

from solver.domain.account import Account
from solver.domain.errors import Malformed
from solver.domain.intent import OutcomeIntent
from solver.domain.program import Program
from solver.domain.snapshot import Snapshot
from solver.intents.base import OutcomeKind
from solver.intents.closing import CloseAll, CloseOption
from solver.intents.collateral import Deposit, Withdraw
from solver.intents.covered_call import CoveredCall
from solver.intents.options.butterfly import Butterfly
from solver.intents.options.calendar import Calendar
from solver.intents.options.collar import Collar
from solver.intents.options.iron_condor import IronCondor
from solver.intents.options.outright import BuyOption, SellOption
from solver.intents.options.roll import Roll
from solver.intents.options.selector import TAGS
from solver.intents.options.straddle import Straddle, Strangle
from solver.intents.options.vertical import Vertical
from solver.intents.perp import ClosePerp, OpenPerp
from solver.intents.swap import Swap
from solver.intents.wire import Terms, Wire

AnyKind = (
    Swap
    | OpenPerp
    | ClosePerp
    | CoveredCall
    | Deposit
    | Withdraw
    | BuyOption
    | SellOption
    | CloseOption
    | CloseAll
    | Roll
    | Straddle
    | Strangle
    | Vertical
    | Collar
    | Calendar
    | Butterfly
    | IronCondor
)
OutcomeRequest = Annotated[AnyKind, Field(discriminator="outcome")]
KINDS: dict[str, type[OutcomeKind]] = {kind.outcome_word(): kind for kind in get_args(AnyKind)}


class Wanted(Wire):
    """An outcome in human terms: what is wanted, and the terms it may be signed with."""

    request: OutcomeRequest
    terms: Terms


_WANTED: TypeAdapter[Wanted] = TypeAdapter(Wanted)


def parse_wanted(body: Mapping[str, Any]) -> Wanted:
    """Returns the typed request. Raises Malformed naming the first field that is wrong."""
    try:
        return _WANTED.validate_python(dict(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        words = [str(part) for part in first["loc"] if str(part) not in (*KINDS, *TAGS)]
        code = first["type"] if first["type"] == "wrongChecksum" else None
        raise Malformed(first["msg"][:200], code=code, field=".".join(words)[:200]) from None


def draft(
    request: OutcomeKind, account: Account, snapshot: Snapshot, terms: Terms
) -> OutcomeIntent:
    """Returns the concrete intent to sign for a human request. Raises Malformed or Refused."""
    return request.draft(account, snapshot, terms)


def compile_intent(
    intent: OutcomeIntent, account: Account, snapshot: Snapshot, scheme: str
) -> Program:
    """Returns what a signed intent asks of the solver. Raises Malformed, Refused or Infeasible."""
    kind = KINDS.get(intent.outcome)
    if kind is None:
        raise Malformed(f"outcomes are {', '.join(KINDS)}", field="outcome")
    return kind.compile(intent, account, snapshot, scheme)


def examples() -> dict[str, dict[str, Any]]:
    """Returns one realistic {request, terms} per kind, as a client would send it."""
    return {word: kind.example for word, kind in KINDS.items()}
