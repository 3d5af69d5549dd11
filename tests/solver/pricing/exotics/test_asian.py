"""Asian options: the sampled price against references, parity, bounds, and its greeks."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.instrument import FIXINGS, Instrument, Kind, fixing_times
from solver.domain.risk import Fixing
from solver.domain.surface import flat
from solver.pricing.black import price_and_greeks
from solver.pricing.exotics.asian import (
    Average,
    asian_greeks,
    asian_mark,
    asian_value,
    average_of,
    matched,
    sampled,
    vols_of,
)
from solver.pricing.exotics.sampling import Effort
from solver.pricing.surface.calibrated import built_in
from tests.recorded import SHARED, needs
from tests.solver.pricing.world import EXPIRY, WAD

VECTORS = SHARED / "vectors/risk.json"
needs_vectors = needs(VECTORS, "reference vectors")
CALL, PUT = (Instrument(1, kind, EXPIRY, 4000 * WAD) for kind in (Kind.ASIAN_CALL, Kind.ASIAN_PUT))
ETHER = built_in("ETH")
DAY = 86_400


def flat_average(spot, strike, rates, vol, times, *, is_call):
    r, q = rates
    times = np.array(times)
    return Average(
        is_call,
        strike,
        1.0,
        math.exp(-r * times[-1]),
        tuple(spot * np.exp((r - q) * times)),
        tuple(vol * vol * times),
        tuple(times),
    )


def test_52_weekly_fixings_are_the_reference():
    times = [7 * week / 365 for week in range(1, 53)]
    average = flat_average(100.0, 100.0, (0.06, 0.03), 0.2, times, is_call=True)
    found = sampled(average, Effort(1e-4, 2**17), seed=1)
    assert found.error <= 1e-4
    assert abs(found.value - 5.197833) <= 2e-5 + 3 * found.error


@needs_vectors
def test_levys_table_of_1997_is_met_within_its_own_noise():
    _meets_levy(2, 250, rows=24)


@needs_vectors
@pytest.mark.night
def test_levys_table_of_1997_is_met_up_to_a_thousand_fixings():
    _meets_levy(500, 1000, rows=6)


@pytest.mark.parametrize("days", [40.0, 8.0, 6.0, 3.5, 0.5])
def test_call_less_put_is_the_mean_forward_less_the_strike(days):
    time = EXPIRY - int(days * DAY)
    fixing = known(time, 3990)
    call, put = (asian_mark(one, ETHER, 4010 * WAD, time, fixing) for one in (CALL, PUT))
    average = average_of(CALL, ETHER, 4010 * WAD, time, fixing)
    parity = average.scale * (average.forward - average.strike)
    assert abs(call.value - put.value - parity) <= 4 * (call.error + put.error) + 1e-9


@given(
    spot=st.floats(min_value=0.5, max_value=2.0),
    hours=st.integers(min_value=1, max_value=24 * 60),
    fixed_at=st.floats(min_value=0.5, max_value=2.0),
)
@settings(max_examples=25)
def test_a_call_is_worth_more_than_its_linear_part_and_less_than_its_mean(spot, hours, fixed_at):
    price, time = int(spot * 4000 * WAD), EXPIRY - 3600 * hours
    fixing = known(time, fixed_at * 4000)
    found = asian_mark(CALL, ETHER, price, time, fixing)
    average = average_of(CALL, ETHER, price, time, fixing)
    linear = average.scale * (average.forward - average.strike)
    most = average.scale * max(average.forward, average.forward - average.strike)
    assert max(linear, 0.0) - 8 * found.error - 1e-6 <= found.value
    assert found.value <= most + 8 * found.error + 1e-6
    assert found.error <= 1e-4 * average.forward


def test_with_one_fixing_open_it_is_black_76():
    time = EXPIRY - DAY // 2
    found = asian_mark(CALL, flat(650_000), 4010 * WAD, time, known(time, 3990))
    strike = 7 * 4000 - 6 * 3990
    black = price_and_greeks(4010, strike, 0.5 / 365, 0.65, "call").price / 7
    assert found.error <= 1e-12
    assert abs(found.value - black) <= 1e-9


def test_what_is_fixed_high_enough_makes_it_linear_and_exact():
    time = EXPIRY - 2 * DAY + 60
    rich = known(time, 9000)
    call = asian_mark(CALL, flat(650_000), 4000 * WAD, time, rich)
    assert call.error == call.points == 0
    assert call.value == pytest.approx((5 * 9000 + 2 * 4000) / 7 - 4000)
    assert asian_mark(PUT, flat(650_000), 4000 * WAD, time, rich).value == 0


def test_a_passed_fixing_that_nobody_recorded_counts_at_the_price():
    time = EXPIRY - 3 * DAY + 1
    late = Fixing(EXPIRY, 3, 3 * 4050 * WAD)
    caught_up = Fixing(EXPIRY, 4, (3 * 4050 + 4010) * WAD)
    averages = [average_of(CALL, ETHER, 4010 * WAD, time, fixing) for fixing in (late, caught_up)]
    assert averages[0] == averages[1]
    assert len(averages[0].forwards) == 3


def test_the_same_question_has_the_same_bits():
    time = EXPIRY - 20 * DAY
    average = average_of(CALL, ETHER, 4010 * WAD, time, known(time, 0))
    first, again = (sampled(average, Effort(1e-3, 2**13), seed=5) for _ in range(2))
    assert first == again
    other = sampled(average, Effort(1e-3, 2**13), seed=6)
    assert other != first
    assert abs(other.value - first.value) <= 5 * (first.error + other.error)


@pytest.mark.parametrize("days", [40.0, 8.0, 3.5])
@pytest.mark.parametrize("instrument", [CALL, PUT])
def test_greeks_are_the_slopes_of_the_sampled_price(days, instrument):
    surface, time = flat(650_000), EXPIRY - int(days * DAY)
    fixing = known(time, 3990)

    def value(price=4010, vol_ppm=650_000, later=0):
        return asian_mark(instrument, flat(vol_ppm), price * WAD, time + later, fixing).value

    greeks = asian_greeks(instrument, surface, 4010 * WAD, time, fixing)
    assert greeks.price == value()
    assert greeks.delta == pytest.approx((value(4030) - value(3990)) / 40, abs=2e-3)
    assert greeks.gamma == pytest.approx((value(4090) - 2 * value() + value(3930)) / 6400, rel=0.05)
    assert greeks.vega == pytest.approx(
        (value(4010, 660_000) - value(4010, 640_000)) / 0.02, rel=0.01
    )
    assert greeks.theta == pytest.approx((value(later=600) - value()) * 31_536_000 / 600, rel=0.02)


@pytest.mark.parametrize("days", [40.0, 8.0, 3.5, 0.5])
@pytest.mark.parametrize("instrument", [CALL, PUT])
def test_a_curve_away_from_now_is_as_near_to_sampling_as_a_mark_is_asked_to_be(days, instrument):
    time, now = EXPIRY - int(days * DAY), 4010 * WAD
    fixing = known(time, 3990)
    for price in (0, 1, *(4010 * WAD * percent // 100 for percent in range(20, 301, 20))):
        found = asian_mark(instrument, ETHER, price, time, fixing)
        drawn = asian_value(instrument, ETHER, price, time, fixing, base=now)
        assert abs(drawn - found.value) <= 1e-4 * price / WAD + 1e-12
    at_now = asian_value(instrument, ETHER, now, time, fixing, base=now)
    assert at_now == pytest.approx(asian_mark(instrument, ETHER, now, time, fixing).value, abs=1e-9)


def test_two_moments_are_near_the_sample_and_move_as_it_does():
    time = EXPIRY - 20 * DAY
    average = average_of(CALL, ETHER, 4010 * WAD, time, known(time, 0))
    base, up = matched(average, np.array([1.0, 1.18]), np.repeat(vols_of(average)[None, :], 2, 0))
    assert base == pytest.approx(
        asian_mark(CALL, ETHER, 4010 * WAD, time, known(time, 0)).value, rel=2e-4
    )
    moved = average._replace(forwards=tuple(f * 1.18 for f in average.forwards))
    assert up == pytest.approx(sampled(moved, Effort(0.01), seed=1).value, rel=2e-4)


def test_everything_there_is_has_a_finite_value():
    for price in (0, 1, WAD, 4000 * WAD, 10**7 * WAD):
        for seconds in (1, 60, 6 * DAY, 400 * DAY):
            time = EXPIRY - seconds
            for one in (CALL, PUT):
                greeks = asian_greeks(one, ETHER, price, time, known(time, 4000))
                assert all(map(math.isfinite, greeks))
                assert 0 <= greeks.price <= 10**7
    assert asian_mark(PUT, ETHER, 0, EXPIRY - 8 * DAY, known(0, 0)).value == 4000


def known(time, price):
    """What a keeper that is never late has recorded by `time`, all at one price."""
    fixed = sum(at <= time for at in fixing_times(EXPIRY))
    assert fixed <= FIXINGS
    return Fixing(EXPIRY, fixed, fixed * int(price * WAD))


def _meets_levy(least, most, rows):
    table = json.loads(VECTORS.read_text())["asian_arith_mc_levy1997"]
    chosen = [row for row in table if least <= row["fixings"] <= most]
    assert len(chosen) == rows
    for row in chosen:
        first, count = float(Fraction(row["first"].replace(".0", ""))), row["fixings"]
        step = float(Fraction(row["length"])) / (count - 1)
        times = [first + step * which for which in range(count)]
        coming = [at for at in times if at > 0]
        strike = (count * row["K"] - (count - len(coming)) * row["S"]) / len(coming)
        rates = row["q"], row["r"]  # the table's columns are dividend yield, then rate
        average = flat_average(row["S"], strike, rates, row["vol"], coming, is_call=False)
        average = average._replace(weight=len(coming) / count)
        found = sampled(average, Effort(4e-4, 2**12), seed=1)
        noise = 0.02 if first > 0.2 else 0.004  # of the table: it was sampled too
        assert found.error <= 1e-3
        assert abs(found.value - row["published"]) <= noise, row
