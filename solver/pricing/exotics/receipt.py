"""What a sampled price was made of, so that anybody can make it again.

A receipt names model, parameters, seed and points; computed again it must give its price to 1e-8.
Numbers travel as decimal strings that round-trip to the same float.
"""

import hashlib
import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

from solver.domain.errors import Malformed, NotFound
from solver.domain.instrument import ASIAN_KINDS, Instrument
from solver.domain.snapshot import Snapshot
from solver.pricing.exotics import asian, bridge
from solver.pricing.exotics.sampling import POINTS_MAX, Effort, Estimate

AGREEMENT = 1e-8  # of the price; relative where it is above 1
CELLS_MAX = 2**26  # points x dimension that checking a receipt may cost

Parameters = asian.Average | bridge.Watched
_MODELS: dict[str, tuple[type[Parameters], Callable[[Any, Effort, int], Estimate]]] = {
    asian.MODEL: (asian.Average, asian.sampled),
    bridge.MODEL: (bridge.Watched, bridge.sampled),
}
_NAMES = {kind: name for name, (kind, _) in _MODELS.items()}


class Receipt(NamedTuple):
    """Price and standard error in settlement units; `snapshot` is the hex hash of what the
    parameters were read from, "" where there was none."""

    model: str
    parameters: Parameters
    seed: int
    points: int
    price: float
    error: float
    snapshot: str = ""

    @property
    def hash(self) -> str:
        """sha256 of the JSON, hex: what commits to the receipt."""
        return hashlib.sha256(to_json(self).encode()).hexdigest()


def issue(parameters: Parameters, effort: Effort, seed: int, snapshot: bytes = b"") -> Receipt:
    """Returns the receipt of pricing `parameters` once."""
    model = _NAMES[type(parameters)]
    found = _MODELS[model][1](parameters, effort, seed)
    digest = "0x" + snapshot.hex() if snapshot else ""
    return Receipt(model, parameters, seed, *_told(found), digest)


def of_mark(instrument: Instrument, snapshot: Snapshot) -> Receipt:
    """Returns the receipt of an Asian option's mark. Raises NotFound where the mark is not sampled:
    for any other instrument, without the market, and once no fixing is open."""
    underlying = snapshot.underlying(instrument.market)
    if underlying is None or instrument.kind not in ASIAN_KINDS:
        raise NotFound("only the mark of an Asian option is sampled", field="instrument")
    fixing, price = underlying.fixing_of(instrument.expiry), underlying.price
    average = asian.average_of(instrument, underlying.surface, price, snapshot.time, fixing)
    if not average.forwards:
        raise NotFound("its last fixing is due: the mark is exact", field="instrument")
    return issue(average, *asian.mark_terms(average), snapshot.hash)


def verify(receipt: Receipt) -> bool:
    """Returns whether pricing again gives the receipt's price and error to 1e-8.

    Raises Malformed for parameters that cannot be priced or would cost too much.
    """
    _require(receipt)
    effort = Effort(accuracy=-1.0, points=receipt.points)  # the points say when to stop
    again = _MODELS[receipt.model][1](receipt.parameters, effort, receipt.seed)
    allowed = AGREEMENT * max(1.0, abs(receipt.price))
    is_same = abs(again.value - receipt.price) <= allowed
    return (
        is_same and abs(again.error - receipt.error) <= allowed and again.points == receipt.points
    )


def document(receipt: Receipt) -> dict[str, Any]:
    """Returns the receipt as a JSON document: floats as the shortest decimal that reads back."""
    return {
        "model": receipt.model,
        "parameters": {
            _camel(name): _text(value) for name, value in receipt.parameters._asdict().items()
        },
        "seed": receipt.seed,
        "points": receipt.points,
        "price": repr(receipt.price),
        "error": repr(receipt.error),
        "snapshotHash": receipt.snapshot,
    }


def to_json(receipt: Receipt) -> str:
    """Returns the document with sorted keys and no spaces: equal receipts give equal bytes."""
    return json.dumps(document(receipt), sort_keys=True, separators=(",", ":"))


def from_json(text: str | bytes) -> Receipt:
    """Inverse of `to_json`. Raises Malformed for anything else."""
    try:
        found = json.loads(text)
        kind = _MODELS[found["model"]][0]
        wire = {_camel(name): name for name in kind._fields}
        read = {wire[name]: _value(value) for name, value in found["parameters"].items()}
        numbers = float(found["price"]), float(found["error"])
        counts = int(found["seed"]), int(found["points"])
        receipt = Receipt(
            found["model"], kind(**read), *counts, *numbers, str(found["snapshotHash"])
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"this is no receipt: {error!r:.100}", field="receipt") from None
    _require(receipt)
    return receipt


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _told(found: Estimate) -> tuple[int, float, float]:
    return found.points, found.value, found.error


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    return [repr(each) for each in value] if isinstance(value, tuple) else repr(float(value))


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    return tuple(float(each) for each in value) if isinstance(value, list) else float(value)


def _require(receipt: Receipt) -> None:
    parameters = receipt.parameters
    forwards, variances = parameters.forwards, parameters.variances
    flat = [x for value in parameters for x in (value if isinstance(value, tuple) else (value,))]
    is_sane = (
        len(forwards) == len(variances) >= 1
        and all(math.isfinite(x) for x in (*flat, receipt.price, receipt.error))
        and min(*forwards, parameters.discount) > 0
        and variances[0] >= 0
        and all(a <= b for a, b in pairwise(variances))
        and 0 <= receipt.points <= POINTS_MAX
        and receipt.points * len(forwards) <= CELLS_MAX
        and 0 <= receipt.seed < 2**63
    )
    if not is_sane:
        raise Malformed("a receipt's parameters are out of range", field="receipt")
