"""What a wallet shows when a mandate is granted or revoked: eth_signTypedData_v4 documents."""

from typing import Any

from solver.domain.ids import Address
from solver.domain.mandate import Mandate
from solver.domain.typed_data import DOMAIN_FIELDS, MANDATE_FIELDS, REVOKE_FIELDS, Domain, Fields

Json = dict[str, Any]


def mandate_message(mandate: Mandate) -> Json:
    """Returns the mandate as its EIP-712 message: integers as decimal strings."""
    return {
        name: list(value) if isinstance(value, tuple) else str(value)
        for (name, _), value in zip(MANDATE_FIELDS, mandate, strict=True)
    }


def mandate_document(mandate: Mandate, domain: Domain) -> Json:
    """Returns what the owner's wallet signs to grant."""
    return _document("Mandate", MANDATE_FIELDS, mandate_message(mandate), domain)


def revoke_document(owner: Address, mandate: bytes, valid_to: int, domain: Domain) -> Json:
    """Returns what the owner's wallet signs to revoke off chain."""
    message = {"owner": owner, "mandate": "0x" + mandate.hex(), "validTo": str(valid_to)}
    return _document("RevokeMandate", REVOKE_FIELDS, message, domain)


def _document(name: str, fields: Fields, message: Json, domain: Domain) -> Json:
    types = {name: fields, "EIP712Domain": DOMAIN_FIELDS}
    return {
        "types": {
            title: [{"name": field, "type": kind} for field, kind in members]
            for title, members in types.items()
        },
        "primaryType": name,
        "domain": {
            "name": "Solvent",
            "version": "1",
            "chainId": str(domain.chain_id),
            "verifyingContract": domain.verifying_contract,
        },
        "message": message,
    }
