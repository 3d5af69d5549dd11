"""The contract's feed is the price; what the others say, and said before, is its state."""

import pytest

from adapters.base import PriceSample
from adapters.chains.deployment import MarketInfo
from app.feeds.judge import Asked, Judge, weights_of
from solver.domain.instrument import Token
from solver.domain.market import ConcentratedPool
from solver.domain.numbers import WAD

NOW = 1_790_000_000
POOL = "0x" + "f4" * 20
ETH = MarketInfo(
    1, "ETH", Token("0x" + "11" * 20, "WETH", 18), "0xf1", "0xf2", "0xf3", POOL,
    Token("0x" + "22" * 20, "USDC", 6),
)  # fmt: skip


SOURCES = (("chainlink", "net"), ("pyth", "net"), ("uniswap_twap", "dex"))


def said(prices, at):
    return [
        PriceSample(name, cls, price * WAD, price * WAD // 1000, at)
        for (name, cls), price in zip(SOURCES, prices, strict=True)
    ]


def judged(judge, prices, at=NOW, mark=None, **more):
    asked = Asked(at, (prices[0] if mark is None else mark) * WAD, **more)
    return judge.price(asked, said(prices, at))


def test_three_sources_that_agree_leave_the_mark_sure():
    found = judged(Judge(ETH), (4000, 4001, 4002))
    assert (found.price, found.state) == (4000 * WAD, "OK")


@pytest.mark.parametrize("lie", [4, 200, 4_000_000])
@pytest.mark.parametrize("is_alone", [True, False])
def test_a_liar_that_speaks_first_after_a_start_is_not_what_the_others_are_scaled_by(lie, is_alone):
    judge = Judge(ETH)
    first = [said((4000, lie, 4002), NOW - 20)[1], *said((4000, lie, 4002), NOW - 20)[:1]]
    state = judge.price(Asked(NOW - 20, 4000 * WAD), first[: 1 if is_alone else 2]).state
    assert state == ("HALT" if is_alone else "DEGRADED")
    assert judged(judge, (4000, 4001, 4002)).state == "OK"


def test_the_mean_of_an_hour_stands_while_too_few_speak_and_goes_on_with_them():
    judge = Judge(ETH)
    judged(judge, (4000, 4001, 4002))
    for block in range(1, 20):
        at = NOW + 12 * block
        judge.price(Asked(at, 4600 * WAD), said((4600, 4600, 4600), at)[:2])
    assert judged(judge, (4600, 4601, 4602), NOW + 240).state == "UNCERTAIN", "far from the mean"
    judged(judge, (4600, 4601, 4602), NOW + 3_900)
    assert judged(judge, (4600, 4601, 4602), NOW + 3_912).state == "OK"


def test_a_source_that_repeats_itself_while_the_others_move_is_told_over_blocks():
    judge, states = Judge(ETH), []
    for block in range(30):
        price = 4000 + 3 * block
        states.append(judged(judge, (price, price + 1, 4000), NOW + 12 * block).state)
    assert states[0] == "OK"
    assert states[-1] == "DEGRADED", "two are left, of one class"
    revived = judged(judge, (4100, 4101, 4099), NOW + 12 * 31)
    assert revived.state == "OK"


def test_a_reorganisation_forgets_what_was_said_before():
    judge = Judge(ETH)
    judged(judge, (4000, 4001, 4002), NOW)
    assert judged(judge, (4000, 4001, 4002), NOW - 12).state == "HALT", "all three out of order"
    judge.forget()
    assert judged(judge, (4000, 4001, 4002), NOW - 12).state == "OK"


def test_a_report_from_the_future_does_not_silence_its_source():
    judge = Judge(ETH)
    ahead = said((4000, 4001, 4002), NOW)[:2] + said((1, 1, 4002), NOW + 500)[2:]
    assert judge.price(Asked(NOW, 4000 * WAD), ahead).state == "DEGRADED"
    assert judged(judge, (4000, 4001, 4002), NOW + 12).state == "OK"


def test_a_mark_apart_from_the_sources_is_uncertain_by_as_much():
    found = judged(Judge(ETH), (4000, 4001, 4002), mark=4100)
    assert (found.price, found.state) == (4100 * WAD, "UNCERTAIN")
    assert found.confidence >= 98 * WAD


def test_a_settlement_token_off_its_peg_makes_the_mark_uncertain():
    assert judged(Judge(ETH), (4000, 4001, 4002), settlement=WAD * 97 // 100).state == "UNCERTAIN"
    assert judged(Judge(ETH), (4000, 4001, 4002), settlement=0).state == "UNCERTAIN"


def test_the_price_of_an_hour_ago_is_known_after_an_hour():
    judge = Judge(ETH)
    for minute in range(130):
        judged(judge, (4000 + minute, 4001 + minute, 4002 + minute), NOW + 60 * minute)
        end = NOW + 60 * minute
        assert judge.hour_ago(end) == ((4000 + minute - 60) * WAD if minute >= 60 else 0)
    judge.forget()  # a reorganisation: the chain stands an hour before what was seen
    back = NOW + 60 * 101 + 1
    judged(judge, (5000, 5000, 5000), back)
    assert judge.hour_ago(back + 3_599) == 4101 * WAD
    judged(judge, (5001, 5001, 5001), back + 3_600)
    assert judge.hour_ago(back + 3_660) == 4101 * WAD


def pool(liquidity):
    root = (2**96) * 63_245_553 // 10**12  # sqrt(4000e6 / 1e18)
    ticks = ((-400_000, liquidity), (-100_000, -liquidity))
    return ConcentratedPool(
        "uniswap_v3", POOL, ETH.base.address, ETH.quote.address, 500, 10, root, -193_380,
        liquidity, ticks, 0,
    )  # fmt: skip


def test_the_mean_has_a_vote_while_moving_it_costs_ten_times_what_it_guards():
    deep = pool(5_000_000 * 10**6 * 10**12 // 63_245_553)  # five million on the quote's side
    cost = 187_000
    assert weights_of(ETH, [deep], (cost - 2_000) // 10 * WAD) == (("uniswap_twap", 1),)
    assert weights_of(ETH, [deep], (cost + 2_000) // 10 * WAD) == (("uniswap_twap", 0),)
    assert weights_of(ETH, [], 0) == (("uniswap_twap", 1),)
    assert weights_of(ETH, [], 1) == (("uniswap_twap", 0),), "a pool nobody read guards nothing"


@pytest.mark.parametrize(("weight", "state"), [(1, "OK"), (0, "DEGRADED")])
def test_a_mean_without_a_vote_leaves_one_class(weight, state):
    weights = (("uniswap_twap", weight),)
    assert judged(Judge(ETH), (4000, 4001, 4002), weights=weights).state == state
