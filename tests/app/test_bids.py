"""What is about to settle ends with whatever of it expires first."""

from types import SimpleNamespace

from app.bids import Bid, deadline
from solver.domain.intent import MakerQuote, SignedQuote
from solver.domain.report import NO_REPORT
from solver.domain.route import Certificate, Fill, Solution
from tests.app.api.server import OWNER, swap
from tests.app.worlds import NOW


def test_a_settlement_must_not_outlive_the_quotes_it_uses():
    base = swap()
    quotes = tuple(
        SignedQuote(MakerQuote(OWNER, 0, OWNER, 1, True, 1, 1, NOW + ends, ends), b"")
        for ends in (10, 20, 30)
    )
    fills = (Fill(0, 1, 1, 1, None, 1), Fill(0, 1, 1, 1, None, 2))
    solution = Solution(b"", (), (), (), fills, 0, 0, Certificate(0, 0, 0))
    plan = SimpleNamespace(intent=base, solution=solution)
    bid = Bid((), (plan,), quotes)  # type: ignore[arg-type]
    assert deadline(bid, NO_REPORT) == NOW + 20
    assert deadline(bid, NO_REPORT._replace(valid_until=NOW + 5)) == NOW + 5
    assert deadline(bid._replace(quotes=()), NO_REPORT) == base.valid_to
