"""Only plain decimal strings get in, and the signed form comes back as it was."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.domain.intent import Leg, Limits, OutcomeIntent
from solver.intents import Wanted, draft, examples, parse_wanted
from solver.intents.typed_json import json_schema, parse_intent, to_json
from tests.solver.intents.options.world import HELD, QUOTED
from tests.solver.pricing.world import OWNER


def drafted(word="coveredCall"):
    wanted = parse_wanted(examples()[word])
    return draft(wanted.request, HELD, QUOTED, wanted.terms)


def changed(path, value):
    body = copy.deepcopy(to_json(drafted()))
    *parents, name = path.split(".")
    place: Any = body
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[name] = value
    return body


@pytest.mark.parametrize("word", list(examples()))
def test_every_example_round_trips_through_json(word):
    intent = drafted(word)
    assert parse_intent(json.loads(json.dumps(to_json(intent)))) == intent


uints = st.integers(0, 2**256 - 1)
uint32 = st.integers(0, 2**32 - 1)
addresses = st.integers(0, 2**160 - 1).map(lambda n: f"0x{n:040x}")
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=32)
legs = st.builds(
    Leg, words, addresses, words, words, uints, uints, st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1), uints, uints, uints, uints,
)  # fmt: skip
signed = st.integers(-(2**255), 2**255 - 1)
limits = st.builds(
    Limits, addresses, signed, uints, st.integers(0, 2**32 - 1), signed, uints, uints, uints
)
intents = st.builds(
    OutcomeIntent, addresses, st.integers(0, 2**64 - 1), addresses, words,
    st.lists(legs, min_size=1, max_size=4).map(tuple), limits, st.booleans(),
    uint32, uint32, uints, st.binary(min_size=32, max_size=32),
)  # fmt: skip


@given(intents)
def test_any_intent_round_trips(intent):
    assert parse_intent(to_json(intent)) == intent


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("nonce", 5),
        ("nonce", "0x5"),
        ("nonce", "5.0"),
        ("nonce", "5e1"),
        ("nonce", "05"),
        ("nonce", "-5"),
        ("nonce", " 5"),
        ("nonce", "5\n"),
        ("nonce", "٥"),
        ("nonce", str(2**256)),
        ("nonce", None),
        ("subaccount", str(2**64)),
        ("validTo", str(2**32)),
        ("owner", "0x12"),
        ("appData", "0x" + "0" * 63),
        ("partiallyFillable", "false"),
        ("partiallyFillable", 0),
        ("outcome", "x" * 33),
        ("outcome", "covered call"),
        ("outcome", "coveredcäll"),
        ("limits.maxNetCost", str(2**255)),
        ("limits.maxNetCost", "-0"),
        ("limits.targetDelta", str(-(2**255) - 1)),
        ("limits.unknown", "1"),
        ("limits", []),
        ("legs.0.quantityMax", 1.0),
        ("legs.0.expiryMin", str(2**64)),
        ("legs.2.strikeMin", True),
        ("legs.0.extra", ""),
        ("legs", []),
        ("legs", {}),
    ],
)
def test_what_is_not_its_solidity_type_is_refused_with_its_path(path, value):
    with pytest.raises(Malformed) as caught:
        parse_intent(changed(path, value))
    assert caught.value.field == f"intent.{path}"


def test_more_than_twenty_legs_are_refused():
    body = to_json(drafted())
    with pytest.raises(Malformed) as caught:
        parse_intent(body | {"legs": body["legs"] * 7})
    assert caught.value.field == "intent.legs"


@pytest.mark.parametrize("name", ["owner", "legs", "limits", "nonce"])
def test_a_missing_field_is_named(name):
    body = to_json(drafted())
    del body[name]
    with pytest.raises(Malformed) as caught:
        parse_intent(body)
    assert caught.value.field == f"intent.{name}"


@pytest.mark.parametrize("body", [None, [], "intent", 5])
def test_only_an_object_is_an_intent(body):
    with pytest.raises(Malformed):
        parse_intent(body)


def test_addresses_in_any_case_mean_the_same():
    assert parse_intent(changed("owner", "0x" + OWNER[2:].upper())) == drafted()


def test_the_schema_names_every_field_and_allows_no_other():
    schema = json_schema()
    assert schema["required"] == list(to_json(drafted()))
    assert schema["additionalProperties"] is False
    leg = schema["properties"]["legs"]["items"]
    assert leg["required"] == list(to_json(drafted())["legs"][0])


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("request", "size", 10),
        ("request", "size", 10.0),
        ("request", "size", "1e1"),
        ("request", "size", "-1"),
        ("request", "size", "+1"),
        ("request", "size", "01"),
        ("request", "size", ".5"),
        ("request", "size", "1.0000000000000000001"),
        ("request", "size", "1" * 41),
        ("request", "hold", "true"),
        ("request", "hold", 1),
        ("request", "instrument", ""),
        ("request", "instrument", "x" * 65),
        ("request", "surprise", "1"),
        ("terms", "owner", "vitalik"),
        ("terms", "subaccount", 0),
        ("terms", "subaccount", str(2**64)),
        ("terms", "slippageBps", "0.5"),
        ("terms", "scheme", "eip191"),
        ("terms", "nonce", str(2**256)),
        ("terms", "partiallyFillable", "yes"),
        ("terms", "max_fee", "5"),
    ],
)
def test_a_request_of_other_types_is_refused_with_its_field(part, name, value):
    body = copy.deepcopy(examples()["coveredCall"])
    body[part][name] = value
    with pytest.raises(Malformed) as caught:
        parse_wanted(body)
    assert caught.value.field == f"{part}.{name}"
    assert repr(value) not in caught.value.detail or isinstance(value, bool | int)


@pytest.mark.parametrize("outcome", [None, "bridge", 5])
def test_an_unknown_outcome_is_refused(outcome):
    with pytest.raises(Malformed):
        parse_wanted({"request": {"outcome": outcome}, "terms": {"owner": OWNER}})


def test_openapi_shows_numbers_as_patterned_strings():
    schema = Wanted.model_json_schema()
    terms = schema["$defs"]["Terms"]["properties"]
    assert terms["subaccount"]["type"] == "string"
    assert "pattern" in terms["maxFee"]
    assert set(schema["properties"]) == {"request", "terms"}
    assert "discriminator" in schema["properties"]["request"]
