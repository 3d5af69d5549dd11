"""Who signed, by which scheme: a key, a contract wallet, a Permit2 witness, the chain's own record.

What is refused here the contracts refuse too; here it is before anyone pays gas, and it says why.
Stricter than the chain in one thing: an owner without code signs as a key, not as eip1271.
"""

from typing import NamedTuple

from adapters.base import Reverted
from app.verify.signature import is_undeployed, nested_fault, recover, signer_of
from app.verify.wallet import Chainside, Opinion, opinion
from solver.domain.errors import Unauthorized, Unavailable
from solver.domain.ids import Address, IntentUid
from solver.domain.intent import SignedIntent
from solver.domain.typed_data import keccak, permit2_digest

_PRESIGNED = keccak(b"presigned(address,bytes32)")[:4]


class Claim(NamedTuple):
    """A signature and what it is said to be."""

    owner: Address
    digest: bytes
    signature: bytes
    scheme: str | None  # None where nobody says, as in a cancel: the key first, then the code


class Verdict(NamedTuple):
    """What came of a claim. `opinion` is None while the code of the owner was not asked."""

    is_signed: bool
    recovered: Address | None
    opinion: Opinion | None = None


async def authorise(world: Chainside, signed: SignedIntent, uid: IntentUid) -> None:
    """Raises Unauthorized unless the owner signed, by the scheme the intent comes with."""
    claim = Claim(signed.intent.owner, uid.digest, signed.signature, signed.scheme)
    match signed.scheme:
        case "permit2":
            digest = permit2_digest(signed.intent, world.domain, world.deployment.permit2)
            claim = claim._replace(digest=digest)
        case "presign":
            return await _by_record(world, claim)
        case "eip712" | "eip1271":
            pass
        case _:
            detail = "owners sign by eip712, permit2, eip1271 and presign, not by a mandate"
            raise Unauthorized(detail, code="schemeNotOpen", field="scheme")
    verdict = await _judge(world, claim)
    if not verdict.is_signed:
        raise _refusal(claim, verdict, _meant(world, signed, uid))


async def require_signed(world: Chainside, owner: Address, digest: bytes, signature: bytes) -> None:
    """Raises Unauthorized unless the owner's key signed the digest or its code says so (ERC-1271):
    for what comes without a scheme, like cancels."""
    claim = Claim(owner, digest, signature, None)
    verdict = await _judge(world, claim)
    if not verdict.is_signed:
        raise _refusal(claim, verdict)


async def is_signed_by(world: Chainside, owner: Address, digest: bytes, signature: bytes) -> bool:
    """True for a signature of the owner's key; else its contract is asked (ERC-1271)."""
    return (await _judge(world, Claim(owner, digest, signature, None))).is_signed


async def _judge(world: Chainside, claim: Claim) -> Verdict:
    """The key comes first as in Settlement, except that Permit2 asks the code of whoever has code,
    also of an account that has only delegated (EIP-7702)."""
    recovered = signer_of(claim.digest, claim.signature)
    is_key = recovered == claim.owner
    if is_key and claim.scheme in ("eip712", None):
        return Verdict(True, recovered)
    is_permit2 = claim.scheme == "permit2"
    asker = world.deployment.permit2 if is_permit2 else world.domain.verifying_contract
    try:
        said = await opinion(world, asker, claim.owner, claim.digest, claim.signature)
    except Unavailable:
        if claim.scheme == "eip712":  # refused already: the code would only have told the hint
            return Verdict(False, recovered)
        raise
    match claim.scheme:
        case "eip712":
            is_signed = False
        case "permit2":
            is_signed = said.is_accepted if said.has_code else is_key
        case "eip1271":
            is_signed = said.has_code and (is_key or said.is_accepted)
        case _:
            is_signed = said.is_accepted
    return Verdict(is_signed, recovered, said)


async def _by_record(world: Chainside, claim: Claim) -> None:
    """The owner called presign(digest) on the contract."""
    words = bytes(12) + bytes.fromhex(claim.owner[2:]) + claim.digest
    settlement = world.domain.verifying_contract
    try:
        answer: bytes = await world.chain.call(settlement, _PRESIGNED + words)
    except Reverted:
        answer = b""
    if answer != (1).to_bytes(32, "big"):
        detail = "the owner has not called presign with the expected digest on Settlement"
        raise _bad(claim, None, detail)


def _meant(world: Chainside, signed: SignedIntent, uid: IntentUid) -> str | None:
    """Returns the scheme under which this signature would be the owner's key's, if there is one."""
    if signed.scheme == "permit2":
        other, digest = "eip712", uid.digest
    else:
        other = "permit2"
        digest = permit2_digest(signed.intent, world.domain, world.deployment.permit2)
    return other if signer_of(digest, signed.signature) == signed.intent.owner else None


def _refusal(claim: Claim, verdict: Verdict, meant: str | None = None) -> Unauthorized:
    said = verdict.opinion or Opinion(has_code=False)
    if said.gas_used and not said.is_accepted:
        detail = (
            f"the owner's isValidSignature takes {said.gas_used} gas and a settlement gives it at "
            f"most {said.gas_limit}; the scheme presign needs no answer of the wallet"
        )
        more = {"gasUsed": str(said.gas_used), "gasLimit": str(said.gas_limit)}
        return _bad(claim, verdict.recovered, detail, code="walletTooCostly", more=more)
    if not said.has_code and is_undeployed(claim.signature):
        detail = "the owner has no code and the signature is of a wallet yet to be deployed"
        detail += " (ERC-6492): deploy the wallet first"
        return _bad(claim, verdict.recovered, detail, code="walletNotDeployed")
    detail = _of_code(claim, verdict, said) if said.has_code else _of_key(claim, verdict)
    if meant is not None:
        detail = f"the owner signed the typed data of scheme {meant}: send that scheme, or sign "
        detail += "the typed data that a quote of this scheme answers"
    return _bad(claim, verdict.recovered, detail)


def _of_key(claim: Claim, verdict: Verdict) -> str:
    if claim.scheme == "eip1271":
        return "the owner has no code to ask: its key signs, and the scheme is eip712"
    if verdict.recovered is None:
        return _form(claim)
    signed_by = f"signed by {verdict.recovered}, the owner is {claim.owner}"
    return f"{signed_by}; sign the typed data that the quote answered"


def _form(claim: Claim) -> str:
    """Returns why this is no signature of any key."""
    try:
        return f"signed by {recover(claim.digest, claim.signature)}"
    except Unauthorized as error:
        return error.detail


def _of_code(claim: Claim, verdict: Verdict, said: Opinion) -> str:
    if claim.scheme == "eip712":
        told = "accepts this signature" if said.is_accepted else "is the one to ask"
        return f"the owner is a contract whose isValidSignature {told}: the scheme is eip1271"
    detail = "the owner is a contract and its isValidSignature did not accept"
    if is_undeployed(claim.signature):
        return f"{detail}: it is deployed, so send the signature without its ERC-6492 wrapping"
    if verdict.recovered == claim.owner:
        return f"{detail}: Permit2 asks the code of an owner that has code, never its key"
    fault = nested_fault(claim.digest, claim.signature)
    return f"{detail}: {fault}" if fault else detail


def _bad(
    claim: Claim,
    recovered: Address | None,
    detail: str,
    *,
    code: str = "badSignature",
    more: dict[str, str] | None = None,
) -> Unauthorized:
    data: dict[str, object] = {
        "expectedDigest": "0x" + claim.digest.hex(),
        "expectedSigner": claim.owner,
        "recovered": recovered,
        "scheme": claim.scheme,
    }
    return Unauthorized(detail, code=code, field="signature", data=data | (more or {}))
