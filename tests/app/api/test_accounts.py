"""What became of an option past its expiry, as an account's positions tell it."""

import pytest

from app.api.accounts import _expiry
from solver.domain.instrument import Instrument, Kind
from solver.domain.risk import Fixing
from tests.solver.pricing.world import EXPIRY, WAD, ether, snapshot


def told(kind, **changes):
    world = snapshot(ether(**changes), time=EXPIRY + 60)
    return _expiry(Instrument(1, kind, EXPIRY, 4_000 * WAD).id, world)


@pytest.mark.parametrize("kind", [Kind.CALL, Kind.ASIAN_CALL])
def test_without_a_fixed_price_there_is_none(kind):
    assert told(kind) == {"expired": True, "expiryPrice": None}


def test_a_european_option_pays_by_the_expiry_price_and_an_asian_one_by_its_mean():
    prices = {"expiry_prices": ((EXPIRY, 4_100 * WAD),)}
    full = {"fixings": (Fixing(EXPIRY, 7, 7 * 4_200 * WAD + 6),)}
    assert told(Kind.PUT, **prices, **full)["expiryPrice"] == "4100"
    assert told(Kind.ASIAN_PUT, **prices, **full)["expiryPrice"] == "4200"
    part = {"fixings": (Fixing(EXPIRY, 6, 6 * 4_200 * WAD),)}
    assert told(Kind.ASIAN_PUT, **prices, **part)["expiryPrice"] is None
