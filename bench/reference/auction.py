"""A real auction as our own pools: Ethereum mainnet, CoW auction 7400681, 842 pools of four kinds.

Exact on-chain state, so that routes are judged by the integers that the chain would have given.
"""

import gzip
import json
import os
import pathlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from solver.domain.ids import Address
from solver.domain.instrument import Token
from solver.domain.market import (
    ConcentratedPool,
    ConstantProductPool,
    Pool,
    StablePool,
    WeightedPool,
)
from solver.domain.numbers import PPM, WAD
from solver.domain.route import Case
from solver.domain.snapshot import Snapshot
from solver.routing.certify.cases import check_cases
from solver.routing.certify.pools import token_bound
from solver.routing.curves import PRICE_UNIT
from solver.routing.network import reference_prices
from solver.routing.proof import PricedCase, dual_prices
from solver.routing.select import Route
from solver.routing.toll import toll

ROOT = pathlib.Path(__file__).parents[2]
FILE = (
    pathlib.Path(os.environ.get("SOLVENT_SHARED", ROOT.parent / "shared"))
    / "data/cow/mainnet_auction_7400681.json.gz"
)
WETH = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
DAI = "0x6b175474e89094c44da98b954eedeac495271d0f"
WBTC = "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599"
GAS_PRICE = 15 * 10**9  # wei: at it the recorded costs are 90,000 to 110,000 gas a swap
SPACING = {100: 1, 500: 10, 3_000: 60, 10_000: 200}
AMPLIFICATION = 1_000  # Balancer keeps it in thousandths, the file in units


class Auction(NamedTuple):
    """The pools, and what an atom of each token is worth in wei, by the deepest pools."""

    pools: tuple[Pool, ...]
    tokens: dict[Address, Token]
    prices: dict[Address, float]

    def amount(self, token: Address, ether: float) -> int:
        """Returns the atoms of a token worth so much ether."""
        return round(ether * WAD / self.prices[token])

    def snapshot(self, sink: Address) -> Snapshot:
        """Returns the auction as a snapshot that settles, and pays its gas, in `sink`."""
        token = self.tokens[sink]
        native = round(WAD / self.prices[sink] * WAD / 10**token.decimals)
        return Snapshot(
            1, 0, 0, GAS_PRICE, token, tuple(self.tokens.values()), (), self.pools, (), native
        )


def certified(snapshot: Snapshot, sold: tuple[Address, int], sink: Address, route: Route) -> int:
    """Returns what no plan nets more than, atoms, as the checker has it of the route's prices."""
    token, amount = sold
    cases = [
        Case(tuple(case.closed), tuple(case.open), tuple(dual_prices(case.prices, sink).items()))
        for case in route.cases or (PricedCase((), (), route.prices),)
    ]
    check_cases(cases if route.cases else (), {sink: PRICE_UNIT})
    return token_bound({token: amount}, snapshot, cases, toll(sink, snapshot), {token, sink})


def load() -> Auction:
    """Returns the recorded auction. Raises FileNotFoundError without the data."""
    raw = json.loads(gzip.decompress(FILE.read_bytes()))
    listed = {address.lower(): entry for address, entry in raw["tokens"].items()}
    pools = tuple(_pool(key, amm, listed) for key, amm in raw["amms"].items())
    addresses = sorted({token for pool in pools for token in pool.tokens})
    tokens = {
        a: Token(a, listed.get(a, {}).get("alias") or a[:8], _decimals(listed, a))
        for a in addresses
    }
    return Auction(pools, tokens, reference_prices(pools, WETH))


def _pool(key: str, amm: Mapping[str, Any], listed: Mapping[str, Any]) -> Pool:
    gas = round(int(amm["cost"]["amount"]) / GAS_PRICE)
    fee = Decimal(amm["fee"])
    if amm["kind"] == "ConstantProduct":
        (token0, reserve0), (token1, reserve1) = sorted(
            (token.lower(), int(reserve)) for token, reserve in amm["reserves"].items()
        )
        return ConstantProductPool(
            "uniswap_v2", key, token0, token1, reserve0, reserve1, int(fee * PPM), gas
        )
    if amm["kind"] == "Concentrated":
        return _concentrated(key, amm, gas)
    reserves = {token.lower(): entry for token, entry in amm["reserves"].items()}
    tokens = tuple(sorted(reserves))
    if amm["kind"] == "WeightedProduct":
        weights = tuple(int(Decimal(reserves[token]["weight"]) * WAD) for token in tokens)
        balances = tuple(int(reserves[token]["balance"]) for token in tokens)
        scalings = tuple(10 ** (36 - _decimals(listed, token)) for token in tokens)
        return WeightedPool(
            "balancer_v2", key, tokens, balances, weights, scalings, int(fee * WAD), gas
        )
    rates = {token.lower(): int(rate) for token, rate in amm["scaling_rates"].items()}
    return StablePool(
        "balancer_v2",
        key,
        tokens,
        tuple(int(reserves[token]) for token in tokens),
        int(Decimal(amm["amplification_parameter"]) * AMPLIFICATION),
        tuple(WAD * WAD // rates[token] for token in tokens),
        int(fee * WAD),
        gas,
    )


def _concentrated(key: str, amm: Mapping[str, Any], gas: int) -> ConcentratedPool:
    token0, token1 = (token["id"].lower() for token in amm["pool"]["tokens"])
    state, fee_ppm = amm["pool"]["state"], int(Decimal(amm["fee"]) * PPM)
    nets = sorted((int(tick), int(net)) for tick, net in state["liquidity_net"].items())
    return ConcentratedPool(
        "uniswap_v3",
        key,
        token0,
        token1,
        fee_ppm,
        SPACING[fee_ppm],
        int(state["sqrt_price"]),
        int(state["tick"]),
        int(state["liquidity"]),
        tuple(nets),
        gas,
    )


def _decimals(listed: Mapping[str, Any], token: Address) -> int:
    return int(listed.get(token, {}).get("decimals") or 18)
