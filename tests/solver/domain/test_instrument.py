"""Ids and names say the same instrument, each in its own way."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.calendar import DAY
from solver.domain.errors import Malformed
from solver.domain.instrument import (
    ASIAN_KINDS,
    EXPIRY_SECOND_OF_DAY,
    FIXINGS,
    RIGHT_OF,
    STRIKE_MAX,
    Instrument,
    Kind,
    fixing_times,
    format_name,
    parse_name,
)
from solver.domain.numbers import WAD

MARKETS = {"ETH": 1, "BTC": 2}
EXPIRIES = st.integers(1, 40_000).map(lambda day: day * DAY + EXPIRY_SECOND_OF_DAY)
OPTIONS = st.builds(
    Instrument,
    st.just(1),
    st.sampled_from(sorted(RIGHT_OF)),
    EXPIRIES,
    st.integers(1, STRIKE_MAX),
)


@given(OPTIONS | st.just(Instrument(2, Kind.PERP)))
def test_an_id_and_a_name_bring_the_instrument_back(instrument):
    assert Instrument.unpack(instrument.id) == instrument
    symbol = {number: symbol for symbol, number in MARKETS.items()}[instrument.market]
    assert parse_name(format_name(instrument, symbol), MARKETS) == instrument


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Kind.CALL, "ETH-20261225-4000-C"),
        (Kind.PUT, "ETH-20261225-4000-P"),
        (Kind.ASIAN_CALL, "ETH-20261225-4000-AC"),
        (Kind.ASIAN_PUT, "ETH-20261225-4000-AP"),
    ],
)
def test_the_ending_says_the_kind(kind, name):
    assert parse_name(name, MARKETS) == Instrument(1, kind, 1_798_185_600, 4_000 * WAD)


@pytest.mark.parametrize("ending", ["A", "CA", "ac", "PA", "", "ACP"])
def test_another_ending_is_no_instrument(ending):
    with pytest.raises(Malformed) as caught:
        parse_name(f"ETH-20261225-4000-{ending}", MARKETS)
    assert caught.value.code == "unknownInstrument"


@given(EXPIRIES)
def test_fixings_are_one_a_day_the_last_at_expiry(expiry):
    times = fixing_times(expiry)
    assert (len(times), times[-1]) == (FIXINGS, expiry)
    assert {later - time for time, later in pairwise(times)} == {DAY}


def test_asians_are_options_with_rights_of_their_own():
    assert [RIGHT_OF[kind] for kind in ASIAN_KINDS] == ["asianCall", "asianPut"]
