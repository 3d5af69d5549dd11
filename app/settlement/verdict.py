"""What a revert means for an intent: most can be tried again, a few can never succeed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from adapters.chains.settlement import decode_error

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

    In a batch nobody can tell whose fault it was, so all are open again.
    """
    name, arguments = decode_error(raw)
    code = name[:1].lower() + name[1:] or "reverted"
    is_unsigned = name == "BadSignature" and arguments.get("signer") == owners[0]
    never = len(owners) == 1 and (name in NEVER or is_unsigned)
    return Verdict("failed" if never else "open", code, _words(name, arguments))


def _words(name: str, arguments: Mapping[str, Any]) -> str:
    told = ", ".join(f"{key} {_plain(value)}" for key, value in arguments.items())
    return f"the chain refused: {name or 'no reason given'}({told})"[:400]


def _plain(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
