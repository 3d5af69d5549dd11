"""Who may do what: strict documents, signatures, and the admission of signed intents."""

from app.verify.admission import Admission, CancelRequest, verify, verify_cancel
from app.verify.authority import authorise
from app.verify.document import parse_document
from app.verify.signature import address_of, recover, sign, signer_of

__all__ = [
    "Admission",
    "CancelRequest",
    "address_of",
    "authorise",
    "parse_document",
    "recover",
    "sign",
    "signer_of",
    "verify",
    "verify_cancel",
]
