"""The round that a mean begins with, against every round that the contract would take."""

from hypothesis import given
from hypothesis import strategies as st

from app.keeper.rounds import Round, first_round

PHASE = 1 << 64


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
        for number in range(1, draw(st.integers(0, 24)) + 1):
            now += draw(st.integers(0, 12))
            newest = phase << 64 | number
            feed[newest] = Round(1, now)
    return feed, newest


@given(_feeds(), st.integers(90, 700))
async def test_the_round_found_is_one_the_contract_takes(made, start):
    feed, newest = made
    found, accepted = await _found(feed, newest, start), _accepted(feed, start)
    assert found in accepted if accepted else found is None


@given(_feeds(), st.integers(90, 700), st.data())
async def test_rounds_that_price_nothing_never_mislead(made, start, data):
    feed, newest = made
    gone = data.draw(st.sets(st.sampled_from(sorted(feed)), max_size=5)) if feed else set()
    left = {number: round_ for number, round_ in feed.items() if number not in gone}
    found = await _found(left, newest, start)
    assert found is None or found in _accepted(left, start)


async def test_a_long_feed_takes_few_reads():
    asked = []

    async def read(number: int) -> Round | None:
        asked.append(number)
        return Round(1, number % PHASE * 10) if 0 < number % PHASE <= 1_000_000 else None

    assert await first_round(read, 3 * PHASE + 1_000_000, 4_321_005) == 3 * PHASE + 432_100
    assert len(asked) < 30
