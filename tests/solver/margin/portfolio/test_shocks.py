"""Which rows there are."""

from solver.domain.numbers import WAD
from solver.domain.risk import MarketRisk
from solver.margin.portfolio.parameters import DEFAULT
from solver.margin.portfolio.shocks import regular, shocks


def test_there_are_twenty_three_regular_rows_eight_tails_and_two_skews():
    rows = shocks(MarketRisk(), DEFAULT)
    assert (len(rows.maintenance), len(rows.initial)) == (33, 0)
    assert [row.name for row in rows.rows[:2]] == ["+18% up", "+13.5% up"]
    assert [row.name for row in rows.rows[-2:]] == ["skew linear", "skew absolute"]
    assert len({(row.spot, row.vol) for row in regular(180_000)}) == 23


def test_a_wider_initial_range_adds_its_rows_and_keeps_the_others():
    usual = shocks(MarketRisk(), DEFAULT)
    wide = shocks(MarketRisk(spot_initial=220_001), DEFAULT)
    assert wide.maintenance == usual.maintenance
    assert len(wide.initial) == 20
    assert max(row.spot for row in wide.initial) == WAD + 220_001 * 10**12
    assert min(row.spot for row in wide.initial) == WAD - 220_001 * 10**12
