"""Asian options by name: drafted, solved, certified, closed; a selector does not mean them."""

import pytest

from solver.domain.errors import SolventError
from solver.domain.instrument import ASIAN_KINDS, RIGHT_OF, Instrument, format_name
from solver.domain.risk import Fixing
from solver.ledger import preview
from solver.margin.requirement import requirement
from solver.pricing.marks import mark_of
from solver.pricing.payoff import legs_of, payoff
from solver.routing.certify import certify
from solver.routing.certify.marks import delta_of as checked_delta
from solver.routing.certify.marks import mark_of as checked_mark
from solver.solve import solve
from tests.solver.intents.options.world import (
    DECEMBER,
    HELD,
    QUOTED,
    STRIKES,
    compiled,
    contracts,
    drafted,
    ladder,
)
from tests.solver.pricing.world import WAD, account

LISTED = ((DECEMBER, STRIKES),)
MARKET = QUOTED.underlyings[0]._replace(asians=LISTED)
ASIANS = [Instrument(1, kind, DECEMBER, 3_600 * WAD) for kind in ASIAN_KINDS]
CALL, PUT = ASIANS


def with_asians(**changes):
    world = QUOTED._replace(underlyings=(MARKET._replace(**changes), *QUOTED.underlyings[1:]))
    ladders = tuple(ladder(each, world) for each in ASIANS)
    return world._replace(ladders=(*world.ladders, *ladders))


WORLD = with_asians()


@pytest.mark.parametrize("contract", ASIANS)
@pytest.mark.parametrize("outcome", ["buyOption", "sellOption"])
def test_a_named_asian_is_solved_and_certified(contract, outcome):
    request = {"outcome": outcome, "instrument": format_name(contract, "ETH"), "size": "2"}
    (leg,) = drafted(request, world=WORLD).legs
    assert (leg.right, leg.strike_min, leg.expiry_min) == (
        RIGHT_OF[contract.kind],
        *contract[:1:-1],
    )
    program = compiled(request, world=WORLD)
    solution = solve(program, HELD, WORLD)
    certify(program, WORLD, solution, HELD)
    after = preview(HELD, program, solution, WORLD)
    sign = 1 if outcome == "buyOption" else -1
    assert after.quantity(contract.id) == sign * 2 * WAD
    need = requirement(after, WORLD).initial - requirement(HELD, WORLD).initial
    assert (need > 0) == (sign < 0)  # a long asks for nothing more, a short stands alone


@pytest.mark.parametrize(("held", "side"), [(3 * WAD, "sell"), (-3 * WAD, "buy")])
def test_a_held_asian_is_closed_by_name_and_with_everything(held, side):
    account_ = account((PUT, held), cash=10**11)
    request = {"outcome": "closeOption", "instrument": format_name(PUT, "ETH")}
    for asked in (request, {"outcome": "closeAll"}):
        assert contracts(asked, held=account_, world=WORLD) == [(side, PUT, 3 * WAD)]
    program = compiled(request, held=account_, world=WORLD)
    solution = solve(program, account_, WORLD)
    certify(program, WORLD, solution, account_)
    assert preview(account_, program, solution, WORLD).positions == ()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"instrument": "ETH-20261225-3700-AC"}, "instrumentNotListed"),
        ({"instrument": "ETH-20261204-3600-AC"}, "instrumentNotListed"),
        ({"instrument": "ETH-20261225-3600-AX"}, "unknownInstrument"),
    ],
)
def test_an_asian_that_is_not_listed_is_refused(request_, code):
    with pytest.raises(SolventError) as caught:
        drafted({"outcome": "buyOption", "size": "1"} | request_, world=WORLD)
    assert caught.value.code == code


@pytest.mark.parametrize("recorded", [0, 3, 6])
@pytest.mark.parametrize("contract", ASIANS)
def test_the_checkers_own_mark_is_near_the_sampled_one(contract, recorded):
    fixing = Fixing(DECEMBER, recorded, recorded * 3_650 * WAD)
    world = with_asians(fixings=(fixing,))
    world = world._replace(time_ms=(DECEMBER - (7 - recorded) * 86_400 + 3_600) * 1000)
    apart = abs(checked_mark(contract.id, world) - mark_of(contract, world))
    assert apart < MARKET.price // 20_000  # half a basis point of the price
    assert 0 <= abs(checked_delta(contract.id, world)) <= WAD


@pytest.mark.parametrize("contract", ASIANS)
def test_past_expiry_the_checker_takes_what_is_recorded_and_the_feed(contract):
    world = with_asians(fixings=(Fixing(DECEMBER, 5, 5 * 3_650 * WAD),))
    world = world._replace(time_ms=(DECEMBER + 60) * 1000)
    assert checked_mark(contract.id, world) == mark_of(contract, world)


@pytest.mark.parametrize("contract", ASIANS)
def test_its_curve_is_drawn_against_the_mean_from_a_price_of_zero_on(contract):
    request = {"outcome": "buyOption", "instrument": format_name(contract, "ETH"), "size": "1"}
    program = compiled(request, world=WORLD)
    ((market, legs),) = legs_of(program, solve(program, HELD, WORLD), WORLD).items()
    curve = payoff(legs, MARKET, WORLD.time)
    assert not curve.is_exact  # what it pays hangs on seven days, not on one
    first, last = curve.points[0], curve.points[-1]
    assert (market, last.today > first.today) == (1, contract is CALL)
