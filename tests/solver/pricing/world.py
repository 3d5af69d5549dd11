"""A small market for the tests of pricing, margin, intents and the ledger."""

from typing import Any

from solver.domain.account import Account, Position
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind, Token
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import flat

WAD = 10**18
OWNER = "0x14dc79964da2c08b23698b3d3cc7ca32193d9955"
USDC = Token("0x" + "0c" * 20, "USDC", 6)
DAI = Token("0x" + "0d" * 20, "DAI", 18)
WETH = Token("0x" + "0e" * 20, "WETH", 18)
WBTC = Token("0x" + "0b" * 20, "WBTC", 8)
EXPIRY = 1_798_185_600  # 2026-12-25 08:00 UTC
NEXT_EXPIRY = EXPIRY + 7 * 86_400
TIME = 1_795_000_000

PERP = Instrument(1, Kind.PERP)
BASE = Instrument(1, Kind.BASE)
CALL = Instrument(1, Kind.CALL, EXPIRY, 4000 * WAD)
HIGH_CALL = Instrument(1, Kind.CALL, EXPIRY, 4200 * WAD)
PUT = Instrument(1, Kind.PUT, EXPIRY, 3500 * WAD)


def ether(**changes: Any) -> Underlying:
    values: dict[str, Any] = {
        "market": 1,
        "symbol": "ETH",
        "base": WETH,
        "price": 4000 * WAD,
        "confidence": 2 * WAD,
        "surface": flat(650_000),
        "sigma_cap_ppm": 1_500_000,
        "funding_index": 0,
        "perp_initial_ppm": 100_000,
        "perp_maintenance_ppm": 65_000,
        "base_initial_ppm": 750_000,
        "base_maintenance_ppm": 800_000,
        "expiries": (EXPIRY, NEXT_EXPIRY),
        "strikes": (3500 * WAD, 4000 * WAD, 4200 * WAD),
    }
    return Underlying(**(values | changes))


def bitcoin(**changes: Any) -> Underlying:
    values: dict[str, Any] = {"market": 2, "symbol": "BTC", "base": WBTC, "price": 100_000 * WAD}
    return ether(**(values | changes))


def snapshot(*underlyings: Underlying, time: int = TIME, **changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "chain_id": 31338,
        "block_number": 7,
        "time_ms": time * 1000,
        "gas_price": 10**9,
        "settlement_token": USDC,
        "tokens": (USDC, DAI, WETH, WBTC),
        "underlyings": underlyings or (ether(),),
        "native_price": 4000 * WAD,
    }
    return Snapshot(**(values | changes))


def account(*held: tuple[Instrument, int], cash: int = 0, **changes: Any) -> Account:
    """Positions as (instrument, quantity) pairs; quantity in the slot's own unit."""
    positions = tuple(Position(instrument.id, quantity) for instrument, quantity in held)
    return Account(AccountId(31338, OWNER, 0), cash, positions, **changes)
