"""Margin parameters as a file: fitted apart, versioned, signed by a risk key, checked where used.

A file says what holds now and what it was fitted over; `app.notice` says what stood here before it.
Its numbers stay within what every default allows, whoever signed them; who signed must be
a risk signer of the chain the file is for.
"""

import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from adapters.base import Call, Reverted
from adapters.chains.deployment import Deployment
from adapters.chains.settlement import decode, view
from app.verify.signature import address_of, sign, signer_of
from solver.domain.errors import Malformed, NotFound, Refused, Unauthorized
from solver.domain.ids import Address, ChainId
from solver.domain.numbers import PPM
from solver.domain.risk import MarketRisk
from solver.domain.typed_data import Fields, keccak, type_string
from solver.margin.predictive.breach import LEVELS
from solver.margin.predictive.ranges import DEFAULT, RANGE_LEAST, RANGE_MOST, has_moved, in_force

FORMAT = "solvent-risk-parameters/1"
NAME, VERSION = "Solvent risk parameters", "1"
DOMAIN_FIELDS: Fields = (("name", "string"), ("version", "string"), ("chainId", "uint256"))
FIELDS: Fields = (("version", "string"), ("issuedAt", "uint256"), ("content", "bytes32"))
MARKETS_MAX, BYTES_MAX = 64, 2**20


class MarketParameters(NamedTuple):
    """One market's. `charge` is a day's move in ppm, half of which within an hour ends the notice
    that `now` has over what was in force `before`. `to` is the last day it was fitted to."""

    charge: int
    now: MarketRisk
    before: MarketRisk
    to: str = ""


class Parameters(NamedTuple):
    """A file's content, by symbol; `issued_at` unix seconds. Without markets: the defaults."""

    version: str
    chain_id: ChainId
    issued_at: int
    markets: tuple[tuple[str, MarketParameters], ...] = ()
    signer: Address = ""
    path: str = ""  # of the file, where it was one

    def in_force(self, symbol: str, time: int, price: int = 0, hour_ago: int = 0) -> MarketRisk:
        """Returns a market's parameters at `time` (unix seconds), its price now and an hour ago
        1e18 (0: unknown): the built-in ones where the file does not name it."""
        found = dict(self.markets).get(symbol)
        if found is None:
            return DEFAULT
        moved = has_moved(price, hour_ago, found.charge)
        return in_force(found.now, found.before, time - self.issued_at, moved=moved)


BUILT_IN = Parameters("default", 0, 0)


def issue(parameters: Parameters, key: bytes) -> str:
    """Returns the file: canonical content, its signer and the EIP-712 signature."""
    made = body(parameters._replace(signer=address_of(key)))
    signature = sign(digest(made), key)
    return json.dumps(made | {"signature": "0x" + signature.hex()}, indent=2) + "\n"


def read(text: str | bytes, chain_id: ChainId) -> Parameters:
    """Returns a file's parameters once form, bounds, chain and signature hold. Whether the signer
    may sign is the chain's to say.

    Raises Malformed, Refused for another chain, Unauthorized for another's signature.
    """
    try:
        document = _Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        detail = f"risk parameters: {where or 'the file'}: {first['msg']}"[:200]
        raise Malformed(detail, code="parametersMalformed", field="risk_parameters") from None
    if document.chain_id != chain_id:
        detail = f"risk parameters are for chain {document.chain_id}, this is chain {chain_id}"
        raise Refused(detail, code="wrongChain", field="risk_parameters")
    found = parameters_of(document)
    signature = bytes.fromhex(document.signature[2:])
    if signer_of(digest(body(found)), signature) != found.signer:
        detail = f"risk parameters are not signed by {found.signer} as they stand"
        raise Unauthorized(detail, code="badSignature", field="risk_parameters")
    return found


def load(path: str | pathlib.Path, chain_id: ChainId) -> Parameters:
    """Returns the parameters in a file. Raises NotFound, or as `read`."""
    path = pathlib.Path(path)
    if not path.is_file():
        detail = f"there are no risk parameters at {path}"
        raise NotFound(detail, code="parametersMissing", field="risk_parameters")
    if path.stat().st_size > BYTES_MAX:
        detail = f"{path.name} is larger than risk parameters are"
        raise Malformed(detail, code="parametersMalformed", field="risk_parameters")
    return read(path.read_bytes(), chain_id)._replace(path=str(path))


class ViewedChain(Protocol):
    """What asking who may sign needs of a chain. Raises Unavailable."""

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]: ...


async def require_signer(
    chain: ViewedChain, deployment: Deployment, parameters: Parameters
) -> None:
    """Raises Unauthorized unless the chain knows who signed as a risk signer."""
    call = view("Params", deployment.params, "isSigner", parameters.signer)
    (answer,) = await chain.call_many([call])
    if isinstance(answer, Reverted) or not decode("Params", "isSigner", answer):
        detail = f"risk parameters are signed by {parameters.signer}, no risk signer of this chain"
        raise Unauthorized(detail, code="notSigner", field="risk_parameters")


def store(path: pathlib.Path, text: str) -> None:
    """Writes a file in one step: a service that starts meanwhile reads the old one or the new."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)


def digest(body: Mapping[str, Any]) -> bytes:
    """Returns what a risk key signs, EIP-712: RiskParameters(version, issuedAt, content), where
    content is Keccak-256 of the body without signature as RFC 8785 writes it."""
    domain = _struct("EIP712Domain", DOMAIN_FIELDS) + _text(NAME) + _text(VERSION)
    domain += _word(body["chainId"])
    struct = _struct("RiskParameters", FIELDS) + _text(body["version"])
    struct += _word(body["issuedAt"]) + keccak(rfc8785.dumps(dict(body)))
    return keccak(b"\x19\x01" + keccak(domain) + keccak(struct))


def _struct(name: str, fields: Fields) -> bytes:
    return keccak(type_string(name, fields).encode())


def _text(text: str) -> bytes:
    return keccak(text.encode())


def _word(number: int) -> bytes:
    return int(number).to_bytes(32, "big")


# ---- the file

Ppm = Annotated[int, Field(ge=1, le=PPM)]
Text = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[ -~]+$")]


class _Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, serialize_by_alias=True
    )


class _Risk(_Model):
    version: Text
    spot_initial: int
    spot_maintenance: int
    vol_up: int
    vol_down: int
    daily: Ppm
    depth: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,59})$")]
    tails: list[int] = []

    @model_validator(mode="after")
    def _within(self) -> "_Risk":
        for name in ("spot_initial", "spot_maintenance", "vol_up", "vol_down"):
            default, value = getattr(DEFAULT, name), getattr(self, name)
            if not default * RANGE_LEAST // PPM <= value <= default * RANGE_MOST // PPM:
                raise ValueError(f"{to_camel(name)} is not within .6 and 1.6 of {default}")
        if self.spot_maintenance > self.spot_initial:
            raise ValueError("maintenance asks for more than initial margin")
        return self

    @field_validator("tails")
    @classmethod
    def _ascending(cls, tails: list[int]) -> list[int]:
        if tails and (len(tails) != len(LEVELS) or tails != sorted(tails)):
            raise ValueError(f"{len(LEVELS)} quantiles, ascending, or none")
        return tails


class _Market(_Model):
    charge: Ppm
    now: _Risk
    before: _Risk
    to: Annotated[str, Field(max_length=10)] = ""


class Content(_Model):
    """A file's form, without its signature."""

    format: Literal["solvent-risk-parameters/1"]
    version: Text
    chain_id: Annotated[int, Field(ge=1, le=2**53)]
    issued_at: Annotated[int, Field(ge=0, le=2**40)]
    markets: Annotated[dict[Text, _Market], Field(max_length=MARKETS_MAX)]
    signer: Annotated[str, Field(pattern=r"^0x[0-9a-f]{40}$")]


class _Document(Content):
    signature: Annotated[str, Field(pattern=r"^0x[0-9a-f]{130}$")]


def parameters_of(document: Content) -> Parameters:
    """Returns what a file of sound form says."""
    markets = tuple(
        (symbol, MarketParameters(each.charge, _risk(each.now), _risk(each.before), each.to))
        for symbol, each in sorted(document.markets.items())
    )
    return Parameters(
        document.version, document.chain_id, document.issued_at, markets, document.signer
    )


def _risk(model: _Risk) -> MarketRisk:
    return MarketRisk(
        **(
            model.model_dump(by_alias=False)
            | {"depth": int(model.depth), "tails": tuple(model.tails)}
        )
    )


def body(parameters: Parameters) -> dict[str, Any]:
    """Returns the content of a file, of which its signature speaks."""
    return {
        "format": FORMAT,
        "version": parameters.version,
        "chainId": parameters.chain_id,
        "issuedAt": parameters.issued_at,
        "markets": {
            symbol: {
                "charge": each.charge,
                "now": _written(each.now),
                "before": _written(each.before),
                "to": each.to,
            }
            for symbol, each in sorted(parameters.markets)
        },
        "signer": parameters.signer,
    }


def _written(risk: MarketRisk) -> dict[str, Any]:
    fields = {to_camel(name): value for name, value in risk._asdict().items()}
    return fields | {"depth": str(risk.depth), "tails": list(risk.tails)}
