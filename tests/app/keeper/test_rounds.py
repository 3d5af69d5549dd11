"""The round that a mean begins with, against every round that the contract would take."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.keeper.rounds import Round, first_round

PHASE = 1 << 64
STARTS = st.integers(95, 190)


async def _found(feed: dict[int, Round], newest: int, start: int) -> int | None:
    async def read(number: int) -> Round | None:
        return feed.get(number)

    return await first_round(read, newest, start)


def _next(feed: dict[int, Round], number: int) -> int:
    """The contract's own rule, word for word."""
    return number + 1 if number + 1 in feed else ((number >> 64) + 1) << 64 | 1


def _accepted(feed: dict[int, Round], start: int) -> set[int]:
    """Every id that `fixExpiry` would begin with."""
    return {
        number
        for number, round_ in feed.items()
        if round_.time <= start and (after := feed.get(_next(feed, number))) and after.time > start
    }


@st.composite
def _feeds(draw: st.DrawFn) -> tuple[dict[int, Round], int]:
    """A feed of several phases, each in order of time, and its newest id."""
    feed: dict[int, Round] = {}
    now, newest = 100, 0
    for phase in range(draw(st.integers(0, 1)), draw(st.integers(1, 5)) + 1):
        now -= draw(st.sampled_from([0, 0, 0, 25]))  # a new aggregator may have begun earlier
        for number in range(1, draw(st.integers(0, 9)) + 1):
            now += draw(st.integers(0, 5))
            newest = phase << 64 | number
            feed[newest] = Round(1, now)
    return feed, newest


@settings(max_examples=400)
@given(_feeds(), STARTS)
async def test_the_round_found_is_one_the_contract_takes(made, start):
    feed, newest = made
    found, accepted = await _found(feed, newest, start), _accepted(feed, start)
    assert found in accepted if accepted else found is None


@given(_feeds(), STARTS, st.data())
async def test_rounds_that_price_nothing_never_mislead(made, start, data):
    feed, newest = made
    gone = data.draw(st.sets(st.sampled_from(sorted(feed)), max_size=5)) if feed else set()
    left = {number: round_ for number, round_ in feed.items() if number not in gone}
    found = await _found(left, newest, start)
    assert found is None or found in _accepted(left, start)


async def test_what_an_unpriced_round_hides_is_found():
    times = {1: 10, 2: 20, 4: 40, 5: 50}
    feed = {number: Round(1, at) for number, at in times.items()}
    assert await _found(feed, 5, 15) == 1
    assert await _found(feed, 5, 30) is None  # the contract cannot step over the third


async def test_a_mean_may_begin_in_the_phase_before():
    feed = {PHASE + 1: Round(1, 10), PHASE + 2: Round(1, 20), 2 * PHASE + 1: Round(1, 30)}
    assert await _found(feed, 2 * PHASE + 1, 25) == PHASE + 2
    assert await _found(feed, 2 * PHASE + 1, 5) is None  # it does not reach back so far
    assert await _found(feed, 2 * PHASE + 1, 30) is None  # nor beyond it yet


async def test_a_long_feed_takes_few_reads():
    asked = []

    async def read(number: int) -> Round | None:
        asked.append(number)
        return Round(1, number % PHASE * 10) if 0 < number % PHASE <= 1_000_000 else None

    assert await first_round(read, 3 * PHASE + 1_000_000, 4_321_005) == 3 * PHASE + 432_100
    assert len(asked) < 30
