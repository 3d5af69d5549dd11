"""Brings the local pools back to the feeds' prices, as arbitrage does on a real chain.

Without it one large swap would leave the TWAP apart from the other sources for good. It trades only
as far as it would pay: to the edge of what the pool's fee allows.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from adapters.base import Call, Reverted
from adapters.chains.deployment import Deployment
from adapters.chains.devnet.builder import Tx
from adapters.chains.devnet.keys import dev_keys
from adapters.chains.devnet.packages import package
from adapters.chains.devnet.uniswap import V2
from adapters.chains.evm import EvmChain
from solver.domain.errors import Broken, SolventError
from solver.domain.ids import Address
from solver.domain.numbers import PPM, UINT256_MAX

GAS = 600_000
V2_FEE_PPM = 3_000
Ratio = tuple[int, int]  # atoms of token1 per atom of token0


class Edge(NamedTuple):
    """One pool that is off: what to sell into it, at most how much, and where to stop."""

    token_in: Address
    token_out: Address
    amount: int
    root_x96: int


async def level_pools(
    chain: EvmChain, deployment: Deployment, prices: Mapping[str, int]
) -> list[str]:
    """Sends the trades that pay, from the keeper; returns their hashes without waiting.

    `prices` are 1e18 by token symbol. Raises Unavailable, or what the node says.
    """
    txs = []
    for venue, pool in deployment.pools:
        tx = await _leveling(chain, deployment, prices, venue, pool)
        if tx is not None:
            txs.append(tx)
    keeper = dev_keys()["keeper"].address
    nonce = await chain.nonce(keeper, "pending")
    sent = await chain.rpc.batch(
        [("eth_sendTransaction", [_body(tx, keeper, nonce + i)]) for i, tx in enumerate(txs)],
        is_read=False,
    )
    for answer in sent:
        if isinstance(answer, SolventError):
            raise answer
    return sent


async def _leveling(
    chain: EvmChain,
    deployment: Deployment,
    prices: Mapping[str, int],
    venue: str,
    pool: Address,
) -> Tx | None:
    name = "UniswapV2Pair" if venue == V2 else "UniswapV3Pool"
    token0, token1 = [(await _view(chain, pool, name, side))[0] for side in ("token0", "token1")]
    ratio = _fair(deployment, prices, token0, token1)
    if venue == V2:
        reserve0, reserve1, _ = await _view(chain, pool, name, "getReserves")
        edge = _edge_v2((token0, token1), (reserve0, reserve1), ratio)
        return None if edge is None else _swap_v2(deployment, edge)
    (fee,) = await _view(chain, pool, name, "fee")
    root = (await _view(chain, pool, name, "slot0"))[0]
    edge = _edge_v3((token0, token1), root, ratio, fee)
    return None if edge is None else _swap_v3(deployment, edge, fee)


def _fair(
    deployment: Deployment, prices: Mapping[str, int], token0: Address, token1: Address
) -> Ratio:
    by_address = {token.address: token for token in deployment.tokens}
    first, second = by_address[token0], by_address[token1]
    above = prices[first.symbol] * 10**second.decimals
    return above, prices[second.symbol] * 10**first.decimals


def _edge_v2(
    tokens: tuple[Address, Address], reserves: tuple[int, int], ratio: Ratio
) -> Edge | None:
    """Returns the trade to where token_in costs the fee less than it is worth."""
    for side in (0, 1):  # sell token0, then token1
        held_in, held_out = reserves[side], reserves[1 - side]
        above, below = ratio if side == 0 else ratio[::-1]
        # held_in x held_out stays; at the end held_out/held_in = above/below x (1 + fee)
        end = math.isqrt(held_in * held_out * below * (PPM - V2_FEE_PPM) // (above * PPM))
        if end > held_in:
            amount = (end - held_in) * PPM // (PPM - V2_FEE_PPM)
            return Edge(tokens[side], tokens[1 - side], amount, 0)
    return None


def _edge_v3(tokens: tuple[Address, Address], root: int, ratio: Ratio, fee: int) -> Edge | None:
    fair = math.isqrt((ratio[0] << 192) // ratio[1])
    high, low = fair * (2 * PPM + fee) // (2 * PPM), fair * (2 * PPM - fee) // (2 * PPM)
    if root > high:
        return Edge(tokens[0], tokens[1], 2**128, high)
    if root < low:
        return Edge(tokens[1], tokens[0], 2**128, low)
    return None


def _swap_v2(deployment: Deployment, edge: Edge) -> Tx:
    swap = package("UniswapV2Router").interface.functions["swapExactTokensForTokens"]
    path = [edge.token_in, edge.token_out]
    data = swap.encode(edge.amount, 0, path, dev_keys()["keeper"].address, UINT256_MAX)
    return Tx(deployment.uniswap_v2_router, data)


def _swap_v3(deployment: Deployment, edge: Edge, fee: int) -> Tx:
    swap = package("UniswapV3Router").interface.functions["exactInputSingle"]
    keeper = dev_keys()["keeper"].address
    terms = (edge.token_in, edge.token_out, fee, keeper, UINT256_MAX, edge.amount, 0, edge.root_x96)
    return Tx(deployment.uniswap_v3_router, swap.encode(terms))


async def _view(chain: EvmChain, pool: Address, name: str, view: str) -> tuple[Any, ...]:
    function = package(name).interface.functions[view]
    (raw,) = await chain.call_many([Call(pool, function.encode())])
    if isinstance(raw, Reverted):
        raise Broken(f"{name} {pool} does not answer {view}")
    return function.decode(raw)


def _body(tx: Tx, sender: Address, nonce: int) -> dict[str, str]:
    return {
        "from": sender,
        "to": str(tx.to),
        "data": "0x" + tx.data.hex(),
        "nonce": hex(nonce),
        "gas": hex(GAS),
    }
