"""Uniswap v2 and v3 from their own artifacts, with liquidity as it is found: in many small ranges.

Several pools hold each pair at prices that differ by less than their fees, so that a good route
splits and no trade is free.
"""

import math
from typing import Any, NamedTuple

from adapters.base import Call
from adapters.chains.deployment import Deployment
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.packages import package
from adapters.chains.devnet.tokens import PRICE_WAD, Tokens, approve, atoms_of_usd, transfer
from solver.domain.ids import ZERO_ADDRESS, Address
from solver.domain.instrument import Token
from solver.domain.numbers import BPS, UINT256_MAX

V2, V3 = "uniswap_v2", "uniswap_v3"
TICK_SPACING = {500: 10, 3_000: 60, 10_000: 200}
TICK_MAX = 887_272
# Observations of the pools that give a TWAP: more than a swap a second over 600 s.
OBSERVATIONS, OBSERVATIONS_PER_TX = 720, 240
Ranges = tuple[tuple[int, int, int], ...]  # (ticks below, ticks above, USD); (0, 0) = everywhere

# 1 % is about 100 ticks. Narrow ranges carry most of it, as on mainnet.
DEEP: Ranges = (
    (150, 150, 900_000),
    (400, 300, 1_100_000),
    (800, 1_200, 1_300_000),
    (2_200, 2_400, 900_000),
    (0, 0, 300_000),
)
THIN: Ranges = (
    (250, 350, 500_000),
    (900, 700, 700_000),
    (2_800, 3_000, 600_000),
    (0, 0, 200_000),
)
STABLE: Ranges = ((20, 20, 1_500_000), (60, 50, 900_000), (200, 200, 400_000))


class PairPlan(NamedTuple):
    """One v2 pair: USD on each side, and how far its price of `base` is off, in basis points."""

    base: str
    quote: str
    usd: int
    offset_bps: int


class PoolPlan(NamedTuple):
    """One v3 pool."""

    base: str
    quote: str
    fee_ppm: int
    offset_bps: int
    ranges: Ranges


PAIRS = (
    PairPlan("WETH", "USDC", 3_200_000, -6),
    PairPlan("WETH", "DAI", 1_400_000, 9),
    PairPlan("DAI", "USDC", 1_800_000, 3),
    PairPlan("WBTC", "WETH", 2_100_000, -8),
    PairPlan("WBTC", "USDC", 1_700_000, 11),
)
POOLS = (
    PoolPlan("WETH", "USDC", 500, 0, DEEP),
    PoolPlan("WETH", "USDC", 3_000, 8, DEEP),
    PoolPlan("WETH", "USDC", 10_000, -15, THIN),
    PoolPlan("WETH", "DAI", 500, 2, THIN),
    PoolPlan("WETH", "DAI", 3_000, -7, DEEP),
    PoolPlan("DAI", "USDC", 500, 0, STABLE),
    PoolPlan("WBTC", "WETH", 500, 1, THIN),
    PoolPlan("WBTC", "WETH", 3_000, -9, DEEP),
    PoolPlan("WBTC", "USDC", 500, 0, THIN),
    PoolPlan("WBTC", "USDC", 3_000, 6, THIN),
)
TWAP_POOLS = {"WETH": POOLS[0], "WBTC": POOLS[8]}


class Uniswap(NamedTuple):
    """Both protocols as deployed; pools in the order of PAIRS and POOLS."""

    v2_factory: Address
    v3_factory: Address
    positions: Address
    v2_router: Address
    v3_router: Address
    pairs: tuple[Address, ...]
    pools: tuple[Address, ...]

    @property
    def all(self) -> tuple[tuple[str, Address], ...]:
        """(venue, address) of every pool."""
        return tuple((V2, pair) for pair in self.pairs) + tuple((V3, p) for p in self.pools)

    def twap_pool(self, base: str) -> Address:
        """Returns the pool whose observations price `base` in USDC."""
        return self.pools[POOLS.index(TWAP_POOLS[base])]


async def deploy_uniswap(builder: Builder, tokens: Tokens) -> Uniswap:
    """Deploys factories and pools and fills them from the deployer's tokens."""
    codes = [package("UniswapV2Factory").creation(builder.sender)]
    codes.append(package("UniswapV3Factory").creation())
    v2, v3 = await builder.create(codes)
    positions = await builder.deploy(
        package("PositionManager"), v3, tokens.weth.address, ZERO_ADDRESS
    )
    weth = tokens.weth.address
    v2_router = await builder.deploy(package("UniswapV2Router"), v2, weth)
    v3_router = await builder.deploy(package("UniswapV3Router"), v3, weth)
    pairs, pools = await _create_pools(builder, tokens, v2, v3)
    out = Uniswap(v2, v3, positions, v2_router, v3_router, pairs, pools)
    await builder.send([approve(token, positions, UINT256_MAX) for token in tokens])
    await _fill_pairs(builder, tokens, out)
    await _fill_pools(builder, tokens, out)
    await _grow_observations(builder, out)
    return out


async def refill_pools(builder: Builder, deployment: Deployment) -> None:
    """Adds every range of POOLS about the present prices: after a large move most of what the
    pools hold is where nobody trades."""
    tokens = Tokens(*deployment.tokens)
    v3, weth = deployment.uniswap_v3_factory, tokens.weth.address
    positions = await builder.deploy(package("PositionManager"), v3, weth, ZERO_ADDRESS)
    await builder.send([approve(token, positions, UINT256_MAX) for token in tokens])
    pools = [tuple(p for venue, p in deployment.pools if venue == v) for v in (V2, V3)]
    routers = (deployment.uniswap_v2_router, deployment.uniswap_v3_router)
    await _fill_pools(
        builder, tokens, Uniswap(deployment.uniswap_v2_factory, v3, positions, *routers, *pools)
    )


async def _create_pools(
    builder: Builder, tokens: Tokens, v2: Address, v3: Address
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    two = package("UniswapV2Factory").interface.functions
    three = package("UniswapV3Factory").interface.functions
    pairs = [_pair(tokens, plan.base, plan.quote) for plan in PAIRS]
    pools = [(*_pair(tokens, plan.base, plan.quote), plan.fee_ppm) for plan in POOLS]
    txs = [Tx(v2, two["createPair"].encode(*pair)) for pair in pairs]
    await builder.send(txs + [Tx(v3, three["createPool"].encode(*pool)) for pool in pools])
    calls = [Call(v2, two["getPair"].encode(*pair)) for pair in pairs]
    calls += [Call(v3, three["getPool"].encode(*pool)) for pool in pools]
    found = ["0x" + raw[12:32].hex() for raw in await builder.read_many(calls)]
    start = package("UniswapV3Pool").interface.functions["initialize"]
    prices = [_sqrt_price_x96(tokens, plan) for plan in POOLS]
    at = zip(found[len(PAIRS) :], prices, strict=True)
    await builder.send([Tx(pool, start.encode(price)) for pool, price in at])
    return tuple(found[: len(PAIRS)]), tuple(found[len(PAIRS) :])


async def _fill_pairs(builder: Builder, tokens: Tokens, uniswap: Uniswap) -> None:
    mint = package("UniswapV2Pair").interface.functions["mint"].encode(builder.sender)
    txs: list[Tx] = []
    for plan, pair in zip(PAIRS, uniswap.pairs, strict=True):
        base, quote = tokens.of(plan.base), tokens.of(plan.quote)
        paid = atoms_of_usd(quote, plan.usd) * (BPS + plan.offset_bps) // BPS
        txs += [
            transfer(base, pair, atoms_of_usd(base, plan.usd)),
            transfer(quote, pair, paid),
            Tx(pair, mint),
        ]
    await builder.send(txs)


async def _fill_pools(builder: Builder, tokens: Tokens, uniswap: Uniswap) -> None:
    slot0 = package("UniswapV3Pool").interface.functions["slot0"]
    raw = await builder.read_many([Call(pool, slot0.encode()) for pool in uniswap.pools])
    heads = [slot0.decode(answer)[1] for answer in raw]
    mint = package("PositionManager").interface.functions["mint"]
    txs = [
        Tx(uniswap.positions, mint.encode(_position(tokens, plan, ticks, usd, builder.sender)))
        for plan, tick in zip(POOLS, heads, strict=True)
        for below, above, usd in plan.ranges
        for ticks in [_ticks(plan, tick, below, above)]
    ]
    await builder.send(txs)


def _position(
    tokens: Tokens, plan: PoolPlan, ticks: tuple[int, int], usd: int, owner: Address
) -> tuple[Any, ...]:
    """Returns the manager's MintParams; what does not fit the range is not taken."""
    pair = _pair(tokens, plan.base, plan.quote)
    amounts = [atoms_of_usd(_token(tokens, address), usd // 2) for address in pair]
    return (*pair, plan.fee_ppm, *ticks, *amounts, 0, 0, owner, UINT256_MAX)


async def _grow_observations(builder: Builder, uniswap: Uniswap) -> None:
    grow = package("UniswapV3Pool").interface.functions["increaseObservationCardinalityNext"]
    sizes = range(OBSERVATIONS_PER_TX, OBSERVATIONS + 1, OBSERVATIONS_PER_TX)
    pools = [uniswap.twap_pool(base) for base in TWAP_POOLS]
    await builder.send([Tx(pool, grow.encode(size)) for pool in pools for size in sizes])


def _pair(tokens: Tokens, base: str, quote: str) -> tuple[Address, Address]:
    """Returns both addresses as the pools order them."""
    a, b = tokens.of(base).address, tokens.of(quote).address
    return (a, b) if a < b else (b, a)


def _token(tokens: Tokens, address: Address) -> Token:
    return next(token for token in tokens if token.address == address)


def _sqrt_price_x96(tokens: Tokens, plan: PoolPlan) -> int:
    """Returns floor(sqrt(atoms of token1 per atom of token0) * 2**96)."""
    token0, token1 = (_token(tokens, a) for a in _pair(tokens, plan.base, plan.quote))
    price0, price1 = PRICE_WAD[token0.symbol], PRICE_WAD[token1.symbol]
    if token0.symbol == plan.base:
        price0 = price0 * (BPS + plan.offset_bps) // BPS
    else:
        price1 = price1 * (BPS + plan.offset_bps) // BPS
    above = price0 * 10**token1.decimals << 192
    return math.isqrt(above // (price1 * 10**token0.decimals))


def _ticks(plan: PoolPlan, tick: int, below: int, above: int) -> tuple[int, int]:
    """Returns the range in ticks that the pool can initialise."""
    spacing = TICK_SPACING[plan.fee_ppm]
    if (below, above) == (0, 0):
        edge = TICK_MAX // spacing * spacing
        return -edge, edge
    return (tick - below) // spacing * spacing, -((-tick - above) // spacing) * spacing
