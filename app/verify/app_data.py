"""What a signed intent's appData says: which intent it replaces, and what it waits for.

Bound by the hash that is signed. Words that are not ours are the signer's own business.
"""

from typing import NamedTuple

from app.verify.document import parse_document
from solver.domain.errors import Malformed
from solver.domain.ids import IntentUid
from solver.domain.intent import OutcomeIntent
from solver.domain.typed_data import keccak
from solver.policies.protection import Trigger, trigger_of


class AppData(NamedTuple):
    """The uid of the intent to replace, and the trigger to wait for."""

    replaces: str | None = None
    trigger: Trigger | None = None


def app_data_of(intent: OutcomeIntent, text: str) -> AppData:
    """Returns what the document says. Raises Malformed: not what was signed, or not understood."""
    if not text and intent.app_data == bytes(32):
        return AppData()
    if keccak(text.encode()) != intent.app_data:
        detail = "appData is not the document whose hash is signed"
        raise Malformed(detail, code="appDataMismatch", field="appData")
    document = parse_document(text.encode(), "appData")
    if not isinstance(document, dict):
        raise Malformed("appData must be a JSON object", field="appData")
    replaces = document.get("replaces")
    if replaces is not None and not isinstance(replaces, str):
        raise Malformed("replaces must be a uid", field="appData.replaces")
    uid = str(IntentUid.parse(replaces, "appData.replaces")) if replaces else None
    return AppData(uid, trigger_of(document))
