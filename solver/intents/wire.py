"""The human side of an intent: strict models of outcome requests and of the terms they share.

Numbers are plain decimal strings and nothing else; a value that would be rounded is refused. What
leaves here is already typed: integers where the unit is known, text where the token decides it.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from solver.domain.errors import Malformed
from solver.domain.ids import Address, address

VALID_SECONDS_MAX = 366 * 86_400
ZERO_HASH = "0x" + "00" * 32

_UINT = re.compile(r"0|[1-9][0-9]{0,77}")


class Wire(BaseModel):
    """camelCase on the wire, unknown fields refused, nothing coerced, nothing mutable."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )


def _uint_of(bits: int) -> Any:
    def parse(value: object) -> int:
        if not isinstance(value, str) or not _UINT.fullmatch(value) or int(value) >= 2**bits:
            raise ValueError(f"a uint{bits} as a decimal string")
        return int(value)

    return parse


def _address(value: object) -> Address:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        raise ValueError("0x and 40 hex digits")
    try:
        return address(value)
    except Malformed as error:
        raise PydanticCustomError(error.code, "{words}", {"words": error.detail}) from None


def _text_schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern}, mode="validation")


_UINT_SCHEMA = _text_schema("^(0|[1-9][0-9]{0,77})$")
Uint32 = Annotated[int, BeforeValidator(_uint_of(32)), _UINT_SCHEMA]
Uint64 = Annotated[int, BeforeValidator(_uint_of(64)), _UINT_SCHEMA]
Uint256 = Annotated[int, BeforeValidator(_uint_of(256)), _UINT_SCHEMA]
AddressText = Annotated[str, BeforeValidator(_address), _text_schema("^0x[0-9a-fA-F]{40}$")]
Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,39})(\.[0-9]{1,18})?$")]
SignedAmount = Annotated[
    str, StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,18})?$")
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
Scheme = Literal["eip712", "eip1271", "permit2", "mandate", "presign"]


class Terms(Wire):
    """What every outcome is signed with. Money in whole settlement units, "none" by leaving it out.

    `scheme` permit2 takes tokens from the wallet; every other scheme is funded by the account's
    collateral. `receiver` left out keeps what is bought as collateral. maxNetCost below zero is a
    minimum credit; minNetPremium says the same without the sign. Without `nonce` one is derived
    from the request and the snapshot: asking twice within one block answers the same intent.
    """

    owner: AddressText
    subaccount: Uint64 = 0
    receiver: AddressText | None = None
    slippage_bps: Uint32 | None = None
    max_fee: Amount = "0"
    max_net_cost: SignedAmount | None = None
    min_net_premium: Amount | None = None
    max_margin_used: Amount | None = None
    min_health: Amount | None = None
    valid_for_seconds: Uint32 = 300
    partially_fillable: bool = False
    scheme: Scheme = "eip712"
    nonce: Uint256 | None = None
    app_data: Hash = ZERO_HASH
