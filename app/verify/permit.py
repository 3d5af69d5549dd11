"""EIP-2612 for tokens that know it: an approval by signature, as typed data ready for the wallet.

A token says what it is by probing: it must count nonces, and its DOMAIN_SEPARATOR must be that of
the domain we would have signed, else nothing is handed out: a signature that does not verify is
worse than none. Sources: EIP-2612, EIP-5267.
"""

from typing import Any, NamedTuple

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from adapters.base import Call, Reverted
from adapters.chains.abi import function
from solver.domain.ids import Address, ChainId
from solver.domain.numbers import UINT256_MAX
from solver.domain.typed_data import DOMAIN_FIELDS, Fields, keccak, type_string

PERMIT_FIELDS: Fields = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
PERMIT_TYPE = keccak(type_string("Permit", PERMIT_FIELDS).encode())
_NONCES = function("nonces(address)")
_PLAIN = [
    function(f"{name}()")
    for name in ("DOMAIN_SEPARATOR", "PERMIT_TYPEHASH", "eip712Domain", "name", "version")
]
_DOMAIN_OUTPUTS = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
_VERSIONS = ("1", "2")  # where a token has no version(): OpenZeppelin and Uniswap say 1


class Grant(NamedTuple):
    """Who lets whom move a token. `deadline` is unix seconds."""

    token: Address
    owner: Address
    spender: Address
    deadline: int


async def permit_document(chain: Any, chain_id: ChainId, grant: Grant) -> dict[str, Any] | None:
    """Returns typed data that approves the largest amount; None when the token knows no EIP-2612.

    Raises Unavailable when the chain does not answer.
    """
    calls = [Call(grant.token, _NONCES.encode(grant.owner))]
    calls += [Call(grant.token, probe.encode()) for probe in _PLAIN]
    nonce, separator, permit_type, *named = await chain.call_many(calls)
    if not _is_word(nonce) or not _is_word(separator):
        return None
    if _is_word(permit_type) and permit_type != PERMIT_TYPE:  # another permit, such as DAI's
        return None
    for name, version in _names(*named):
        if _separator(name, version, chain_id, grant.token) == separator:
            return _document((name, version), chain_id, grant, int.from_bytes(nonce, "big"))
    return None


def _names(domain: bytes | Reverted, name: bytes | Reverted, version: bytes | Reverted) -> Any:
    """Yields the (name, version) pairs that the token's domain may have."""
    told = _decoded(_DOMAIN_OUTPUTS, domain)
    if told is not None:
        yield told[1], told[2]
    called = _decoded(("string",), name)
    if called is None:
        return
    own = _decoded(("string",), version)
    for candidate in own or _VERSIONS:
        yield called[0], candidate


def _decoded(types: tuple[str, ...], answer: bytes | Reverted) -> tuple[Any, ...] | None:
    if isinstance(answer, Reverted):
        return None
    try:
        return tuple(decode(types, answer))
    except (DecodingError, UnicodeDecodeError):
        return None


def _is_word(answer: bytes | Reverted) -> bool:
    return isinstance(answer, bytes) and len(answer) == 32


def _separator(name: str, version: str, chain_id: ChainId, token: Address) -> bytes:
    words = (keccak(name.encode()), keccak(version.encode()), chain_id.to_bytes(32, "big"))
    domain_type = keccak(type_string("EIP712Domain", DOMAIN_FIELDS).encode())
    return keccak(domain_type + b"".join(words) + bytes(12) + bytes.fromhex(token[2:]))


def _document(
    named: tuple[str, str], chain_id: ChainId, grant: Grant, nonce: int
) -> dict[str, Any]:
    types = {"EIP712Domain": DOMAIN_FIELDS, "Permit": PERMIT_FIELDS}
    name, version = named
    where = {"chainId": str(chain_id), "verifyingContract": grant.token}
    return {
        "types": {
            struct: [{"name": field, "type": kind} for field, kind in fields]
            for struct, fields in types.items()
        },
        "primaryType": "Permit",
        "domain": {"name": name, "version": version} | where,
        "message": {
            "owner": grant.owner,
            "spender": grant.spender,
            "value": str(UINT256_MAX),
            "nonce": str(nonce),
            "deadline": str(grant.deadline),
        },
    }
