"""What a revert means for an intent: most can be tried again, a few can never succeed."""

from typing import Any, NamedTuple

from adapters.chains.settlement import decode_error
from solver.domain.mandate import BUDGET_RULES

# The intent itself is at fault, whatever the chain's state, the prices or the plan.
NEVER = frozenset(
    {"UnknownScheme", "ScopeExceeded", "PartialDelta", "WrongChain", "LegKind", "NotQuoteToken"}
    | {"Unbounded", "WalletPullNeedsPermit2"}
)


class Verdict(NamedTuple):
    """Where the intents go, and the decoded reason."""

    to_state: str  # open | failed
    code: str
    detail: str


def verdict_of(raw: bytes, owners: tuple[str, ...]) -> Verdict:
    """Returns what revert data means for intents of `owners`.

    In a batch nobody can tell whose fault it was, so all are open again. The numbers of an error
    may be signed limits and states are public: they are told only of an intent that has ended.
    """
    name, arguments = decode_error(raw)
    code = name[:1].lower() + name[1:] or "reverted"
    is_unsigned = name == "BadSignature" and arguments.get("signer") == owners[0]
    # A mandate's budget is new every day, and it may yet begin: any other rule of it stays broken.
    is_passing = arguments.get("rule") in BUDGET_RULES | {"validFrom"}
    never = not is_passing and len(owners) == 1 and (name in NEVER or is_unsigned)
    if not never:
        return Verdict("open", code, _words(name))
    told = ", ".join(f"{key} {_plain(value)}" for key, value in arguments.items())
    return Verdict("failed", code, f"{_words(name)}({told})"[:400])


def _words(name: str) -> str:
    return f"the chain refused: {name or 'no reason given'}"


def _plain(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
