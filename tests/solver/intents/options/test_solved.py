"""What kinds compile to is solved and certified: several legs, many positions, wide ranges."""

from typing import Any

import pytest

from solver.domain.errors import Infeasible
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.intents import compile_intent, draft, examples, parse_wanted
from solver.ledger import preview
from solver.pricing.marks import mark_of
from solver.pricing.payoff import closed_by, legs_of, payoff
from solver.routing.certify import certify
from solver.solve import solve
from tests.solver.intents.options.world import HELD, QUOTED, TIME, compiled, option, quoted
from tests.solver.pricing.world import PERP, WAD, account

WORDS = sorted(set(examples()) - {"swap", "deposit", "withdraw"})  # those need pools
CLOSING = {"closePerp": 1, "closeOption": 1, "closeAll": 3, "roll": 1}


def planned(request, held=HELD, world=QUOTED, **terms):
    program = compiled(request, held, world, **terms)
    return program, solve(program, held, world)


@pytest.mark.parametrize("word", WORDS)
def test_every_example_is_solved_and_certified(word):
    wanted = parse_wanted(examples()[word])
    intent = draft(wanted.request, HELD, QUOTED, wanted.terms)
    program = compile_intent(intent, HELD, QUOTED, wanted.terms.scheme)
    solution = solve(program, HELD, QUOTED)
    certify(program, QUOTED, solution, HELD)
    assert solution.certificate.gap_ppm <= 10
    for exposure in program.exposures:
        fills = [fill for fill in solution.fills if fill.leg == exposure.leg]
        assert len({fill.instrument for fill in fills}) <= 1
        traded = sum(abs(fill.quantity) for fill in fills)
        assert exposure.quantity_min <= traded <= exposure.quantity_max
        assert {fill.instrument for fill in fills} <= set(exposure.candidates)
    after = preview(HELD, program, solution, QUOTED)
    assert len(closed_by(solution, after)) == CLOSING.get(word, 0)


@pytest.mark.parametrize("word", WORDS)
def test_every_example_has_a_curve(word):
    wanted = parse_wanted(examples()[word])
    intent = draft(wanted.request, HELD, QUOTED, wanted.terms)
    program = compile_intent(intent, HELD, QUOTED, wanted.terms.scheme)
    solution = solve(program, HELD, QUOTED)
    for market, legs in legs_of(program, solution, QUOTED).items():
        underlying = QUOTED.underlying(market)
        assert underlying is not None
        curve = payoff(legs, underlying, TIME)
        assert curve.is_exact == (word not in ("calendar", "roll"))
        here = [point.today for point in curve.points if point.price == underlying.price]
        spread = sum(
            leg.quantity * (mark_of(leg.instrument, QUOTED) - leg.price) // WAD for leg in legs
        )
        assert here[0] == pytest.approx(spread, abs=10**12)


def test_a_wide_range_is_solved_within_its_slippage_bound():
    everything: dict[str, Any] = {"outcome": "sellOption", "underlying": "ETH", "size": "100"}
    everything |= {"instrument": {"right": "call", "moneyness": ["0.5", "2"], "tenorDays": [0, 99]}}
    program, solution = planned(everything, slippageBps="500")
    assert len(program.exposures[0].candidates) == 108
    assert len({fill.instrument for fill in solution.fills}) == 1
    best = max(program.exposures[0].candidates, key=lambda each: mark_of(each, QUOTED))
    assert solution.fills[0].instrument == best


def test_many_makers_in_a_wide_range_do_not_use_up_the_work():
    makers = (AccountId(31338, f"0x{number:040x}", 0) for number in range(1, 26))
    ladders = tuple(each._replace(maker=maker) for maker in makers for each in QUOTED.ladders)
    asked: dict[str, Any] = {"outcome": "sellOption", "underlying": "ETH", "size": "100"}
    asked |= {"instrument": {"right": "call", "moneyness": ["0.5", "2"], "tenorDays": [0, 99]}}
    world = QUOTED._replace(ladders=ladders)
    program, solution = planned(asked, world=world, slippageBps="500")
    assert solution.fills[0].instrument == max(
        program.exposures[0].candidates, key=lambda each: mark_of(each, QUOTED)
    )
    assert solution.certificate.gap_ppm <= 10


def test_twenty_positions_are_closed_in_one_plan():
    rows = [
        (option("C" if n % 2 else "P", 2_600 + 200 * (n // 2)), (-1) ** n * (n + 1) * WAD + n)
        for n in range(18)
    ]
    held = account((PERP, -3 * WAD), (Instrument(2, Kind.PERP), WAD), *rows, cash=10**12)
    world = quoted()
    program, solution = planned({"outcome": "closeAll"}, held, world, slippageBps="300")
    after = preview(held, program, solution, world)
    assert [p for p in after.positions if p.quantity] == []
    assert len(solution.fills) == 20


def test_the_slippage_of_two_markets_is_of_the_larger_notional():
    held = account((PERP, 10 * WAD), (Instrument(2, Kind.PERP), WAD), cash=10**12)
    program = compiled({"outcome": "closeAll"}, held, slippageBps="3")
    solution = solve(program, held, QUOTED)  # 22 lost, 30 allowed of 100,000 and 11 of 36,000
    assert len(solution.fills) == 2
    with pytest.raises(Infeasible) as caught:
        solve(compiled({"outcome": "closeAll"}, held, slippageBps="2"), held, QUOTED)
    assert caught.value.code == "slippage"
