"""A proposal is ordinary requests that the outcome kinds draft, closes first."""

import pytest

from solver.domain.account import PORTFOLIO, SIMPLE
from solver.domain.errors import Infeasible
from solver.domain.instrument import Kind
from solver.intents import draft, parse_wanted
from solver.margin.cure import Cure
from solver.margin.cure.trades import Trade
from solver.policies import cure as policy
from solver.policies import propose
from tests.solver.margin.cure.test_cheapest import WORLD, failing
from tests.solver.pricing.world import CALL, OWNER, PERP, PUT, WAD, account, snapshot


@pytest.mark.parametrize("engine", [SIMPLE, PORTFOLIO])
def test_every_request_drafts_as_it_stands(engine):
    sick = failing([(CALL, -20 * WAD), (PUT, -5 * WAD), (PERP, 3 * WAD)], 0.9, engine)
    proposal = propose(sick, WORLD, engine)
    assert proposal.requests
    for request in proposal.requests:
        wanted = parse_wanted({"request": request, "terms": {"owner": OWNER, "maxFee": "5"}})
        assert draft(wanted.request, sick, WORLD, wanted.terms).outcome == request["outcome"]
    words = [request["outcome"] for request in proposal.requests]
    assert words == sorted(words, key=lambda word: word == "openPerp")


def test_a_perp_that_is_turned_round_is_closed_and_then_opened(monkeypatch):
    held = account((PERP, 2 * WAD))
    trade = Trade(PERP.id, -5 * WAD, 3_990 * WAD)
    found = propose(account(cash=1), WORLD).cure
    monkeypatch.setattr(
        policy, "cure", lambda *_, **__: Cure((trade,), 0, found.before, found.after)
    )
    assert PERP.kind is Kind.PERP
    closing, opening = propose(held, WORLD).requests
    assert closing == {
        "outcome": "closePerp", "size": "2", "instrument": "ETH-PERP", "limitPrice": "3990"
    }  # fmt: skip
    assert opening == {
        "outcome": "openPerp", "side": "sell", "size": "3", "instrument": "ETH-PERP",
        "limitPrice": "3990",
    }  # fmt: skip


def test_a_healthy_account_is_proposed_nothing_and_a_book_without_quotes_is_infeasible():
    assert propose(account((CALL, -WAD), cash=10**12), WORLD).requests == ()
    with pytest.raises(Infeasible):
        propose(failing([(CALL, -WAD)], 0.9, SIMPLE), snapshot())
