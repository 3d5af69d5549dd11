"""EIP-712: what a wallet shows is what the chain hashes. Hand-encoded, because intake waits for it.

Type strings are the contract's (contracts/src/libraries/TypedData.sol) and PRODUCT's; a test holds
them against eth-account, viem and the contract. Sources: EIP-712; Permit2 SignatureTransfer.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from sha3 import keccak_256

from solver.domain.ids import Address, ChainId, IntentUid
from solver.domain.intent import Leg, Limits, MakerQuote, OutcomeIntent
from solver.domain.mandate import Mandate
from solver.domain.report import Report

Fields = tuple[tuple[str, str], ...]

DOMAIN_FIELDS: Fields = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
LEG_FIELDS: Fields = (
    ("kind", "string"),
    ("asset", "address"),
    ("side", "string"),
    ("right", "string"),
    ("strikeMin", "uint256"),
    ("strikeMax", "uint256"),
    ("expiryMin", "uint64"),
    ("expiryMax", "uint64"),
    ("quantityMin", "uint256"),
    ("quantityMax", "uint256"),
    ("limitPrice", "uint256"),
    ("chainId", "uint256"),
)
LIMITS_FIELDS: Fields = (
    ("settlementToken", "address"),
    ("maxNetCost", "int256"),
    ("maxFee", "uint256"),
    ("maxSlippageBps", "uint32"),
    ("targetDelta", "int256"),
    ("deltaTolerance", "uint256"),
    ("maxMarginUsed", "uint256"),
    ("minHealth", "uint256"),
)
INTENT_FIELDS: Fields = (
    ("owner", "address"),
    ("subaccount", "uint64"),
    ("receiver", "address"),
    ("outcome", "string"),
    ("legs", "Leg[]"),
    ("limits", "Limits"),
    ("partiallyFillable", "bool"),
    ("validFrom", "uint32"),
    ("validTo", "uint32"),
    ("nonce", "uint256"),
    ("appData", "bytes32"),
)
TOKEN_PERMISSIONS_FIELDS: Fields = (("token", "address"), ("amount", "uint256"))
PERMIT_FIELDS: Fields = (
    ("permitted", "TokenPermissions[]"),
    ("spender", "address"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
    ("witness", "OutcomeIntent"),
)
MANDATE_FIELDS: Fields = (
    ("owner", "address"),
    ("subaccount", "uint64"),
    ("agent", "address"),
    ("validFrom", "uint32"),
    ("validTo", "uint32"),
    ("outcomes", "string[]"),
    ("assets", "address[]"),
    ("notionalPerDay", "uint256"),
    ("lossPerDay", "uint256"),
    ("maxSlippageBps", "uint32"),
    ("maxMarginUsed", "uint256"),
    ("minHealth", "uint256"),
    ("nonce", "uint256"),
)
REVOKE_FIELDS: Fields = (("owner", "address"), ("mandate", "bytes32"), ("validTo", "uint32"))
TYPES: dict[str, Fields] = {
    "Leg": LEG_FIELDS,
    "Limits": LIMITS_FIELDS,
    "OutcomeIntent": INTENT_FIELDS,
}


def keccak(data: bytes) -> bytes:
    """Returns Keccak-256 (not NIST SHA-3)."""
    digest: bytes = keccak_256(data).digest()
    return digest


def type_string(name: str, fields: Fields) -> str:
    """Returns `Name(type field,...)`, the member part of EIP-712's encodeType."""
    return f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})"


_LEG = type_string("Leg", LEG_FIELDS)
_LIMITS = type_string("Limits", LIMITS_FIELDS)
_INTENT = type_string("OutcomeIntent", INTENT_FIELDS)
_TOKEN_PERMISSIONS = type_string("TokenPermissions", TOKEN_PERMISSIONS_FIELDS)
LEG_TYPE = keccak(_LEG.encode())
LIMITS_TYPE = keccak(_LIMITS.encode())
INTENT_TYPE = keccak((_INTENT + _LEG + _LIMITS).encode())
PERMIT_TYPE = keccak(
    (
        type_string("PermitBatchWitnessTransferFrom", PERMIT_FIELDS)
        + _LEG
        + _LIMITS
        + _INTENT
        + _TOKEN_PERMISSIONS
    ).encode()
)
TOKEN_PERMISSIONS_TYPE = keccak(_TOKEN_PERMISSIONS.encode())
QUOTE_TYPE = keccak(
    b"Quote(address maker,uint64 subaccount,address solver,uint160 instrument,bool makerSells,"
    b"uint256 price,uint256 maxQuantity,uint32 validTo,uint256 nonce)"
)
MARK_TYPE = keccak(b"Mark(uint160 instrument,uint256 price)")
_RISK = (
    b"AccountRisk(bytes32 account,bytes32 positionsBefore,bytes32 positionsAfter,"
    b"int256 optionsMtm,uint256 imBefore,uint256 im,uint256 mm,int256 netDelta,uint16 market)"
)
ACCOUNT_RISK_TYPE = keccak(_RISK)
REPORT_TYPE = keccak(
    b"Report(bytes32 snapshotHash,uint40 asOf,uint40 validUntil,"
    b"Mark[] marks,AccountRisk[] accounts)" + _RISK + b"Mark(uint160 instrument,uint256 price)"
)
CANCEL_FIELDS: Fields = (("owner", "address"), ("uids", "bytes[]"), ("validTo", "uint32"))
CANCEL_ALL_FIELDS: Fields = (("owner", "address"), ("epoch", "uint64"), ("validTo", "uint32"))
CANCEL_TYPE = keccak(type_string("CancelIntents", CANCEL_FIELDS).encode())
CANCEL_ALL_TYPE = keccak(type_string("CancelAll", CANCEL_ALL_FIELDS).encode())
MANDATE_TYPE = keccak(type_string("Mandate", MANDATE_FIELDS).encode())
REVOKE_TYPE = keccak(type_string("RevokeMandate", REVOKE_FIELDS).encode())
_DOMAIN_TYPE = keccak(type_string("EIP712Domain", DOMAIN_FIELDS).encode())
_PERMIT2_DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,uint256 chainId,address verifyingContract)"
)


class Domain(NamedTuple):
    """The EIP-712 domain: Settlement for intents, quotes and cancels; Attestation for reports."""

    chain_id: ChainId
    verifying_contract: Address


def _word(number: int) -> bytes:
    return (number & (2**256 - 1)).to_bytes(32, "big")


def _address(text: Address) -> bytes:
    return bytes(12) + bytes.fromhex(text[2:])


@lru_cache(maxsize=1024)
def _text(text: str) -> bytes:
    return keccak(text.encode())


@lru_cache(maxsize=64)
def separator(domain: Domain) -> bytes:
    """Returns the domain separator of {name "Solvent", version "1", chainId, verifyingContract}."""
    return keccak(
        _DOMAIN_TYPE
        + _text("Solvent")
        + _text("1")
        + _word(domain.chain_id)
        + _address(domain.verifying_contract)
    )


@lru_cache(maxsize=64)
def permit2_separator(chain_id: ChainId, permit2: Address) -> bytes:
    """Returns Permit2's domain separator (it has no version)."""
    return keccak(_PERMIT2_DOMAIN_TYPE + _text("Permit2") + _word(chain_id) + _address(permit2))


def _digest(separator_: bytes, struct_hash: bytes) -> bytes:
    return keccak(b"\x19\x01" + separator_ + struct_hash)


def leg_hash(leg: Leg) -> bytes:
    """Returns hashStruct of one leg."""
    head = LEG_TYPE + _text(leg.kind) + _address(leg.asset) + _text(leg.side) + _text(leg.right)
    return keccak(head + b"".join(_word(number) for number in leg[4:]))


def limits_hash(limits: Limits) -> bytes:
    """Returns hashStruct of the limits."""
    numbers = b"".join(_word(number) for number in limits[1:])
    return keccak(LIMITS_TYPE + _address(limits.settlement_token) + numbers)


def intent_hash(intent: OutcomeIntent) -> bytes:
    """Returns hashStruct of the whole intent."""
    return keccak(
        INTENT_TYPE
        + _address(intent.owner)
        + _word(intent.subaccount)
        + _address(intent.receiver)
        + _text(intent.outcome)
        + keccak(b"".join(leg_hash(leg) for leg in intent.legs))
        + limits_hash(intent.limits)
        + _word(intent.is_partially_fillable)
        + _word(intent.valid_from)
        + _word(intent.valid_to)
        + _word(intent.nonce)
        + intent.app_data
    )


def intent_digest(intent: OutcomeIntent, domain: Domain) -> bytes:
    """Returns what `eip712` signers sign; the first 32 bytes of the UID under every scheme."""
    return _digest(separator(domain), intent_hash(intent))


def uid_of(intent: OutcomeIntent, domain: Domain) -> IntentUid:
    """Returns the intent's identity."""
    return IntentUid(intent_digest(intent, domain), intent.owner, intent.valid_to)


def permitted(intent: OutcomeIntent) -> tuple[tuple[Address, int], ...]:
    """Returns Permit2's list: token-sell and deposit legs in leg order, at quantityMax."""
    return tuple(
        (leg.asset, leg.quantity_max)
        for leg in intent.legs
        if (leg.kind, leg.side) in (("token", "sell"), ("collateral", "deposit"))
    )


def permit2_digest(intent: OutcomeIntent, domain: Domain, permit2: Address) -> bytes:
    """Returns what `permit2` signers sign: the transfer with the intent as its witness."""
    tokens = b"".join(
        keccak(TOKEN_PERMISSIONS_TYPE + _address(token) + _word(amount))
        for token, amount in permitted(intent)
    )
    struct = keccak(
        PERMIT_TYPE
        + keccak(tokens)
        + _address(domain.verifying_contract)
        + _word(intent.nonce)
        + _word(intent.valid_to)
        + intent_hash(intent)
    )
    return _digest(permit2_separator(domain.chain_id, permit2), struct)


def quote_digest(quote: MakerQuote, domain: Domain) -> bytes:
    """Returns what a maker signs."""
    struct = (
        QUOTE_TYPE
        + _address(quote.maker)
        + _word(quote.subaccount)
        + _address(quote.solver)
        + b"".join(_word(int(number)) for number in quote[3:])
    )
    return _digest(separator(domain), keccak(struct))


def report_digest(report: Report, domain: Domain) -> bytes:
    """Returns what a risk signer signs; the domain is the Attestation contract's."""
    marks = b"".join(keccak(MARK_TYPE + _word(m.instrument) + _word(m.price)) for m in report.marks)
    risks = b"".join(
        keccak(
            ACCOUNT_RISK_TYPE
            + risk.account
            + risk.positions_before
            + risk.positions_after
            + b"".join(_word(number) for number in risk[3:])
        )
        for risk in report.accounts
    )
    struct = (
        REPORT_TYPE
        + report.snapshot_hash
        + _word(report.as_of)
        + _word(report.valid_until)
        + keccak(marks)
        + keccak(risks)
    )
    return _digest(separator(domain), keccak(struct))


def cancel_digest(
    owner: Address, uids: Iterable[IntentUid], valid_to: int, domain: Domain
) -> bytes:
    """Returns what an owner signs to cancel the named intents off chain."""
    hashes = b"".join(keccak(bytes.fromhex(str(uid)[2:])) for uid in uids)
    struct = CANCEL_TYPE + _address(owner) + keccak(hashes) + _word(valid_to)
    return _digest(separator(domain), keccak(struct))


def cancel_all_digest(owner: Address, epoch: int, valid_to: int, domain: Domain) -> bytes:
    """Returns what an owner signs to cancel everything below `epoch` off chain."""
    struct = CANCEL_ALL_TYPE + _address(owner) + _word(epoch) + _word(valid_to)
    return _digest(separator(domain), keccak(struct))


def mandate_digest(mandate: Mandate, domain: Domain) -> bytes:
    """Returns what an owner signs to grant a mandate: its identity here and on chain."""
    struct = (
        MANDATE_TYPE
        + _address(mandate.owner)
        + _word(mandate.subaccount)
        + _address(mandate.agent)
        + _word(mandate.valid_from)
        + _word(mandate.valid_to)
        + keccak(b"".join(_text(outcome) for outcome in mandate.outcomes))
        + keccak(b"".join(_address(asset) for asset in mandate.assets))
        + b"".join(_word(number) for number in mandate[7:])
    )
    return _digest(separator(domain), keccak(struct))


def revoke_digest(owner: Address, mandate: bytes, valid_to: int, domain: Domain) -> bytes:
    """Returns what an owner signs to revoke a mandate off chain."""
    struct = REVOKE_TYPE + _address(owner) + mandate + _word(valid_to)
    return _digest(separator(domain), keccak(struct))


def _json_fields(fields: Fields) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in fields]


def message(intent: OutcomeIntent) -> dict[str, Any]:
    """Returns the intent as a wallet's EIP-712 message: integers as decimal strings."""
    nested = {
        "legs": [_values(LEG_FIELDS, leg) for leg in intent.legs],
        "limits": _values(LIMITS_FIELDS, intent.limits),
        "partiallyFillable": intent.is_partially_fillable,
        "appData": "0x" + intent.app_data.hex(),
    }
    return _values(INTENT_FIELDS, intent) | nested


def _values(fields: Fields, struct: Iterable[Any]) -> dict[str, Any]:
    pairs = zip(fields, struct, strict=True)
    return {name: str(value) if isinstance(value, int) else value for (name, _), value in pairs}


def typed_data(
    intent: OutcomeIntent, domain: Domain, scheme: str, permit2: Address
) -> dict[str, Any]:
    """Returns the eth_signTypedData_v4 document for `scheme`: Permit2's own, or the intent's."""
    types = {name: _json_fields(fields) for name, fields in TYPES.items()}
    where = {"chainId": str(domain.chain_id)}
    if scheme == "permit2":
        types["TokenPermissions"] = _json_fields(TOKEN_PERMISSIONS_FIELDS)
        types["PermitBatchWitnessTransferFrom"] = _json_fields(PERMIT_FIELDS)
        types["EIP712Domain"] = [f for f in _json_fields(DOMAIN_FIELDS) if f["name"] != "version"]
        return {
            "types": types,
            "primaryType": "PermitBatchWitnessTransferFrom",
            "domain": {"name": "Permit2"} | where | {"verifyingContract": permit2},
            "message": {
                "permitted": [
                    {"token": token, "amount": str(amount)} for token, amount in permitted(intent)
                ],
                "spender": domain.verifying_contract,
                "nonce": str(intent.nonce),
                "deadline": str(intent.valid_to),
                "witness": message(intent),
            },
        }
    types["EIP712Domain"] = _json_fields(DOMAIN_FIELDS)
    return {
        "types": types,
        "primaryType": "OutcomeIntent",
        "domain": {"name": "Solvent", "version": "1"}
        | where
        | {"verifyingContract": domain.verifying_contract},
        "message": message(intent),
    }
