"""Notice runs from when a file came into force here, over what stood, whatever the file says."""

import pytest

from adapters.chains.devnet.keys import dev_keys
from app.board import Board
from app.feeds import Feeds, load_listing
from app.notice import SUFFIX, put_in_force
from app.parameters import BUILT_IN, MarketParameters, Parameters, issue, load, store
from solver.domain.calendar import DAY
from solver.domain.errors import Malformed, Refused
from solver.domain.risk import MarketRisk
from tests.app.test_feeds import DEPLOYMENT, NOW, FakeNode, Followed

CHAIN = 31338
KEY = dev_keys()["risk1"].secret


def risk(ppm: int) -> MarketRisk:
    return MarketRisk(str(ppm), ppm, ppm)


def file(folder, ppm: int, before: int = 180_000, issued_at: int = NOW, market: str = "ETH"):
    """Installs a signed file and loads it as a start does."""
    markets = ((market, MarketParameters(140_000, risk(ppm), risk(before))),)
    store(folder / "p.json", issue(Parameters(str(ppm), CHAIN, issued_at, markets), KEY))
    return load(folder / "p.json", CHAIN)


def maintenance(parameters: Parameters, time: int, symbol: str = "ETH") -> int:
    return parameters.in_force(symbol, time).spot_maintenance


def test_a_file_that_lay_for_days_gives_its_notice_once_it_is_used(tmp_path):
    late = NOW + 5 * DAY
    assert maintenance(file(tmp_path, 250_000), late) == 250_000, "by its own word"
    found = put_in_force(file(tmp_path, 250_000), late)
    assert maintenance(found, late + DAY - 1) == 180_000
    assert maintenance(found, late + DAY) == 250_000
    assert found.in_force("ETH", late).spot_initial == 250_000


def test_a_restart_goes_on_with_the_notice_that_began(tmp_path):
    first = put_in_force(file(tmp_path, 250_000), NOW + 60)
    again = put_in_force(load(tmp_path / "p.json", CHAIN), NOW + 3 * DAY)
    assert again == first
    assert maintenance(again, NOW + 3 * DAY) == 250_000
    assert maintenance(again, NOW + DAY) == 180_000


def test_an_old_file_again_raises_nothing_without_notice(tmp_path):
    old = file(tmp_path, 280_000, before=270_000)
    put_in_force(old, NOW)
    calm, used = file(tmp_path, 120_000, before=280_000, issued_at=NOW + 9 * DAY), NOW + 9 * DAY
    stood = put_in_force(calm, used)
    assert maintenance(stood, used) == 120_000, "milder at once"
    replayed = put_in_force(file(tmp_path, 280_000, before=270_000), used + DAY)
    assert maintenance(replayed, used + DAY) == 120_000
    assert maintenance(replayed, used + 2 * DAY - 1) == 120_000
    assert maintenance(replayed, used + 2 * DAY) == 280_000


def test_notice_under_way_is_what_the_next_file_is_given_over(tmp_path):
    put_in_force(file(tmp_path, 250_000), NOW)
    found = put_in_force(file(tmp_path, 260_000, before=250_000), NOW + 3_600)
    assert maintenance(found, NOW + DAY) == 180_000
    assert maintenance(found, NOW + DAY + 3_600) == 260_000


def test_a_market_that_is_named_no_more_has_notice_of_that(tmp_path):
    put_in_force(file(tmp_path, 120_000), NOW)
    found = put_in_force(file(tmp_path, 120_000, market="BTC"), NOW + 2 * DAY)
    assert maintenance(found, NOW + 3 * DAY - 1) == 120_000
    assert maintenance(found, NOW + 3 * DAY) == 180_000


def test_without_a_file_nothing_is_kept_and_without_room_nothing_starts(tmp_path):
    assert put_in_force(BUILT_IN, NOW) is BUILT_IN
    given = file(tmp_path, 250_000)
    (tmp_path / ("p.json" + SUFFIX + ".part")).mkdir()
    with pytest.raises(Refused) as caught:
        put_in_force(given, NOW)
    assert caught.value.code == "noticeNotKept"


@pytest.mark.parametrize("text", ["", "{}", "nonsense"])
def test_what_is_no_record_stops_the_start(tmp_path, text):
    given = file(tmp_path, 250_000)
    (tmp_path / ("p.json" + SUFFIX)).write_text(text)
    with pytest.raises(Malformed):
        put_in_force(given, NOW)


async def test_the_first_block_that_is_followed_begins_the_notice(tmp_path):
    node, given = FakeNode(), file(tmp_path, 250_000, issued_at=NOW - 9 * DAY)
    made = Followed(node, Board(await load_listing(node, DEPLOYMENT)))
    made.feeds = Feeds(node, made.board, made.clock, DEPLOYMENT, given)  # type: ignore[arg-type]
    await made.feeds.step()
    assert made.eth().risk.spot_maintenance == 180_000
    node.mine(seconds=DAY)
    node.price(4000, at=NOW + DAY)
    await made.feeds.step()
    assert made.eth().risk.spot_maintenance == 250_000
