"""Any request of any kind: what is drafted survives the wire and compiles to the same Program."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import SolventError
from solver.intents import KINDS, compile_intent, draft, parse_wanted
from solver.intents.typed_json import parse_intent, to_json
from tests.solver.intents.options.world import HELD, STRIKES, TERMS, option, quoted
from tests.solver.pricing.world import WAD

DAYS = ("20261218", "20261225", "20270129")
WORLD = quoted(
    expiries=tuple(option("C", 1).expiry + shift * 86_400 for shift in (-7, 0, 35)),
    strikes=STRIKES[3:12],
)

strikes = st.sampled_from([strike // WAD for strike in WORLD.underlyings[0].strikes])
sizes = st.sampled_from(["1", "0.5", "2.25", "0.000000000000000001", "7"])
sides = st.sampled_from(["buy", "sell"])
rights = st.sampled_from(["call", "put"])
tenors = st.one_of(
    st.fixed_dictionaries({"tenorDays": st.one_of(st.integers(20, 80), st.just([20, 75]))}),
    st.fixed_dictionaries({"expiry": st.sampled_from(DAYS)}),
)
singles = st.one_of(
    st.fixed_dictionaries({"delta": st.integers(5, 95).map(lambda n: f"{n / 100:.2f}")}),
    st.fixed_dictionaries({"moneyness": st.integers(70, 140).map(lambda n: f"{n / 100:.2f}")}),
    st.fixed_dictionaries({"strike": strikes.map(str)}),
)
pairs = st.tuples(strikes, strikes).map(lambda ends: {"strike": [str(n) for n in sorted(ends)]})
dated = st.builds(lambda target, tenor: target | tenor, singles, tenors)


def names(letter):
    return st.builds(lambda day, at: f"ETH-{day}-{at}-{letter}", st.sampled_from(DAYS), strikes)


def either(letter):
    return st.one_of(names(letter), singles)


def anything(right):
    selected = st.builds(
        lambda target, tenor: target | tenor | {"right": right}, st.one_of(singles, pairs), tenors
    )
    return st.one_of(names(right[0].upper()), selected)


def structure(word, **fields):
    base = st.fixed_dictionaries({"outcome": st.just(word), "size": sizes} | fields)
    return st.builds(lambda body, tenor: {"underlying": "ETH"} | body | tenor, base, tenors)


def plain(word, **fields):
    return st.fixed_dictionaries(
        {"outcome": st.just(word), "underlying": st.just("ETH"), "size": sizes} | fields
    )


def of_right(word, **fields):
    """One right for all legs that are named."""

    def made(right):
        letter = right[0].upper()
        return structure(word, right=st.just(right), **{k: v(letter) for k, v in fields.items()})

    return rights.flatmap(made)


def calendars(right):
    letter = right[0].upper()
    pairs_of_legs = st.one_of(
        st.tuples(dated, tenors), st.tuples(names(letter), tenors), st.tuples(tenors, names(letter))
    )
    return pairs_of_legs.flatmap(
        lambda legs: plain(
            "calendar",
            right=st.just(right),
            side=sides,
            near=st.just(legs[0]),
            far=st.just(legs[1]),
        )
    )


def outrights(word):
    return rights.flatmap(lambda right: plain(word, instrument=anything(right)))


held_call = st.just("ETH-20261225-4000-C")
half = st.sampled_from(["1", "0.5", "2"])
amounts = st.sampled_from(["1", "0.25"])
REQUESTS = {
    "swap": st.just(
        {"outcome": "swap", "sellToken": "WETH", "buyToken": "USDC", "sellAmount": "1"}
    ),
    "openPerp": st.fixed_dictionaries(
        {"outcome": st.just("openPerp"), "instrument": st.just("ETH-PERP"), "side": sides}
        | {"size": sizes}
    ),
    "closePerp": st.fixed_dictionaries(
        {"outcome": st.just("closePerp"), "instrument": st.just("ETH-PERP"), "size": amounts}
    ),
    "deposit": st.fixed_dictionaries(
        {"outcome": st.just("deposit"), "token": st.just("WETH"), "amount": amounts}
    ),
    "withdraw": st.fixed_dictionaries(
        {"outcome": st.just("withdraw"), "token": st.just("USDC"), "amount": amounts}
    ),
    "coveredCall": plain("coveredCall", instrument=anything("call"), hold=st.booleans()),
    "buyOption": outrights("buyOption"),
    "sellOption": outrights("sellOption"),
    "closeOption": st.fixed_dictionaries(
        {"outcome": st.just("closeOption"), "instrument": held_call, "size": half}
    ),
    "closeAll": st.just({"outcome": "closeAll", "underlying": "ETH"}),
    "roll": st.fixed_dictionaries(
        {"outcome": st.just("roll"), "instrument": held_call, "size": half},
        optional={"to": st.one_of(names("C"), dated, tenors)},
    ),
    "straddle": structure("straddle", side=sides, at=singles),
    "strangle": structure("strangle", side=sides, put=either("P"), call=either("C")),
    "vertical": of_right("vertical", long=either, short=either),
    "collar": structure("collar", put=either("P"), call=either("C")),
    "calendar": rights.flatmap(calendars),
    "butterfly": of_right(
        "butterfly", middle=either, width=lambda _: st.sampled_from(["200", "400"])
    ),
    "ironCondor": structure(
        "ironCondor",
        side=sides,
        putLong=either("P"),
        putShort=either("P"),
        callShort=either("C"),
        callLong=either("C"),
    ),
}
EXPECTED = {"noContract", "rangeTooWide", "malformed", "insufficientFunds", "nothingToClose"}


def test_every_kind_is_requested_here():
    assert set(REQUESTS) == set(KINDS)


@pytest.mark.parametrize("word", sorted(REQUESTS))
@settings(max_examples=25)
@given(st.data())
def test_what_is_drafted_survives_the_wire_and_compiles_alike(word, data):
    request = data.draw(REQUESTS[word])
    scheme = "permit2" if word == "deposit" else "eip712"
    wanted = parse_wanted({"request": request, "terms": TERMS | {"scheme": scheme}})
    refusals = []
    try:
        intent = draft(wanted.request, HELD, WORLD, wanted.terms)
    except SolventError as error:
        refusals.append(error.code)
    if refusals:
        assert set(refusals) <= EXPECTED
        return
    assert draft(wanted.request, HELD, WORLD, wanted.terms) == intent
    sent = parse_intent(json.loads(json.dumps(to_json(intent))))
    assert sent == intent
    program = compile_intent(sent, HELD, WORLD, scheme)
    assert program == compile_intent(intent, HELD, WORLD, scheme)
    assert all(exposure.candidates for exposure in program.exposures)
    for index in wanted.request.asked():
        assert intent.legs[index].kind == "option"
