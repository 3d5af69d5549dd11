"""What signers state counts only as far as the feed allows it."""

import random

import pytest

from solver.domain.account import PORTFOLIO
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import div_down
from solver.margin.attested import Statement, fence, fenced, statement
from solver.margin.requirement import requirement
from solver.margin.simple import figures
from solver.pricing.marks import mark_of
from tests.solver.pricing.world import (
    BASE,
    CALL,
    HIGH_CALL,
    PERP,
    PUT,
    WAD,
    account,
    ether,
    snapshot,
)

ATOM = 10**6
ASIAN = Instrument(1, Kind.ASIAN_CALL, CALL.expiry, 4100 * WAD)
HEDGED = account((BASE, 10 * WAD), (CALL, -10 * WAD), (PERP, -4 * WAD), cash=20_000 * ATOM)


def test_options_are_stated_at_their_marks_and_the_rest_at_the_feed():
    world = snapshot(ether(funding_index=7 * WAD))
    stated = statement(HEDGED, world)
    assert stated.options == div_down(-10 * mark_of(CALL, world), 10**12)
    whole = requirement(HEDGED, world, PORTFOLIO)
    figured = fenced(HEDGED, world, stated)
    assert (figured.equity, figured.requirement) == (whole.equity, whole.initial)
    assert figured.initial == whole.equity - whole.initial
    assert figured.maintenance == whole.equity - whole.maintenance


def test_options_count_within_what_volatility_below_the_cap_allows():
    world, held = snapshot(), account((CALL, -WAD), (PUT, 2 * WAD))
    limit = fence(held.positions, world)
    for claim in (-(10**30), 10**30):
        found = fenced(held, world, Statement(claim, 0, 0)).equity
        assert found == div_down(limit.lowest if claim < 0 else limit.highest, 10**30)
    assert limit.lowest < 0 < limit.highest


def test_nothing_is_required_below_a_percent_of_what_is_at_stake():
    naked = account((PERP, -WAD), (HIGH_CALL, -2 * WAD), (PUT, 5 * WAD))
    found = fenced(naked, snapshot(), Statement(0, 0, 0))
    assert found.requirement == 3 * 4000 * ATOM // 100


@pytest.mark.parametrize("seed", range(8))
def test_the_feed_believes_what_an_honest_signer_states(seed):
    dice = random.Random(seed)
    instruments = dice.sample([BASE, PERP, CALL, HIGH_CALL, PUT, ASIAN], 4)
    held = account(*((i, dice.randrange(-10, 11) * WAD or WAD) for i in instruments))
    world = snapshot(ether(price=dice.randrange(3000, 5000) * WAD))
    stated = statement(held, world)
    assert fenced(held, world, stated).equity == held.cash + stated.options + div_down(
        fence(held.positions, world).linear, 10**30
    )


def test_hedged_books_need_less_than_simple_asks():
    assert fenced(HEDGED, snapshot(), statement(HEDGED, snapshot())).initial > (
        figures(HEDGED, snapshot()).initial
    )
