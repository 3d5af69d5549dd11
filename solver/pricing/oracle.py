"""One price out of several sources: a weighted median of votes that no minority can move.

Each valid source casts three votes, p - c, p and p + c; its weight is capped at 40 % of all weight.
Integers only, so that every signer and every replay aggregates alike.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple, Protocol

from solver.domain.numbers import BPS, PPM, div_up

FUTURE_SECONDS_MAX = 2
SAMPLE_CONFIDENCE_PPM_MAX = 10_000  # a source that is less sure than 1 % has no vote
CONFIDENCE_PPM_MAX = 5_000  # above 0.5 % the aggregate is UNCERTAIN
DEVIATION_PPM_MAX = 100_000  # from the one-hour mean
SCALE_MAX = 10  # times the reference: beyond it somebody counts other decimals
CAP_TENTHS = 4


class Sample(Protocol):
    """What a source says: 1e18 settlement units, unix seconds. One `cls` can fail together."""

    @property
    def source(self) -> str: ...
    @property
    def cls(self) -> str: ...
    @property
    def price(self) -> int: ...
    @property
    def confidence(self) -> int: ...
    @property
    def time(self) -> int: ...


class OracleParams(NamedTuple):
    """`reference` is the one-hour mean, 1e18, 0 when unknown. Unnamed sources weigh 1."""

    heartbeat_seconds: int
    reference: int = 0
    weights: tuple[tuple[str, int], ...] = ()


class Aggregate(NamedTuple):
    """Price and confidence 1e18; price 0 when nobody is valid. `refused` = (source, reason)."""

    price: int
    confidence: int
    state: str  # OK | UNCERTAIN | DEGRADED | HALT
    sources: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


Vote = tuple[int, int]  # price, weight


def aggregate(samples: Iterable[Sample], now: int, params: OracleParams) -> Aggregate:
    """Returns the price of all samples together at `now` (unix seconds).

    Fewer than two valid sources HALT; fewer than three, or of one class only, are DEGRADED; a wide
    spread or a price far from the one-hour mean is UNCERTAIN.
    """
    valid: list[Sample] = []
    refused = []
    for sample in _newest(samples):
        reason = _fault(sample, now, params)
        if reason is None:
            valid.append(sample)
        else:
            refused.append((sample.source, reason))
    names = tuple(sample.source for sample in valid)
    votes = _votes(valid, dict(params.weights))
    if not votes:
        return Aggregate(0, 0, "HALT", names, tuple(refused))
    price = _quantile(votes, 2)
    spread = max(price - _quantile(votes, 1), _quantile(votes, 3) - price)
    confidence = max(spread, div_up(price, BPS))
    state = _state(valid, price, confidence, params)
    return Aggregate(price, confidence, state, names, tuple(refused))


def _newest(samples: Iterable[Sample]) -> list[Sample]:
    """Returns one sample per source, in the order of names: a repeat gives no second vote."""
    newest: dict[str, Sample] = {}
    for sample in samples:
        known = newest.get(sample.source)
        if known is None or _order(sample) > _order(known):
            newest[sample.source] = sample
    return [newest[name] for name in sorted(newest)]


def _order(sample: Sample) -> tuple[int, int, int]:
    """Later wins; at one second the less confident, so that arrival order decides nothing."""
    return sample.time, sample.confidence, sample.price


def _fault(sample: Sample, now: int, params: OracleParams) -> str | None:
    if sample.price <= 0 or sample.confidence < 0:
        return "notPositive"
    if sample.time > now + FUTURE_SECONDS_MAX:
        return "future"
    if now - sample.time > params.heartbeat_seconds:
        return "stale"
    if sample.confidence * PPM > sample.price * SAMPLE_CONFIDENCE_PPM_MAX:
        return "unsure"
    reference = params.reference
    if reference and not reference < sample.price * SCALE_MAX < reference * SCALE_MAX**2:
        return "scale"
    return None


def _votes(samples: list[Sample], weights: dict[str, int]) -> list[Vote]:
    """Returns votes by price. Weights are in tenths, the common third left out."""
    weighed = [(sample, weights.get(sample.source, 1)) for sample in samples]
    cap = CAP_TENTHS * sum(weight for _, weight in weighed)
    votes = []
    for sample, weight in weighed:
        capped = min(10 * weight, cap)
        if capped > 0:
            for step in (-1, 0, 1):
                votes.append((sample.price + step * sample.confidence, capped))
    return sorted(votes)


def _quantile(votes: list[Vote], quarters: int) -> int:
    """Returns the price at that many quarters of the weight; between two votes their mean, down."""
    wanted = quarters * sum(weight for _, weight in votes)
    below = 0
    for (price, weight), (following, _) in pairwise([*votes, votes[-1]]):
        below += 4 * weight
        if below == wanted:
            return (price + following) // 2
        if below > wanted:
            return price
    return votes[-1][0]


def _state(valid: list[Sample], price: int, confidence: int, params: OracleParams) -> str:
    if len(valid) < 2:
        return "HALT"
    if len(valid) < 3 or len({sample.cls for sample in valid}) < 2:
        return "DEGRADED"
    is_wide = confidence * PPM > price * CONFIDENCE_PPM_MAX
    reference = params.reference
    is_far = abs(price - reference) * PPM > reference * DEVIATION_PPM_MAX
    return "UNCERTAIN" if is_wide or (reference and is_far) else "OK"
