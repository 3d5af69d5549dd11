"""One price out of several sources: a weighted median of votes that no minority can move.

Each valid source casts three votes, p - c, p and p + c; its weight is capped at 40 % of all weight.
Integers only, so that every signer and every replay aggregates alike.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from solver.domain.numbers import BPS, PPM, WAD, div_up
from solver.pricing.oracle.memory import Sample, Track, followed, frozen

FUTURE_SECONDS_MAX = 2
SAMPLE_CONFIDENCE_PPM_MAX = 10_000  # a source that is less sure than 1 % has no vote
CONFIDENCE_PPM_MAX = 5_000  # above 0.5 % the aggregate is UNCERTAIN
DEVIATION_PPM_MAX = 100_000  # from the one-hour mean
SCALE_MAX = 10  # times the reference: beyond it somebody counts other decimals
CAP_TENTHS = 4
SETTLEMENT_MIN = 99 * WAD // 100  # below, what prices are counted in is itself in doubt


class OracleParams(NamedTuple):
    """`reference` is the one-hour mean, 1e18, 0 when unknown. Unnamed sources weigh 1; one that
    weighs nothing has no vote. `traded` names the sources that are venues where what is valued here
    is traded on margin: a venue's own price never values its collateral. `settlement` is what the
    settlement token itself is worth in dollars, 1e18."""

    heartbeat_seconds: int
    reference: int = 0
    weights: tuple[tuple[str, int], ...] = ()
    traded: frozenset[str] = frozenset()
    settlement: int = WAD


class Aggregate(NamedTuple):
    """Price and confidence 1e18; price 0 when nobody is valid. `refused` = (source, reason)."""

    price: int
    confidence: int
    state: str  # OK | UNCERTAIN | DEGRADED | HALT
    sources: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


Vote = tuple[int, int]  # price, weight


def aggregate(
    samples: Iterable[Sample], now: int, params: OracleParams, tracks: Iterable[Track] = ()
) -> Aggregate:
    """Returns the price of all samples together at `now` (unix seconds).

    Fewer than two valid sources HALT; fewer than three, or of one class only, are DEGRADED; a wide
    spread, a price far from the one-hour mean, or a settlement token off its peg are UNCERTAIN.
    `tracks` are what the sources said before (`remember`): with them, a report older than the last
    and a source that repeats itself while the others move have no vote. Sources of less than half
    the capped weight, whatever they say, leave the price among the votes of the others.
    """
    past = {track.source: track for track in tracks}
    weights = dict(params.weights)
    valid: list[Sample] = []
    refused = []
    for sample in _newest(samples):
        reason = _fault(sample, now, params) or _slip(sample, past.get(sample.source), params)
        if reason is None:
            valid.append(sample)
        else:
            refused.append((sample.source, reason))
    still = _frozen(valid, past, weights)
    refused += [(source, "frozen") for source in sorted(still)]
    valid = [sample for sample in valid if sample.source not in still]
    names = tuple(sample.source for sample in valid)
    votes = _votes(valid, weights)
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
    if not (sample.price > 0 and sample.confidence >= 0):  # a NaN is neither
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


def _slip(sample: Sample, track: Track | None, params: OracleParams) -> str | None:
    """Returns why a sound report has no vote all the same."""
    if sample.source in params.traded:
        return "tradedVenue"
    if dict(params.weights).get(sample.source, 1) <= 0:
        return "weightless"
    if track is not None and sample.time < track.time:
        return "outOfOrder"
    return None


def _frozen(
    samples: list[Sample], past: dict[str, Track], weights: dict[str, int]
) -> frozenset[str]:
    if not past:
        return frozenset()
    tracks = {s.source: followed(past.get(s.source), s) for s in samples}
    return frozen(tracks, _capped(samples, weights))


def _capped(samples: list[Sample], weights: dict[str, int]) -> dict[str, int]:
    """Returns every source's weight in tenths, none above 40 % of all."""
    weighed = {sample.source: weights.get(sample.source, 1) for sample in samples}
    cap = CAP_TENTHS * sum(weighed.values())
    return {source: min(10 * weight, cap) for source, weight in weighed.items()}


def _votes(samples: list[Sample], weights: dict[str, int]) -> list[Vote]:
    """Returns votes by price; the common third of a source's three votes is left out."""
    capped = _capped(samples, weights)
    votes = []
    for sample in samples:
        for step in (-1, 0, 1):
            votes.append((sample.price + step * sample.confidence, capped[sample.source]))
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
    if params.settlement < SETTLEMENT_MIN:
        return "UNCERTAIN"
    is_wide = confidence * PPM > price * CONFIDENCE_PPM_MAX
    reference = params.reference
    is_far = abs(price - reference) * PPM > reference * DEVIATION_PPM_MAX
    return "UNCERTAIN" if is_wide or (reference and is_far) else "OK"
