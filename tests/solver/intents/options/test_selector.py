"""A selector says one thing about the strike and one about the expiry, in strict JSON."""

import copy
from typing import Any

import pytest

from solver.domain.calendar import DAY
from solver.domain.errors import Malformed
from solver.domain.numbers import WAD
from solver.intents import examples, parse_wanted
from solver.intents.options.selector import (
    Selector,
    Target,
    Window,
    shown,
    target_of,
    window_of,
)
from tests.solver.intents.options.world import DECEMBER, TIME


def selector_of(**fields: Any) -> Selector:
    return Selector.model_validate(fields)


def window(**fields: Any) -> Window:
    found = window_of(selector_of(**fields), TIME, "x")
    assert found is not None
    return found


def parsed(**fields):
    body = copy.deepcopy(examples()["buyOption"])
    body["request"]["instrument"] = fields
    request: Any = parse_wanted(body).request
    return request.instrument


def refusal(**fields):
    with pytest.raises(Malformed) as caught:
        parsed(**fields)
    return caught.value.field


def test_the_example_of_the_product_is_understood():
    selector = parsed(right="call", delta="0.25", tenorDays=[20, 40])
    assert selector == selector_of(right="call", delta="0.25", tenorDays=[20, 40])
    assert target_of(selector, "x") == Target("delta", WAD // 4, WAD // 4)
    found = window(tenorDays=[20, 40])
    assert (found.low, found.high) == (TIME + 20 * DAY, TIME + 40 * DAY)
    assert shown(selector) == {"right": "call", "delta": "0.25", "tenorDays": [20, 40]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tenorDays", "30"),
        ("tenorDays", 30.0),
        ("tenorDays", True),
        ("tenorDays", -1),
        ("tenorDays", 4_000),
        ("tenorDays", [40, 20]),
        ("tenorDays", [20]),
        ("tenorDays", [20, 30, 40]),
        ("tenorDays", [20, "40"]),
        ("delta", 0.25),
        ("delta", "1e-1"),
        ("delta", "-0.25"),
        ("delta", ["0.3", "0.2"]),
        ("delta", ["0.2"]),
        ("strike", 4_000),
        ("moneyness", ".9"),
        ("expiry", "25-12-2026"),
        ("expiry", "2026-1225"),
        ("expiry", 20_261_225),
        ("right", "asianCall"),
        ("surprise", "1"),
    ],
)
def test_other_forms_are_refused_with_their_field(name, value):
    fields = {"right": "put", "moneyness": "0.9", "tenorDays": 30} | {name: value}
    assert refusal(**fields) == f"request.instrument.{name}"


@pytest.mark.parametrize("value", [None, 5, [], "", "x" * 65])
def test_a_contract_is_a_name_or_a_selector(value):
    body = copy.deepcopy(examples()["buyOption"])
    body["request"]["instrument"] = value
    with pytest.raises(Malformed) as caught:
        parse_wanted(body)
    assert caught.value.field == "request.instrument"


@pytest.mark.parametrize(
    "fields", [{}, {"delta": "0.2", "strike": "4000"}, {"moneyness": "1", "delta": "0.5"}]
)
def test_the_strike_is_said_once(fields):
    with pytest.raises(Malformed) as caught:
        target_of(selector_of(**fields), "request.put")
    assert caught.value.field == "request.put"


@pytest.mark.parametrize(
    "fields", [{"delta": "1"}, {"delta": "0"}, {"delta": ["0.5", "1.2"]}, {"strike": "0"}]
)
def test_targets_that_no_contract_can_have_are_refused(fields):
    with pytest.raises(Malformed) as caught:
        target_of(selector_of(**fields), "request.put")
    assert caught.value.field == f"request.put.{next(iter(fields))}"


@pytest.mark.parametrize("day", ["20261225", "2026-12-25"])
def test_an_expiry_is_a_day_at_the_hour_of_all_expiries(day):
    found = window(expiry=day)
    assert (found.low, found.high) == (DECEMBER, DECEMBER)


def test_an_expiry_is_said_once_and_exists():
    for fields, field in (
        ({"expiry": "20261225", "tenorDays": 30}, "x.tenorDays"),
        ({"expiry": "2026-02-30"}, "x.expiry"),
    ):
        with pytest.raises(Malformed) as caught:
            window_of(selector_of(**fields), TIME, "x")
        assert caught.value.field == field
    assert window_of(Selector(delta="0.2"), TIME, "x") is None


def test_one_tenor_is_near_any_expiry_and_the_earlier_of_two_is_nearer():
    found = window(tenorDays=10)
    assert found.holds(TIME + 1_000 * DAY)
    near = sorted((TIME + 12 * DAY, TIME + 8 * DAY, TIME + 11 * DAY), key=found.nearness)
    assert near == [TIME + 11 * DAY, TIME + 8 * DAY, TIME + 12 * DAY]
