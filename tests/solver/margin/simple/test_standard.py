"""SIMPLE's formulas with anybody's factors: Derive's standard cases, and the contract's own."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.calendar import YEAR
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.margin.simple import figures
from solver.margin.simple.rules import short_unit, time_value
from solver.margin.simple.standard import (
    CONTRACT,
    CUBE,
    Expiry,
    Factors,
    Level,
    Market,
    Option,
    standard_margin,
)
from solver.pricing.black import prices
from tests.recorded import needs
from tests.solver.margin.portfolio.derive import VECTORS, Json, cases, wad
from tests.solver.pricing.world import (
    BASE,
    CALL,
    EXPIRY,
    HIGH_CALL,
    PERP,
    PUT,
    TIME,
    account,
    snapshot,
)

DERIVE = Factors(
    Level(wad(0.05), wad(1.1), wad(0.1)),
    Level(wad(0.065), wad(1.2), wad(0.1)),
    most=wad(0.15),
    least=wad(0.1),
    kept=wad(0.075),
    kept_mark=wad(0.075),
    put=wad(1.05),
    confidence_min=wad(0.4),
    confidence_charge=wad(0.4),
    peg_min=wad(0.98),
    peg_factor=wad(1.2),
)
ATOM = CUBE // 10**6


@needs(VECTORS, "margin cases")
def test_every_standard_case_of_derive_is_reproduced():
    table = cases("srm")
    assert len(table) == 18
    for name, case in table.items():
        scenario, told = case["Scenario"], case["Result"]
        markets = [derive_market(scenario, symbol, i) for i, symbol in enumerate(("ETH", "BTC"))]
        for key, is_initial in (("realMM", False), ("realIM", True)):
            stable = scenario["USDCValue"]
            found = standard_margin(markets, DERIVE, is_initial=is_initial, stable=stable)
            total = found / CUBE + scenario["Cash"] / WAD
            assert total == pytest.approx(told[key] / WAD, rel=1e-8, abs=1e-8), (name, key)


def derive_market(scenario: Json, symbol: str, number: int) -> Market:
    perps, price = scenario[f"Perps_{symbol}"], scenario["PerpPrice"][number]
    entry = scenario[f"LastEntry{symbol}"] or 0
    paid = scenario[f"{symbol}GlobalFundingIndex"] - (scenario[f"Account{symbol}FundingIndex"] or 0)
    spot_sure, perp_sure = scenario["SpotPerpConfidences"][number]
    return Market(
        scenario[f"{symbol}SpotPrice"],
        tuple(derive_expiries(scenario, symbol)),
        scenario[f"w{symbol}"],
        perps,
        price,
        perps * (price - entry - paid) // WAD if perps else 0,
        spot_sure,
        perp_sure,
    )


def derive_expiries(scenario: Json, symbol: str) -> list[Expiry]:
    found: list[Expiry] = []
    owners = scenario["OptionUnderlying"]
    for seconds in dict.fromkeys(scenario["OptionExpiries"]):
        mine = [i for i, owner in enumerate(owners) if owner == symbol]
        mine = [i for i in mine if scenario["OptionExpiries"][i] == seconds]
        if mine:
            feeds = [i for i, at in enumerate(scenario["FeedExpiries"]) if at == seconds]
            feed = next(i for i in feeds if i >= len(owners) or owners[i] == symbol)
            forward = scenario["Forwards"][feed]
            sure = [scenario["ForwardConfidences"][feed]]
            sure += [scenario["OptionVolConfidences"][i] for i in mine]
            options = tuple(derive_option(scenario, i, forward, seconds) for i in mine)
            found.append(Expiry(options, forward, min(sure)))
    return found


def derive_option(scenario: Json, i: int, forward: int, seconds: int) -> Option:
    strike, is_call = scenario["OptionStrikes"][i], scenario["OptionIsCall"][i] == 1
    vol = scenario["OptionVols"][i] / WAD
    mark = prices(forward / WAD, strike / WAD, seconds / YEAR, vol, is_call)
    return Option(strike, is_call, scenario["OptionAmounts"][i], wad(float(mark)))


held = st.lists(
    st.tuples(st.sampled_from([PERP, BASE, CALL, HIGH_CALL, PUT]), st.integers(-(10**21), 10**21)),
    unique_by=lambda pair: pair[0],
)


@given(held)
def test_with_the_contracts_factors_it_is_simple_but_for_its_roundings(pairs):
    sane = [(i, abs(q) if i == BASE else q) for i, q in pairs if q]
    world = snapshot()
    chain = figures(account(*sane), world)
    book: dict[str, Any] = {"base": 0, "perps": 0, "perp_price": 4000 * WAD, "perp_value": 0}
    options = []
    for instrument, quantity in sane:
        if instrument == BASE:
            book["base"] = quantity
        elif instrument == PERP:
            book |= {"perps": quantity, "perp_value": quantity * 4000}
        else:
            options.append(contract_option(instrument, quantity))
    market = Market(4000 * WAD, (Expiry(tuple(options), 4000 * WAD),), **book)
    for is_initial, told in ((True, chain.initial), (False, chain.maintenance)):
        exact = standard_margin([market], CONTRACT, is_initial=is_initial)
        assert 0 <= exact - told * ATOM < 2 * ATOM


def contract_option(instrument: Instrument, quantity: int) -> Option:
    flat = time_value(4000 * WAD, 1_500_000, EXPIRY - TIME)
    mark = short_unit(instrument, 4000 * WAD, flat).mark
    return Option(instrument.strike, instrument.kind is Kind.CALL, quantity, mark)
