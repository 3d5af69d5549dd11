"""A wallet: eth-account signs the typed data that a quote answered, as any front end would ask."""

from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data

from adapters.chains.devnet.keys import DevKey


def sign(holder: DevKey, typed_data: dict[str, Any]) -> str:
    """Returns the 65-byte signature of an EIP-712 document, hex."""
    signable = encode_typed_data(full_message=numbers(typed_data, typed_data["types"]))
    signed = Account.from_key(holder.secret).sign_message(signable)
    return "0x" + bytes(signed.signature).hex()


def numbers(document: dict[str, Any], types: dict[str, Any]) -> dict[str, Any]:
    """Returns the document with integers by declared type: eth-account takes no decimal strings."""

    def convert(kind: str, value: Any) -> Any:
        if kind.endswith("[]"):
            return [convert(kind[:-2], item) for item in value]
        if kind in types:
            fields = {field["name"]: field["type"] for field in types[kind]}
            return {name: convert(fields[name], item) for name, item in value.items()}
        return int(value) if kind.startswith(("uint", "int")) else value

    return document | {
        "domain": convert("EIP712Domain", document["domain"]),
        "message": convert(document["primaryType"], document["message"]),
    }
