"""The board follows the head: one block's truth at a time, and nothing when there is none."""

import itertools

import pytest
from eth_abi.abi import encode

from adapters.base import Call, Reverted, word
from adapters.chains.abi import artifact
from adapters.chains.deployment import Deployment, MarketInfo
from adapters.chains.evm import Head
from adapters.chains.settlement import view
from adapters.oracles import chainlink, pyth
from adapters.venues import uniswap_v2
from app.board import Board
from app.clock import ChainClock
from app.feeds import Feeds, load_listing
from app.feeds.follow import UNREADABLE_POLLS
from app.feeds.listing import ASIAN_WEEKS, asian_strikes, expiries_at, strikes_around
from app.feeds.recorded import market_of
from solver.domain.calendar import DAY, rfc3339
from solver.domain.errors import Unavailable
from solver.domain.instrument import Kind, Token, fixing_times
from solver.domain.risk import Fixing
from tests.app.recorded_world import chain

WAD = 10**18
NOW = 1_790_000_000
USDC, WETH = Token("0x" + "22" * 20, "USDC", 6), Token("0x" + "11" * 20, "WETH", 18)
HOUSE, PARAMS, ZERO = "0x" + "c4" * 20, "0x" + "c5" * 20, "0x" + "00" * 20
ETH = MarketInfo(
    1, "ETH", WETH, "0x" + "f1" * 20, "0x" + "f2" * 20, "0x" + "f3" * 32, "0x" + "f4" * 20, USDC
)
POOL = uniswap_v2.SAMPLE.address
DEPLOYMENT = Deployment(
    31338, ZERO, HOUSE, ZERO, PARAMS, ZERO, ZERO, ZERO, ZERO, WETH.address, USDC.address,
    (WETH, USDC), ZERO, ZERO, (("uniswap_v2", POOL),), (ETH,), 1,
)  # fmt: skip


class FakeNode:
    """A node with one head and answers by call; everything else reverts."""

    def __init__(self) -> None:
        self.heads = [Head(7, "0x07", "0x06", NOW, 10**9)]
        self.answers: dict[Call, bytes] = dict(uniswap_v2.SAMPLE.answers)
        self.is_down = False
        self.read_at: set[int | None] = set()
        rates = (1_500_000, 100_000, 65_000, 750_000, 800_000)
        params = artifact("Params").interface.functions["market"]
        market = (WETH.address, 18, ETH.feed, 3600, *rates, 10**24, False)
        self.answers[view("Params", PARAMS, "market", 1)] = encode(params.outputs, [market])
        self.say("fundingIndex", 3 * WAD)
        self.price(4000)

    def say(self, name: str, value: int, *more: int) -> None:
        self.answers[view("Clearinghouse", HOUSE, name, 1, *more)] = word(value % 2**256)

    def price(self, price: int, at: int = NOW, chainlink_price: int = 0) -> None:
        """Sets the feed, the mark the contracts take from it, and Pyth."""
        shown = chainlink_price or price
        rounds, decimals = chainlink.calls(ETH)
        self.answers[rounds] = b"".join(map(word, (1, shown * 10**8, at, at, 1)))
        self.answers[decimals] = word(8)
        (found,) = pyth.calls(ETH)
        exponent = word(-8 % 2**256)
        self.answers[found] = word(price * 10**8) + word(10**6) + exponent + word(at)
        self.say("mark", shown * WAD)

    def fixings(self, expiry: int, done: int, total: int) -> None:
        self.answers[view("Clearinghouse", HOUSE, "fixings", 1, expiry)] = word(done) + word(total)

    def mine(self, seconds: int = 12) -> None:
        last = self.heads[-1]
        number = last.number + 1
        self.heads.append(
            Head(number, f"0x{number:02x}", last.hash, last.timestamp + seconds, 10**9)
        )

    async def head(self) -> Head:
        self._answer()
        return self.heads[-1]

    async def block(self, number: int | None) -> Head | None:
        self._answer()
        return next((head for head in self.heads if head.number == number), None)

    async def call_many(self, calls, block=None):
        self._answer()
        self.read_at.add(block)
        return [self.answers.get(call, Reverted("no")) for call in calls]

    async def logs(self, *_: object):
        self._answer()
        return ()

    def _answer(self) -> None:
        if self.is_down:
            raise Unavailable("the node does not answer")


class Followed:
    def __init__(self, node: FakeNode, board: Board) -> None:
        self.node, self.board, self.clock = node, board, ChainClock(0)
        self.feeds = Feeds(node, board, self.clock, DEPLOYMENT)  # type: ignore[arg-type]

    def eth(self):
        return self.board.snapshot().underlyings[0]


@pytest.fixture
async def world() -> Followed:
    node = FakeNode()
    made = Followed(node, Board(await load_listing(node, DEPLOYMENT)))
    node.read_at.clear()
    return made


async def test_the_listing_is_what_the_parameters_say(world: Followed):
    await world.feeds.step()
    eth = world.eth()
    assert (eth.sigma_cap_ppm, eth.perp_initial_ppm, eth.perp_maintenance_ppm) == (
        1_500_000, 100_000, 65_000,
    )  # fmt: skip
    assert (eth.base_initial_ppm, eth.base_maintenance_ppm) == (750_000, 800_000)


async def test_one_step_brings_all_of_one_block(world: Followed):
    assert await world.feeds.step()
    snapshot, eth = world.board.snapshot(), world.eth()
    assert (snapshot.block_number, snapshot.time, world.clock.time()) == (7, NOW, NOW)
    assert snapshot.pools == (uniswap_v2.SAMPLE.pool,)
    assert (eth.price, eth.funding_index, eth.oracle_state) == (4000 * WAD, 3 * WAD, "DEGRADED")
    assert snapshot.native_price == 4000 * WAD
    assert 4000 * WAD in eth.strikes
    assert world.node.read_at == {7}, "nothing is read beside the block"


async def test_the_same_head_is_read_once(world: Followed):
    await world.feeds.step()
    first = world.board.snapshot()
    assert not await world.feeds.step()
    assert world.board.snapshot() is first


async def test_an_expiry_fixed_on_chain_reaches_the_board(world: Followed):
    fixed = max(e for e in expiries_at(NOW - 7 * DAY) if e <= NOW)
    world.node.say("expiryPrice", 3900 * WAD, fixed)
    await world.feeds.step()
    assert world.eth().expiry_prices == ((fixed, 3900 * WAD),)


async def test_asian_options_are_few_weekly_and_keep_what_was_listed(world: Followed):
    await world.feeds.step()
    eth = world.eth()
    due = [sum(at <= NOW for at in fixing_times(expiry)) for expiry in expiries_at(NOW)]
    assert due[:2] == [3, 0]
    assert [expiry for expiry, _ in eth.asians] == list(expiries_at(NOW)[1 : 1 + ASIAN_WEEKS])
    strikes = eth.strikes_of(Kind.ASIAN_CALL, eth.asians[0][0])
    assert strikes == asian_strikes(4000 * WAD)
    assert set(strikes) <= set(eth.strikes)
    world.node.mine()
    world.node.price(4300)
    await world.feeds.step()
    assert set(world.eth().asians[0][1]) == {*strikes, *asian_strikes(4300 * WAD)}


async def test_an_asian_series_is_listed_while_its_fixings_are_recorded(world: Followed):
    begun = expiries_at(NOW)[0]
    for fixed, is_listed in ((1, False), (2, True), (3, True)):
        world.node.mine()
        world.node.fixings(begun, fixed, fixed * 4000 * WAD)
        await world.feeds.step()
        assert (begun in dict(world.eth().asians)) == is_listed


async def test_fixings_reach_the_board_and_a_full_series_is_not_asked_again(world: Followed):
    begun = min(e for e in expiries_at(NOW) if fixing_times(e)[0] <= NOW)
    world.node.fixings(begun, 2, 7900 * WAD)
    await world.feeds.step()
    assert world.eth().fixings == (Fixing(begun, 2, 7900 * WAD),)
    world.node.fixings(begun, 7, 28_000 * WAD)
    world.node.mine()
    await world.feeds.step()
    world.node.fixings(begun, 1, 1)
    world.node.mine()
    await world.feeds.step()
    assert world.eth().fixings == (Fixing(begun, 7, 28_000 * WAD),)


async def test_what_a_reorg_took_back_is_fixed_no_more_though_the_node_failed_in_between(
    world: Followed, monkeypatch: pytest.MonkeyPatch
):
    begun = min(e for e in expiries_at(NOW) if fixing_times(e)[0] <= NOW)
    fixed = max(e for e in expiries_at(NOW - 7 * DAY) if e <= NOW)
    world.node.say("expiryPrice", 3900 * WAD, fixed)
    world.node.fixings(begun, 7, 28_000 * WAD)
    await world.feeds.step()
    world.node.heads = [Head(7, "0x17", "0x06", NOW + 1, 10**9)]
    world.node.say("expiryPrice", 0, fixed)
    world.node.fixings(begun, 0, 0)
    with monkeypatch.context() as failing:
        failing.setattr(world.node, "call_many", broken)
        with pytest.raises(Unavailable):
            await world.feeds.step()
    await world.feeds.step()
    assert (world.eth().expiry_prices, world.eth().fixings) == ((), ())
    world.node.mine()
    world.node.fixings(begun, 7, 28_007 * WAD)
    await world.feeds.step()
    assert world.eth().fixings == (Fixing(begun, 7, 28_007 * WAD),)


async def broken(*_: object):
    raise Unavailable("the node does not answer")


async def test_the_contracts_feed_is_the_price_and_the_others_judge_it(world: Followed):
    world.node.price(4000, chainlink_price=4400)
    await world.feeds.step()
    eth = world.eth()
    assert eth.price == 4400 * WAD
    assert eth.confidence > 100 * WAD
    assert eth.oracle_state != "OK"


async def test_a_stale_feed_halts_the_market(world: Followed):
    del world.node.answers[view("Clearinghouse", HOUSE, "mark", 1)]
    await world.feeds.step()
    assert world.eth().oracle_state == "HALT"


async def test_silent_sources_halt_the_market(world: Followed):
    await world.feeds.step()
    world.node.mine(seconds=7200)
    await world.feeds.step()
    assert world.eth().oracle_state == "HALT"


async def test_a_silent_node_is_told_and_its_return_ends_that(world: Followed):
    await world.feeds.poll()
    world.node.is_down = True
    for _ in range(UNREADABLE_POLLS - 1):
        await world.feeds.poll()
    assert world.board.snapshot().block_number == 7, "one lost look is no outage"
    await world.feeds.poll()
    assert world.board.unreadable_since == NOW
    with pytest.raises(Unavailable):
        world.board.snapshot()
    world.node.is_down = False
    await world.feeds.poll()
    assert world.board.snapshot().block_number == 7


async def test_after_a_reorg_nothing_read_before_is_believed(world: Followed):
    await world.feeds.step()
    world.node.heads = [Head(8, "0x18", "0x17", NOW + 12, 10**9)]
    calls = uniswap_v2.calls(POOL, {})
    token0 = next(call for call in calls if call not in uniswap_v2.hot(POOL))
    world.node.answers[token0] = word(int("33" * 20, 16))
    await world.feeds.step()
    assert world.board.snapshot().pools[0].tokens[0] == "0x" + "33" * 20


async def test_strikes_once_listed_stay_when_the_price_moves(world: Followed):
    await world.feeds.step()
    before = set(world.eth().strikes)
    world.node.mine()
    world.node.price(4300, at=NOW + 12)
    await world.feeds.step()
    assert before < set(world.eth().strikes)


def test_expiries_are_fridays_at_eight_weekly_then_monthly():
    listed = expiries_at(1_795_176_000)  # Friday 2026-11-20 12:00
    assert [rfc3339(expiry)[:10] for expiry in listed] == [
        "2026-11-27", "2026-12-04", "2026-12-11", "2026-12-18", "2026-12-25", "2027-01-29",
    ]  # fmt: skip
    assert all(expiry % DAY == 8 * 3600 for expiry in listed)


def test_no_expiry_is_listed_in_its_last_hour():
    friday = expiries_at(NOW)[0]
    assert friday in expiries_at(friday - 3600)
    assert friday not in expiries_at(friday - 3599)


@pytest.mark.parametrize("price", [1, 37, 100, 999, 2500, 4000, 65_000, 1_234_567])
def test_strikes_are_round_and_span_the_price(price: int):
    strikes = strikes_around(price * WAD)
    assert 7 <= len(strikes) <= 32
    assert strikes[0] < price * WAD < strikes[-1]
    assert len({later - first for first, later in itertools.pairwise(strikes)}) == 1


async def test_a_recorded_market_lists_what_was_recorded_wherever_the_price_goes():
    node, recorded = FakeNode(), market_of(chain(time=NOW))
    board = Board(await load_listing(node, DEPLOYMENT, {"ETH": recorded}))
    made = Followed(node, board)
    await made.feeds.step()
    eth = made.eth()
    assert (eth.expiries, eth.series, eth.surface) == (
        recorded.expiries, recorded.series, recorded.surface,
    )  # fmt: skip
    assert 4000 * WAD in eth.strikes_at(recorded.expiries[0])
    node.mine()
    node.price(9000, at=NOW + 12)
    await made.feeds.step()
    assert made.eth().series == recorded.series


async def test_a_recorded_expiry_fixed_on_chain_reaches_the_board():
    node, recorded = FakeNode(), market_of(chain(time=NOW))
    made = Followed(node, Board(await load_listing(node, DEPLOYMENT, {"ETH": recorded})))
    expiry = recorded.expiries[0]
    node.mine(seconds=expiry + 60 - NOW)
    node.price(4000, at=expiry + 60)
    node.say("expiryPrice", 3950 * WAD, expiry)
    await made.feeds.step()
    assert made.eth().expiry_prices == ((expiry, 3950 * WAD),)
