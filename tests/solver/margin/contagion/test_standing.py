"""What the screens say of thousands is what the margin engines say of each."""

import pytest

from solver.domain.account import SIMPLE
from solver.domain.health import Health
from solver.margin.contagion import Faults, World
from solver.margin.contagion.ledger import Ledger
from solver.margin.contagion.standing import facts_of, light_facts, unsettled, view_of
from solver.margin.contagion.vectors import Screen
from solver.margin.health import judgement
from solver.margin.health.facts import facts
from solver.margin.portfolio.decide import margins
from solver.margin.simple import figures
from tests.solver.margin.contagion.stages import people, stage

FALL = stage((0.0, -0.22), ticks=24)
PEOPLE = people(FALL, 80)
INSTRUMENTS = [instrument.id for instrument in FALL.instruments()]


@pytest.fixture(scope="module")
def views():
    """The first tick, one on the way, and the last, at which prices are not sure."""
    world = World(FALL, Faults(lag=0))
    seen = [view_of(world.step(tick), INSTRUMENTS) for tick in range(24)]
    assert seen[0].now.underlyings[0].oracle_state == "OK"
    assert seen[-1].now.underlyings[0].oracle_state == "UNCERTAIN"
    return seen[0], seen[9], seen[-1]


def test_floats_are_the_exact_figures_within_their_bound(views):
    ledger = Ledger(PEOPLE, views[0].tables[0])
    screen = Screen(ledger, views[0].tables[0])
    for view in views:
        found = screen.margins(view.now, view.tables[0])
        for number, account in enumerate(PEOPLE.accounts):
            if account.engine == SIMPLE:
                exact = figures(account, view.now)
                asked = (exact.equity, exact.requirement, exact.equity - exact.maintenance)
            else:
                asked = margins(account, view.grids[0])
            told = (found.equity[number], found.initial[number], found.maintenance[number])
            for ours, atoms in zip(told, asked, strict=True):
                assert abs(ours - atoms / 10**6) <= found.bound[number] + 1e-6


def test_facts_are_those_of_the_service_but_for_the_chance_of_a_breach(views):
    ledger = Ledger(PEOPLE, views[0].tables[0])
    screen = Screen(ledger, views[0].tables[0])
    for number in range(0, PEOPLE.users, 9):
        account = ledger.account(number)
        ours = facts_of(ledger, number, int(screen.market_of[number]), views[-1])
        theirs = facts(account, views[-1].now, account.engine)
        assert ours == theirs._replace(breach_ppm=0)


def test_whoever_is_settled_has_no_judgement_to_come(views):
    ledger = Ledger(PEOPLE, views[0].tables[0])
    screen = Screen(ledger, views[0].tables[0])
    for view in views:
        found = [screen.margins(s, t) for s, t in zip(view.snapshots, view.tables, strict=True)]
        due = unsettled(screen, ledger, view, found)
        known = set(due.accounts.tolist())
        for number in range(PEOPLE.users):
            market = int(screen.market_of[number])
            event = judgement(ledger.health[number], facts_of(ledger, number, market, view))
            assert number in known or event is None
            if due.is_sure[number]:
                light = light_facts(ledger, number, market, view, found[0])
                told = judgement(ledger.health[number], light)
                assert (told and told.to_state) == (event and event.to_state)
            if event is not None:
                state = Health(event.to_state, event.time_ms, event.breaches)
                ledger.stand(number, state)
