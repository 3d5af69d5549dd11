"""Net delta is the number that intents bound and signers attest."""

from solver.domain.account import Position
from solver.pricing.greeks import account_greeks, delta_of, net_delta
from solver.pricing.marks import mark_of
from tests.solver.pricing.world import (
    BASE,
    CALL,
    EXPIRY,
    PERP,
    PUT,
    TIME,
    WAD,
    account,
    bitcoin,
    ether,
    snapshot,
)


def test_net_delta_adds_base_perps_and_options_of_one_market():
    held = account((BASE, 10 * WAD), (CALL, -10 * WAD), (PERP, -4 * WAD))
    market = ether()
    expected = 10 * WAD - 10 * delta_of(CALL, market, TIME) - 4 * WAD
    assert net_delta(held.positions, market, TIME) == expected
    assert net_delta(held.positions, bitcoin(), TIME) == 0


def test_base_counts_by_its_decimals():
    held = [Position(bitcoin().market << 144 | 3 << 136, 150_000_000)]
    assert net_delta(held, bitcoin(), TIME) == 3 * WAD // 2


def test_an_option_has_no_delta_once_its_price_is_fixed():
    assert delta_of(CALL, ether(price=4500 * WAD), EXPIRY) == WAD
    assert delta_of(CALL, ether(expiry_prices=((EXPIRY, 4500 * WAD),)), EXPIRY) == 0


def test_greeks_of_an_account_are_sums_by_market():
    world = snapshot(ether(), bitcoin())
    held = account((CALL, -2 * WAD), (PUT, 3 * WAD), (PERP, WAD))
    (row,) = account_greeks(held.positions, world)
    assert row.market == 1
    assert row.delta == net_delta(held.positions, ether(), TIME)
    value = -2 * mark_of(CALL, world) + 3 * mark_of(PUT, world) + mark_of(PERP, world)
    assert row.value == value
    calls = account_greeks(account((CALL, -2 * WAD)).positions, world)[0]
    assert calls.gamma < 0
    assert calls.vega < 0 < calls.theta


def test_no_positions_have_no_greeks():
    assert account_greeks((), snapshot()) == ()
