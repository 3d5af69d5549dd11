"""Each price source parses its own words and says nothing it does not stand behind."""

import pytest

from adapters.base import word
from adapters.chains.deployment import MarketInfo
from adapters.oracles import chainlink, pyth, uniswap_twap
from solver.domain.instrument import Token
from solver.domain.numbers import WAD
from solver.routing.curves.ticks import ratio_at

LOW, HIGH = "0x" + "11" * 20, "0x" + "22" * 20
ID = "0x" + "ab" * 32


def market(base=LOW, quote=HIGH, decimals=18):
    return MarketInfo(
        1,
        "ETH",
        Token(base, "WETH", decimals),
        "0x" + "aa" * 20,
        "0x" + "bb" * 20,
        ID,
        "0x" + "cc" * 20,
        Token(quote, "USDC", 6),
    )


def answered(source, where, *answers):
    return source.parse(where, dict(zip(source.calls(where), answers, strict=True)))


def round_(answer, time):
    return word(7) + word(answer) + word(time) + word(time) + word(7)


def test_chainlink_scales_the_answer_by_its_decimals():
    sample = answered(chainlink, market(), round_(3_600 * 10**8, 1_000), word(8))
    assert sample.price == 3_600 * WAD
    assert sample.time == 1_000
    assert 0 < sample.confidence < sample.price // 100


@pytest.mark.parametrize("answer", [0, -1])
def test_chainlink_without_a_positive_answer_says_nothing(answer):
    assert answered(chainlink, market(), round_(answer, 1_000), word(8)) is None


def test_a_reverted_call_says_nothing():
    assert answered(chainlink, market(), b"", word(8)) is None
    assert answered(pyth, market(), b"") is None
    assert answered(uniswap_twap, market(), b"", b"", word(1)) is None


@pytest.mark.parametrize(("exponent", "price"), [(-8, 3_600 * 10**8), (0, 3_600), (2, 36)])
def test_pyth_applies_its_exponent(exponent, price):
    sample = answered(pyth, market(), word(price) + word(1) + word(exponent) + word(5))
    assert sample.price == 3_600 * WAD
    assert sample.confidence == int(10.0**exponent * WAD)
    assert sample.time == 5


def test_pyth_without_a_positive_price_says_nothing():
    assert answered(pyth, market(), word(-1) + word(1) + word(-8) + word(5)) is None


def observed(tick_mean, tick_now):
    return stepped([tick_mean] * 50, tick_now)


def stepped(ticks, tick_now):
    """What a pool answers that stood at each of these ticks for twelve seconds."""
    totals = [-50 + 12 * sum(ticks[:count]) for count in range(len(ticks) + 1)]
    sums = word(64) + word(64 + 32 * (1 + len(totals))) + word(len(totals))
    sums += b"".join(map(word, totals)) + word(len(totals)) + word(0) * len(totals)
    return sums, word(ratio_at(tick_now)) + word(tick_now) + word(0) * 5


@pytest.mark.parametrize("tick", [-200_000, -1, 0, 1, 194_433])
def test_twap_is_the_price_of_the_mean_tick_in_either_token_order(tick):
    up = answered(uniswap_twap, market(), *observed(tick, tick), word(9))
    down = answered(uniswap_twap, market(base=HIGH, quote=LOW), *observed(-tick, -tick), word(9))
    assert abs(up.price - down.price) <= max(2, up.price // 10**9)
    assert up.time == 9
    assert up.confidence >= up.price // 2_001


def test_twap_is_as_unsure_as_the_pool_is_away_from_it():
    sample = answered(uniswap_twap, market(), *observed(-194_433, -194_433 + 500), word(9))
    assert sample.confidence > sample.price * 5 // 100


@pytest.mark.parametrize("at", [0, 20, 48])
@pytest.mark.parametrize("spike", [20_000, -20_000])
def test_a_price_held_for_two_blocks_moves_the_mean_by_hardly_anything(at, spike):
    ticks = [1_000] * 50
    ticks[at : at + 2] = [1_000 + spike] * 2
    calm = answered(uniswap_twap, market(), *stepped([1_000] * 50, 1_000), word(9))
    moved = answered(uniswap_twap, market(), *stepped(ticks, 1_000), word(9))
    assert abs(moved.price - calm.price) * 1_000 < calm.price
    plain = 1.0001 ** (sum(ticks) / 50 - 1_000)
    assert abs(plain - 1) > 0.07, "an uncut mean would have followed"


def test_steps_are_held_within_a_percent_of_the_one_before_beginning_at_the_median():
    assert uniswap_twap.cut_mean([7] * 50) == 7
    assert uniswap_twap.cut_mean([0] * 30 + [250] * 20) == (100 + 200 + 18 * 250) // 50
    begun_high = 100 + 200 + 18 * 250 + 150 + 50
    assert uniswap_twap.cut_mean([250] * 20 + [0] * 30) == begun_high // 50
    found = answered(uniswap_twap, market(), *stepped([0] * 30 + [250] * 20, 250), word(9))
    assert found.price == answered(uniswap_twap, market(), *observed(96, 96), word(9)).price


@pytest.mark.parametrize("decimals", [37, 255, 2**255, 2**256 - 1])
def test_chainlink_with_decimals_nobody_has_says_nothing(decimals):
    """Ten to that power would stop the process, or be the end of it."""
    assert answered(chainlink, market(), round_(1, 1_000), word(decimals)) is None


@pytest.mark.parametrize("exponent", [37, -37, 2**31 - 1, -(2**31)])
def test_pyth_with_an_exponent_nobody_has_says_nothing(exponent):
    assert answered(pyth, market(), word(1) + word(1) + word(exponent) + word(5)) is None


@pytest.mark.parametrize(
    "source", [(chainlink, round_(1, 9), word(36)), (pyth, word(1) * 2 + word(-36) + word(9))]
)
def test_a_price_below_any_unit_says_nothing(source):
    assert answered(source[0], market(), *source[1:]) is None


@pytest.mark.parametrize("mean", [887_273, -887_273, 2**40, -(2**40)])
def test_twap_of_ticks_that_no_pool_has_says_nothing(mean):
    (sums, slot0), where = (observed(mean, 0), market())
    assert answered(uniswap_twap, where, sums, slot0, word(9)) is None


def test_twap_of_a_pool_without_a_price_says_nothing():
    sums, _ = observed(0, 0)
    for where in (market(), market(base=HIGH, quote=LOW)):
        assert answered(uniswap_twap, where, sums, word(0) * 7, word(9)) is None
