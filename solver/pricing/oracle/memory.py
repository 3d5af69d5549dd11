"""What a source said before, as little as tells a source that lives from one that only repeats.

Integers throughout. A track is as short as the questions asked of it: is this report older than one
we had, has the source said the same twenty times over, and how far did a price move since then.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from solver.domain.numbers import PPM

FROZEN_TICKS = 20
MOVED_PPM = 10_000
TURN_PPM = 2_000  # a turn is kept when the price left the last one by a fifth of a percent
TURNS_MAX = 128


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


class Track(NamedTuple):
    """One source's past: its newest report, how many in a row say that price and since when, and
    the prices at which it turned, oldest first."""

    source: str
    time: int
    price: int
    equal: int
    since: int
    turns: tuple[tuple[int, int], ...]  # (unix seconds, price 1e18)


def remember(tracks: Iterable[Track], samples: Iterable[Sample]) -> tuple[Track, ...]:
    """Returns the tracks with what was said now, by source; a report that is not newer changes
    nothing, so a source read twice ticks once."""
    kept = {track.source: track for track in tracks}
    for sample in samples:
        kept[sample.source] = followed(kept.get(sample.source), sample)
    return tuple(kept[source] for source in sorted(kept))


def followed(track: Track | None, sample: Sample) -> Track:
    """Returns a source's track after one more report."""
    price, time = sample.price, sample.time
    if track is None:
        return Track(sample.source, time, price, 1, time, ((time, price),))
    if time <= track.time:
        return track
    is_equal = price == track.price
    equal, since = (track.equal + 1, track.since) if is_equal else (1, time)
    turns, last = track.turns, track.turns[-1][1]
    if abs(price - last) * PPM > last * TURN_PPM:
        turns = (*turns, (time, price))[-TURNS_MAX:]
    return Track(track.source, time, price, equal, since, turns)


def is_repeating(track: Track) -> bool:
    """True when the newest twenty reports say one price."""
    return track.equal >= FROZEN_TICKS


def has_moved(track: Track, since: int) -> bool:
    """True when the source's price has spanned more than 1 % from `since` on."""
    earlier = [price for time, price in track.turns if time <= since][-1:]
    prices = [*earlier, *(price for time, price in track.turns if time > since), track.price]
    return (max(prices) - min(prices)) * PPM > min(prices) * MOVED_PPM


def frozen(tracks: Mapping[str, Track], weights: Mapping[str, int]) -> frozenset[str]:
    """Returns the sources that repeat themselves while sources of more than half of all weight have
    moved since: fewer could silence an honest source by moving alone."""
    total = sum(weights.values())
    found = set()
    for source, weight in weights.items():
        track = tracks[source]
        if not weight or not is_repeating(track):
            continue
        moved = sum(
            other for name, other in weights.items() if has_moved(tracks[name], track.since)
        )
        if 2 * moved > total:
            found.add(source)
    return frozenset(found)
