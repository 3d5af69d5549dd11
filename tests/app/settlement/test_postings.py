"""What the auction says becomes facts of every account it touches, and of the deficit."""

from adapters.chains import events as chain
from app.settlement.postings import Book, Fact, postings_of
from solver.domain import event as ledger
from solver.domain.account import Account, Position
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.ledger import apply

WAD = 10**18
SOLD, BUYER = (AccountId(1, "0x" + digits * 20, n) for digits, n in (("a1", 0), ("b2", 7)))
PERP = Instrument(1, Kind.PERP).id
BOOK = Book(1, {}, {})


def posted(*events: chain.ContractEvent):
    return postings_of((Fact(e, "0xaa", n) for n, e in enumerate(events)), BOOK)


def test_a_seizure_moves_a_position_from_one_log_to_the_other():
    seized = posted(chain.Seized(SOLD.key, BUYER.key, PERP, -3 * WAD))
    assert [log for log, _ in seized] == [SOLD.log, BUYER.log]
    left = apply(Account(SOLD, positions=(Position(PERP, -3 * WAD),)), seized[0][1])
    got = apply(Account(BUYER), seized[1][1])
    assert left.positions == ()
    assert got.positions == (Position(PERP, -3 * WAD),)
    assert seized[0][1] == ledger.PositionSeized(PERP, 3 * WAD, f"{BUYER.owner}/7", "0xaa", 0)


def test_every_word_of_an_auction_is_told_in_the_log_of_the_account_for_sale():
    words = posted(
        chain.AuctionStarted(SOLD.key, "0x" + "cc" * 20, 1, -1, 50, -9, 40),
        chain.Bid(SOLD.key, BUYER.key, WAD // 2, WAD, 25, 1, 0),
        chain.Bankrupted(SOLD.key, -5, -9),
        chain.Absorbed(SOLD.key, 3, 1, 2),
        chain.AuctionEnded(SOLD.key, 0, 0),
    )
    assert {log for log, _ in words} == {SOLD.log}
    assert [event for _, event in words] == [
        ledger.AuctionStarted("0x" + "cc" * 20, 50, -9, 40, "0xaa", 0),
        ledger.SliceSold(f"{BUYER.owner}/7", WAD // 2, WAD, 25, 1, 0, "0xaa", 1),
        ledger.AuctionBankrupted(-5, -9, "0xaa", 2),
        ledger.DebtAbsorbed(3, 1, 2, "0xaa", 3),
        ledger.AuctionEnded(0, 0, "0xaa", 4),
    ]


def test_a_page_of_haircuts_is_told_in_the_log_of_its_deficit():
    ((log, event),) = posted(chain.Deleveraged(4, b"\1" * 32, 2, 90, 100))
    assert log == "deficit:4"
    assert event == ledger.Deleveraged(4, "0x" + "01" * 32, 2, 90, 100, "0xaa", 0)


def test_the_words_of_an_auction_survive_their_wire():
    for _, event in posted(
        chain.AuctionStarted(SOLD.key, "0x" + "cc" * 20, 1, -1, 50, -9, 40),
        chain.Deleveraged(4, b"\1" * 32, 2, 90, 100),
        chain.Seized(SOLD.key, BUYER.key, PERP, WAD),
    ):
        assert ledger.event_of(type(event).__name__, ledger.body_of(event)) == event
