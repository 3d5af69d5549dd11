"""A small world like the local chain's: four tokens, fragmented pools at almost one price."""

import math
import pathlib

from solver.domain.account import Account, Position
from solver.domain.ids import ZERO_ADDRESS, AccountId
from solver.domain.instrument import Instrument, Kind, Token
from solver.domain.intent import NO_COST_LIMIT, Limits
from solver.domain.market import ConcentratedPool, ConstantProductPool, Ladder, Level
from solver.domain.numbers import UINT256_MAX, WAD
from solver.domain.program import CollateralFlow, DeltaBox, Exposure, Program, TokenFlow
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import flat
from solver.routing.curves.ticks import ratio_at, tick_at

ROOT = pathlib.Path(__file__).parents[3]
CHAIN = 31338
WETH = Token("0x" + "11" * 20, "WETH", 18)
USDC = Token("0x" + "22" * 20, "USDC", 6)
DAI = Token("0x" + "33" * 20, "DAI", 18)
WBTC = Token("0x" + "44" * 20, "WBTC", 8)
DOLLARS = {WETH: 3_600, USDC: 1, DAI: 1, WBTC: 105_000}
TIME = 1_795_000_000
EXPIRY = TIME + 30 * 86_400
ETH = 1
ALICE = AccountId(CHAIN, "0x" + "a1" * 20, 0)
BOB = AccountId(CHAIN, "0x" + "b0" * 20, 0)
MAKER = AccountId(CHAIN, "0x" + "77" * 20, 0)
OTHER_MAKER = AccountId(CHAIN, "0x" + "78" * 20, 0)
PERP = Instrument(ETH, Kind.PERP).id
BASE = Instrument(ETH, Kind.BASE).id

DEEP = (
    (150, 150, 900_000),
    (400, 300, 1_100_000),
    (800, 1_200, 1_300_000),
    (2_200, 2_400, 900_000),
)
THIN = ((250, 350, 500_000), (900, 700, 700_000), (2_800, 3_000, 600_000))
STABLE = ((20, 20, 1_500_000), (60, 50, 900_000), (200, 200, 400_000))
SPACING = {500: 10, 3_000: 60, 10_000: 200}


def call(strike):
    return Instrument(ETH, Kind.CALL, EXPIRY, strike * WAD).id


def atoms(token, dollars):
    return int(dollars / DOLLARS[token] * 10**token.decimals)


def product(number, base, quote, dollars, offset_bps):
    amounts = {base: atoms(base, dollars), quote: atoms(quote, dollars * (1 + offset_bps / 1e4))}
    token0, token1 = sorted((base, quote))
    address = f"0x{number:040x}"
    return ConstantProductPool(
        "uniswap_v2",
        address,
        token0.address,
        token1.address,
        amounts[token0],
        amounts[token1],
        3000,
        90_000,
    )


def concentrated(number, base, quote, fee_ppm, offset_bps, ranges):
    token0, token1 = sorted((base, quote))
    price = atoms(token1, 1e9) / atoms(token0, 1e9)
    price *= (1 + offset_bps / 1e4) ** (1 if token0 == base else -1)
    sqrt_price = int(math.sqrt(price) * 2**96)
    tick, spacing = tick_at(sqrt_price), SPACING[fee_ppm]
    nets: dict[int, int] = {}
    liquidity = 0
    for below, above, dollars in ranges:
        low = (tick - below) // spacing * spacing
        high = (tick + above) // spacing * spacing + spacing
        spread = sqrt_price / ratio_at(low) - 1
        part = int(atoms(token1, dollars) * 2**96 / sqrt_price / spread)
        nets[low], nets[high] = nets.get(low, 0) + part, nets.get(high, 0) - part
        liquidity += part
    return ConcentratedPool(
        "uniswap_v3",
        f"0x{number:040x}",
        token0.address,
        token1.address,
        fee_ppm,
        spacing,
        sqrt_price,
        tick,
        liquidity,
        tuple(sorted(nets.items())),
        130_000,
    )


POOLS = (
    product(1, WETH, USDC, 3_200_000, -6),
    product(2, WETH, DAI, 1_400_000, 9),
    product(3, DAI, USDC, 1_800_000, 3),
    product(4, WBTC, WETH, 2_100_000, -8),
    product(5, WBTC, USDC, 1_700_000, 11),
    concentrated(6, WETH, USDC, 500, 0, DEEP),
    concentrated(7, WETH, USDC, 3_000, 8, DEEP),
    concentrated(8, WETH, USDC, 10_000, -15, THIN),
    concentrated(9, WETH, DAI, 500, 2, THIN),
    concentrated(10, WETH, DAI, 3_000, -7, DEEP),
    concentrated(11, DAI, USDC, 500, 0, STABLE),
    concentrated(12, WBTC, WETH, 500, 1, THIN),
    concentrated(13, WBTC, WETH, 3_000, -9, DEEP),
    concentrated(14, WBTC, USDC, 500, 0, THIN),
    concentrated(15, WBTC, USDC, 3_000, 6, THIN),
)


def underlying(**changes):
    return Underlying(
        ETH,
        "ETH",
        WETH,
        3_600 * WAD,
        WAD,
        flat(650_000),
        1_500_000,
        0,
        100_000,
        65_000,
        750_000,
        800_000,
        (EXPIRY,),
        (3_600 * WAD, 4_000 * WAD, 4_400 * WAD),
    )._replace(**changes)


def ladder(instrument, mark, maker=MAKER, spread_bps=50, size=10, steps=3):
    def levels(sign):
        return tuple(
            Level(int(mark * (1 + sign * spread_bps * (1 + i) / 1e4)) * 10**14, size * WAD)
            for i in range(steps)
        )

    mark *= 10_000
    return Ladder(maker, instrument, levels(-1), levels(1), False, TIME * 1000)


LADDERS = (
    ladder(PERP, 3_600, spread_bps=3),
    ladder(PERP, 3_600, OTHER_MAKER, spread_bps=4),
    ladder(call(3_600), 267),
    ladder(call(4_000), 127),
    ladder(call(4_000), 127, OTHER_MAKER, spread_bps=60),
    ladder(call(4_400), 56),
)


def snapshot(**changes):
    return Snapshot(
        CHAIN,
        1234,
        TIME * 1000,
        10**9,
        USDC,
        (WETH, USDC, DAI, WBTC),
        (underlying(),),
        POOLS,
        LADDERS,
        3_600 * WAD,
    )._replace(**changes)


def account(who=ALICE, eth=0.0, cash=0):
    held = (Position(BASE, int(eth * WAD)),) if eth else ()
    return Account(who, cash * 10**6, held)


def limits(**changes):
    return Limits(USDC.address, NO_COST_LIMIT, 5 * 10**6, 100)._replace(**changes)


def swap(sell, buy, amount, least=0, who=ALICE, **changes):
    """Exact in, from the wallet."""
    return Program(
        who,
        who.owner,
        (TokenFlow(0, sell.address, amount, amount),),
        (TokenFlow(1, buy.address, least, UINT256_MAX),),
        limits=limits(),
        is_from_wallet=True,
    )._replace(**changes)


def buy_exactly(sell, buy, most, amount, **changes):
    """Exact out, from the wallet."""
    return swap(sell, buy, most, amount, **changes)._replace(
        sells=(TokenFlow(0, sell.address, 0, most),)
    )


def covered_call(*strikes, size=10, **changes):
    """Sell calls against held ETH, delta hedged by the perp."""
    return Program(
        ALICE,
        ZERO_ADDRESS,
        collateral=(CollateralFlow(2, WETH.address, "auto", size * WAD, UINT256_MAX),),
        exposures=(
            Exposure(0, "sell", tuple(map(call, strikes)), size * WAD, size * WAD, 0),
            Exposure(1, "auto", (PERP,), 0, 2 * size * WAD, 0),
        ),
        delta=DeltaBox(ETH, 0, WAD // 10),
        limits=limits(max_net_cost=-280 * 10**6, max_slippage_bps=30),
    )._replace(**changes)
