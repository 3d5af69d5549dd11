"""The settlement token is worth what its feed says, one dollar only where there is none."""

import pytest

from adapters.base import Call, Reverted, word
from adapters.oracles.chainlink import DECIMALS, ROUND
from app.feeds.peg import PEG_SECONDS_MAX, settlement_price
from solver.domain.numbers import WAD
from tests.app.test_feeds import DEPLOYMENT, NOW

FEED = "0x" + "aa" * 20
PEGGED = DEPLOYMENT._replace(settlement_feed=FEED)


class Node:
    def __init__(self, answer: int, at: int) -> None:
        rounds = b"".join(map(word, (1, answer % 2**256, at, at, 1)))
        self._answers = {Call(FEED, ROUND): rounds, Call(FEED, DECIMALS): word(8)}

    async def call_many(self, calls, block=None):
        return [self._answers.get(call, Reverted("no")) for call in calls]


async def test_without_a_feed_it_is_a_dollar():
    assert await settlement_price(Node(0, 0), DEPLOYMENT, 7, NOW) == WAD


@pytest.mark.parametrize("age", [0, PEG_SECONDS_MAX])
async def test_a_feed_says_what_it_is(age):
    node = Node(97_000_000, NOW - age)
    assert await settlement_price(node, PEGGED, 7, NOW) == WAD * 97 // 100


@pytest.mark.parametrize(
    ("answer", "at"), [(0, NOW), (-1, NOW), (10**8, NOW - PEG_SECONDS_MAX - 1), (10**8, NOW + 1)]
)
async def test_a_feed_that_says_nothing_sound_is_unknown(answer, at):
    assert await settlement_price(Node(answer, at), PEGGED, 7, NOW) is None


async def test_a_feed_that_is_not_there_is_unknown():
    elsewhere = DEPLOYMENT._replace(settlement_feed="0x" + "bb" * 20)
    assert await settlement_price(Node(10**8, NOW), elsewhere, 7, NOW) is None
