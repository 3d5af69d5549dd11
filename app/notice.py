"""The day of notice of margin parameters, from when they came into force here and over what stood.

A file alone cannot say that: it may lie for days before it is used, be an old one again, or follow
one its writer never saw. So what is in force is kept beside it, and a restart goes on from there.
"""

import hashlib
import json
import pathlib
from typing import Annotated

from pydantic import Field, ValidationError

from app.parameters import (
    BUILT_IN,
    BYTES_MAX,
    Content,
    MarketParameters,
    Parameters,
    body,
    parameters_of,
    store,
)
from solver.domain.errors import Malformed, Refused
from solver.domain.risk import MarketRisk

SUFFIX = ".inforce"


class _Record(Content):
    """What is in force: `of` names the file, `issuedAt` is when it came into force, `before` what
    stood then."""

    of: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def put_in_force(parameters: Parameters, time: int) -> Parameters:
    """Returns the parameters with notice from when they first were in force here, `time` (unix
    seconds) where that is now, over what stood then; the built-in ones as they are.

    Raises Malformed when what is kept beside the file is no record, Refused when nothing can be.
    """
    if not parameters.path:
        return parameters
    path = pathlib.Path(parameters.path + SUFFIX)
    named = _digest(parameters)
    kept = _read(path)
    if kept is not None and kept[0] == named:
        return kept[1]._replace(path=parameters.path)
    stood = BUILT_IN if kept is None else kept[1]
    found = parameters._replace(issued_at=time, markets=_markets(parameters, stood, time))
    try:
        store(path, json.dumps(body(found) | {"of": named}, indent=2) + "\n")
    except OSError as error:
        detail = f"{path} cannot be written, and with it goes the notice of margin: {error}"[:200]
        raise Refused(detail, code="noticeNotKept", field="risk_parameters") from error
    return found


def _markets(
    parameters: Parameters, stood: Parameters, time: int
) -> tuple[tuple[str, MarketParameters], ...]:
    """Returns every market of either, the new over what stood; one that is named no more goes back
    to the built-in ones with the same notice."""
    new, old = dict(parameters.markets), dict(stood.markets)
    gone = {name: each._replace(now=MarketRisk(), to="") for name, each in old.items()}
    return tuple(
        (name, each._replace(before=stood.in_force(name, time)))
        for name, each in sorted((gone | new).items())
    )


def _digest(parameters: Parameters) -> str:
    return hashlib.sha256(json.dumps(body(parameters), sort_keys=True).encode()).hexdigest()


def _read(path: pathlib.Path) -> tuple[str, Parameters] | None:
    """Returns the digest of the file in force and the parameters as they stand; None without."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            record = _Record.model_validate_json(file.read(BYTES_MAX + 1))
    except ValidationError as error:
        detail = f"{path.name} is not what we wrote; without it a day of notice begins anew"
        raise Malformed(detail, code="parametersMalformed", field="risk_parameters") from error
    return record.of, parameters_of(record)
