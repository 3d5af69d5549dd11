"""Uniswap v4's real PoolManager on the local chain: pools of any fee and spacing, no hooks."""

from typing import NamedTuple

from eth_abi.abi import decode, encode

from solver.domain.market import ConcentratedPool
from solver.domain.typed_data import keccak
from solver.routing.curves.concentrated import swap_fee_ppm
from tests.solver.routing.curves.evm import MODULES, Evm

OUT = MODULES / "@uniswap/v4-periphery/foundry-out"
KEY = "(address,address,uint24,int24,address)"
NO_HOOKS = "0x" + "00" * 20


class Core(NamedTuple):
    """The singleton, what adds liquidity, swaps, quotes and reads it, and two tokens."""

    manager: str
    adder: str
    swapper: str
    quoter: str
    view: str
    tokens: tuple[str, str]


class Key(NamedTuple):
    """What names a v4 pool."""

    token0: str
    token1: str
    fee_ppm: int
    spacing: int
    hooks: str = NO_HOOKS


def core(evm: Evm) -> Core:
    """Returns a fresh PoolManager with its periphery; the owner sets protocol fees."""
    manager = evm.deploy(OUT / "PoolManager.sol/PoolManager.default.json", ["address"], [evm.owner])
    names = (
        "PoolModifyLiquidityTest.sol/PoolModifyLiquidityTest.default.json",
        "PoolSwapTest.sol/PoolSwapTest.default.json",
        "V4Quoter.sol/V4Quoter.json",
        "StateView.sol/StateView.json",
    )
    adder, swapper, quoter, view = (
        evm.deploy(OUT / name, ["address"], [manager]) for name in names
    )
    first, second = (token(evm, 18) for _ in range(2))
    pair = (first, second) if int(first, 16) < int(second, 16) else (second, first)
    for address in pair:
        for spender in (adder, swapper):
            evm.send(address, "approve(address,uint256)", spender, 2**256 - 1)
    evm.send(manager, "setProtocolFeeController(address)", evm.owner)
    return Core(manager, adder, swapper, quoter, view, pair)


def token(evm, decimals):
    """Returns a new ERC-20 of these decimals, of which the owner has plenty."""
    address = evm.deploy(
        OUT / "MockERC20.sol/MockERC20.json",
        ["string", "string", "uint8"],
        ["token", "TKN", decimals],
    )
    evm.send(address, "mint(address,uint256)", evm.owner, 2**127)
    return address


def pool(evm, there, terms, start, positions):
    """Returns (key, pool) at ratio `start`; terms = (fee, spacing, protocol fee both ways)."""
    fee_ppm, spacing, protocol_ppm = terms
    key = Key(there.tokens[0], there.tokens[1], fee_ppm, spacing)
    evm.send(there.manager, f"initialize({KEY},uint160)", key, start)
    if protocol_ppm:
        packed = protocol_ppm << 12 | protocol_ppm
        evm.send(there.manager, f"setProtocolFee({KEY},uint24)", key, packed)
    add = f"modifyLiquidity({KEY},(int24,int24,int256,bytes32),bytes)"
    for lower, upper, liquidity in positions:
        evm.send(there.adder, add, key, (lower, upper, liquidity, bytes(32)), b"")
    edges = {edge for lower, upper, _ in positions for edge in (lower, upper)}
    return key, load(evm, there, key, sorted(edges))


def load(evm, there, key, edges):
    """Returns the pool's state as the chain holds it."""
    name = keccak(encode(["address", "address", "uint24", "int24", "address"], list(key)))
    slot = evm.call(
        there.view, "getSlot0(bytes32)", name, answer=["uint160", "int24", "uint24", "uint24"]
    )
    (liquidity,) = evm.call(there.view, "getLiquidity(bytes32)", name, answer=["uint128"])
    raws = evm.call_many(
        [(there.view, "getTickLiquidity(bytes32,int24)", (name, edge)) for edge in edges]
    )
    nets = [decode(["uint128", "int128"], raw)[1] for raw in raws]
    return ConcentratedPool(
        "uniswap_v4",
        "0x" + name.hex(),
        key.token0,
        key.token1,
        swap_fee_ppm(slot[3], slot[2] & 0xFFF),
        key.spacing,
        slot[0],
        slot[1],
        liquidity,
        tuple((edge, net) for edge, net in zip(edges, nets, strict=True) if net),
        130_000,
    )


def quote(there, key, is_down, amount, is_in):
    """Returns the quoter's call: (to, signature, arguments)."""
    name = f"quoteExact{'In' if is_in else 'Out'}putSingle(({KEY},bool,uint128,bytes))"
    return there.quoter, name, ((key, is_down, amount, b""),)


def swap(evm, there, key, is_down, amount):
    """Swaps an exact input for real."""
    limit = 4295128740 if is_down else 1461446703485210103287273052203988822378723970341
    evm.send(
        there.swapper,
        f"swap({KEY},(bool,int256,uint160),(bool,bool),bytes)",
        key,
        (is_down, -amount, limit),
        (False, False),
        b"",
    )
