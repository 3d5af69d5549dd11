"""Either engine behind one function: SIMPLE is the chain's figures, told by part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.domain.instrument import Instrument, Kind
from solver.margin.requirement import SIMPLE, requirement
from solver.margin.simple import figures
from tests.solver.pricing.world import (
    BASE,
    CALL,
    HIGH_CALL,
    NEXT_EXPIRY,
    PERP,
    PUT,
    WAD,
    account,
    snapshot,
)

USD = 10**6
LATER = Instrument(1, Kind.CALL, NEXT_EXPIRY, 4000 * WAD)

held = st.lists(
    st.tuples(
        st.sampled_from([PERP, BASE, CALL, HIGH_CALL, PUT, LATER]), st.integers(-(10**21), 10**21)
    ),
    unique_by=lambda pair: pair[0],
)


def sane(pairs, cash=0):
    return account(*((i, abs(q) if i == BASE else q) for i, q in pairs if q), cash=cash)


@given(held, st.integers(-(10**12), 10**12))
def test_simple_is_the_contracts_figures(pairs, cash):
    held = sane(pairs, cash)
    told, chain = requirement(held, snapshot()), figures(held, snapshot())
    assert (told.equity, told.initial) == (chain.equity, chain.requirement)
    assert told.equity - told.maintenance == chain.maintenance


@given(held)
def test_the_parts_of_simple_are_all_of_it(pairs):
    told = requirement(sane(pairs), snapshot(), SIMPLE)
    assert abs(sum(charge for _, charge in told.parts) - told.initial) <= len(told.parts)


def test_the_worst_part_of_simple_is_named_as_people_say_it():
    told = requirement(account((PERP, WAD), (LATER, -10 * WAD)), snapshot())
    assert [name for name, _ in told.parts] == ["ETH-20270101", "ETH-PERP"]
    assert told.worst == "ETH-20270101"


def test_an_engine_that_is_none_is_refused():
    with pytest.raises(Malformed):
        requirement(account(), snapshot(), "none")
