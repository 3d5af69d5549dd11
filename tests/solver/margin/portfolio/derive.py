"""Derive's margin cases in our engine's words: their inputs, their parameters, our grid."""

import json
import math
from typing import Any

from solver.domain.account import Account, Position
from solver.domain.ids import AccountId
from solver.domain.numbers import WAD
from solver.margin.portfolio.decide import SCALE, sums
from solver.margin.portfolio.grid import grid_of
from solver.margin.portfolio.parameters import Charge, Discount, Parameters, Skew
from solver.margin.portfolio.shocks import Shock, Shocks
from solver.margin.portfolio.terms import LinearTerms, MarketTerms, OptionTerms, SeriesTerms
from tests.recorded import SHARED

VECTORS = SHARED / "vectors" / "risk.json"
TWAP_SECONDS = 1800
WAYS = {"UP": 1, "NONE": 0, "DOWN": -1}
SKEWS = {"LINEAR": "linear", "ABS": "absolute"}

Json = dict[str, Any]


def cases(name: str) -> dict[str, Json]:
    """Returns the cases of one table of the vectors."""
    table: dict[str, Json] = json.loads(VECTORS.read_text())[name]
    return table


def wad(number: float | str) -> int:
    return round(float(number) * 1e18)


class Answer:
    """What our engine makes of a case, in units of money."""

    def __init__(self, terms: MarketTerms, parameters: Parameters, stable: float, book: Json):
        grid = grid_of([terms], parameters, wad(stable))
        positions = tuple(Position(i, q) for i, q in book["held"].items() if q)
        account = Account(AccountId(1, "0x" + "00" * 20, 0), 0, positions)
        found = sums(account.positions, grid)
        extra = float(book["cash"])
        self.rows = [row / SCALE for _, one in found.markets for row in one.rows]
        self.basis = sum(one.basis for _, one in found.markets) / SCALE
        self.value = found.equity / SCALE + extra
        self.maintenance = (found.equity - found.maintenance) / SCALE + extra
        self.initial = (found.equity - found.initial) / SCALE + extra


def portfolio_margin_2(case: Json) -> Answer:
    """Returns PMRM_2's margins of a case."""
    scenario, p = case["Scenario"], _parameters_2(case["Parameters"])
    perps = float(scenario["NumPerps"])
    least = float(scenario["SpotConfidence"])
    if perps:
        least_perp = min(least, float(scenario["PerpConfidence"]))
    else:
        least_perp = least
    series, options, held = _options_2(scenario, least_perp)
    linears = _collaterals_2(scenario, least, held)
    if perps:
        spot, moves = float(scenario["SpotPrice"]), wad(scenario["PerpPrice"])
        charge = Charge(*(wad(spot * rate / WAD) for rate in p.perp))
        linears.append(LinearTerms(1, "perps", moves, 0, charge, wad(spot), wad(least_perp)))
        held[1] = wad(perps)
    volatility = case["Parameters"]["VolShock"]
    terms = MarketTerms(
        1,
        "X",
        wad(scenario["SpotPrice"]),
        _rows_2(case["Parameters"]["Scenarios"]),
        wad(volatility["VOLRANGEUP"]),
        wad(volatility["VOLRANGEDOWN"]),
        tuple(series),
        tuple(options),
        tuple(linears),
    )
    cash = float(scenario["Cash"])
    if perps:
        cash += float(scenario["UnrealisedPerpPNL"]) + float(scenario["UnrealisedFunding"])
    return Answer(terms, p, float(scenario["StablePrice"]), {"held": held, "cash": cash})


def _options_2(scenario: Json, confidence: float) -> tuple[list[Any], list[Any], dict[int, int]]:
    feeds = {int(feed["FeedExpiry"]): feed for feed in scenario["OptionFeeds"]}
    series: list[SeriesTerms] = []
    options, held = [], {}
    for number, option in enumerate(scenario["Options"]):
        seconds, feed = int(option["Expiry"]), feeds[int(option["Expiry"])]
        known = [one.expiry for one in series]
        if seconds not in known:
            known.append(seconds)
            series.append(_series_2(seconds, feed, confidence))
        strike = wad(option["Strike"])
        place = known.index(seconds)
        vol = float(option["MarkVol"])
        options.append(OptionTerms(100 + number, place, strike, bool(option["IsCall"]), vol))
        held[100 + number] = wad(option["Amount"])
    return series, options, held


def _series_2(seconds: int, feed: Json, confidence: float) -> SeriesTerms:
    rate, forward, left = max(float(feed["Rate"]), 0.0), float(feed["Forward"]), max(seconds, 0)
    moving = min(left, TWAP_SECONDS) / TWAP_SECONDS
    sure = ("ForwardConfidence", "RateConfidence", "OptionVolConfidences")
    least = min(confidence, *(float(feed[name]) for name in sure))
    discount = math.exp(-rate * left / 31_536_000)
    fixed = forward * (1 - moving)
    return SeriesTerms(seconds, left, forward * moving, fixed, discount, rate, wad(least))


def _collaterals_2(scenario: Json, confidence: float, held: dict[int, int]) -> list[LinearTerms]:
    out = []
    for number, asset in enumerate(scenario["Collaterals"]):
        price = wad(float(asset["Price"]) / float(scenario["StablePrice"]))
        rates = (float(asset["MMHaircut"]), float(asset["IMHaircut"]))
        charge = Charge(*(round(price * rate) for rate in rates))
        sure = wad(min(confidence, float(asset["Confidence"])))
        moves = price if asset["IsRiskCancelling"] else 0
        out.append(LinearTerms(10 + number, "base", moves, price, charge, price, sure))
        held[10 + number] = wad(asset["Amount"])
    return out


def _rows_2(rows: list[Json]) -> Shocks:
    out = []
    for number, row in enumerate(rows):
        way = str(row["VolShockDirection"]).upper()
        spot, damp = wad(row["SpotShock"]), wad(row["DampeningFactor"])
        out.append(Shock(str(number), spot, WAYS.get(way, 0), damp, SKEWS.get(way, "")))
    return Shocks(tuple(out))


def _parameters_2(told: Json) -> Parameters:
    vol, margin, skew = told["VolShock"], told["Margin"], told["SkewShock"]
    basis, other = told["BasisContingency"], told["OtherContingency"]
    scale = wad(skew["MIN_WIDTH_SCALE"])
    return Parameters(
        tails=(),
        vol_min=wad(vol["MIN_VOL_EVAL_SHOCKED"]),
        vol_days_min=wad(vol["DTE_FLOOR"]),
        vol_short=wad(vol["SHORTTERMPOWER"]),
        vol_long=wad(vol["LONGTERMPOWER"]),
        linear=Skew(wad(skew["LINEAR_SCALE_CAP"]), wad(skew["LINEAR_CBASE"])),
        absolute=Skew(wad(skew["ABS_SCALE_CAP"]), wad(skew["ABS_CBASE"])),
        width_min=wad(skew["MIN_K_STAR"]),
        width=scale * wad(skew["VOL_PARAM_STATIC"]) // WAD,
        width_slope=scale * wad(skew["VOL_PARAM_SCALE"]) // WAD,
        asset=Discount(
            wad(margin["BASE_STATIC_DISCOUNT"]),
            wad(margin["LONG_RATE_MULTSCALE"]),
            wad(margin["LONG_RATE_ADDSCALE"]),
        ),
        debt=Discount(
            wad(margin["BASE_STATIC_DISCOUNT_NEG"]),
            wad(margin["SHORT_RATE_MULTSCALE"]),
            wad(margin["SHORT_RATE_ADDSCALE"]),
        ),
        basis_up=wad(basis["SCENARIO_SPOT_UP"]),
        basis_down=wad(basis["SCENARIO_SPOT_DOWN"]),
        basis_add=wad(basis["BASIS_CONT_ADD_FACTOR"]),
        basis_yearly=wad(basis["BASIS_CONT_MULT_FACTOR"]),
        perp=Charge(wad(other["MM_PERP_PERCENT"]), wad(other["IM_PERP_PERCENT"])),
        naked=Charge(wad(other["MM_OPTION_PERCENT"]), wad(other["IM_OPTION_PERCENT"])),
        confidence_min=wad(other["CONF_THRESHOLD"]),
        confidence_charge=wad(other["CONF_MARGIN"]),
        peg_min=wad(other["PEG_LOSS_THRESHOLD"]),
        peg_factor=wad(other["PEG_LOSS_FACTOR"]),
        maintenance_factor=wad(margin["MM_LOSS_FACTOR"]),
        initial_factor=wad(margin["IM_LOSS_FACTOR"]),
        floor=0,
    )


def portfolio_margin_1(case: Json) -> Answer:
    """Returns PMRM_1's margins of a case: undiscounted values, only assets discounted, and static
    charges inside what initial margin multiplies."""
    scenario = case["Scenario"]
    p = PMRM_1
    sure = scenario["SpotConfidence"]
    assert not scenario["Perps"] + scenario["Base"], "no case has either"
    feeds = {seconds: i for i, seconds in enumerate(scenario["FeedExpiries"])}
    series: list[SeriesTerms] = []
    options, held = [], {}
    for number, seconds in enumerate(scenario["OptionExpiries"]):
        feed = feeds[seconds]
        if seconds not in [one.expiry for one in series]:
            names = ("ForwardConfidences", "RateConfidences")
            vols = zip(scenario["OptionExpiries"], scenario["OptionVolConfidences"], strict=True)
            least = [
                sure,
                *(scenario[n][feed] for n in names),
                *(c for e, c in vols if e == seconds),
            ]
            moving, fixed = (scenario[f"Forwards{n}"][feed] / WAD for n in ("Variable", "Fixed"))
            rate = scenario["Rates"][feed] / WAD
            series.append(SeriesTerms(seconds, seconds, moving, fixed, 1.0, rate, min(least)))
        place = [one.expiry for one in series].index(seconds)
        strike, is_call = scenario["OptionStrikes"][number], scenario["OptionIsCall"][number] == 1
        vol = scenario["OptionVols"][number] / WAD
        options.append(OptionTerms(100 + number, place, strike, is_call, vol))
        held[100 + number] = scenario["OptionAmounts"][number]
    terms = MarketTerms(
        1, "X", scenario["SpotPrice"], ROWS_1, wad(0.45), wad(0.3), tuple(series), tuple(options)
    )
    book = {"held": held, "cash": scenario["Cash"] / WAD}
    return Answer(terms, p, scenario["StablePrice"] / WAD, book)


MOVES_1 = (1.15, 1.1, 1.05, 1, 0.95, 0.9, 0.85)
ROWS_1 = Shocks(tuple(Shock(f"{x} {v}", wad(x), v) for x in MOVES_1 for v in (1, 0, -1)))
PMRM_1 = Parameters(
    vol_min=0,
    asset=Discount(wad(0.95), 4 * WAD, wad(0.05)),
    debt=Discount(WAD, 0, 0),
    basis_up=wad(1.05),
    basis_down=wad(0.95),
    basis_add=wad(0.25),
    basis_yearly=wad(0.01),
    perp=Charge(wad(0.02), 0),
    naked=Charge(wad(0.01), 0),
    base=Charge(wad(0.02), 0),
    confidence_min=wad(0.6),
    confidence_charge=wad(0.5),
    peg_min=wad(0.98),
    peg_factor=2 * WAD,
    maintenance_factor=WAD,
    initial_factor=wad(1.3),
    is_static_scaled=True,
    floor=0,
)
