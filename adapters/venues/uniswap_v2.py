"""Uniswap v2 pairs: constant product, paid in advance, sending the output where it is told.

Source: UniswapV2Pair.sol of @uniswap/v2-core 1.0.1.
"""

from eth_abi.abi import encode as abi_encode

from adapters.base import (
    PAY_TRANSFER,
    Answers,
    Call,
    Capabilities,
    Sample,
    StepValue,
    selector,
    word,
    words,
)
from solver.domain.errors import Broken
from solver.domain.ids import Address
from solver.domain.market import ConstantProductPool
from solver.domain.route import Swap

slug = "uniswap_v2"
capabilities = Capabilities("spotPool", "constant_product", PAY_TRANSFER, pays_receiver=True)

FEE_PPM = 3_000
GAS = 75_000  # one step through the Router: 55 to 77 thousand measured
TOKEN0, TOKEN1 = selector("token0()"), selector("token1()")
RESERVES = selector("getReserves()")
SWAP = selector("swap(uint256,uint256,address,bytes)")


def calls(pool: Address, answers: Answers) -> tuple[Call, ...]:
    """Returns what is still to be read."""
    wanted = (Call(pool, TOKEN0), Call(pool, TOKEN1), *hot(pool))
    return tuple(call for call in wanted if call not in answers)


def hot(pool: Address) -> tuple[Call, ...]:
    """Returns the reserves' call: any trade changes them."""
    return (Call(pool, RESERVES),)


def reshaped() -> tuple[str, ...]:
    """Returns no topic: liquidity moves the reserves only."""
    return ()


def parse(pool: Address, answers: Answers) -> ConstantProductPool:
    """Returns the pair. Raises Broken when it has not answered as a pair does."""
    tokens = [words(answers[Call(pool, data)]) for data in (TOKEN0, TOKEN1)]
    reserves = words(answers[Call(pool, RESERVES)])
    if len(reserves) != 3 or any(len(answer) != 1 for answer in tokens):
        raise Broken(f"{pool} does not answer as a Uniswap v2 pair")
    token0, token1 = (f"0x{answer[0]:040x}" for answer in tokens)
    return ConstantProductPool(slug, pool, token0, token1, reserves[0], reserves[1], FEE_PPM, GAS)


def encode(swap: Swap, recipient: Address) -> StepValue:
    """Returns the step: the input is sent first, then the exact output is claimed."""
    is_first = swap.token_in < swap.token_out
    out = (0, swap.amount_out) if is_first else (swap.amount_out, 0)
    types = ["uint256", "uint256", "address", "bytes"]
    data = SWAP + abi_encode(types, [*out, recipient, b""])
    return StepValue(swap.pool, swap.token_in, swap.amount_in, PAY_TRANSFER, data)


_POOL, _A, _B, _TO = ("0x" + digits * 20 for digits in ("aa", "11", "22", "cc"))
SAMPLE = Sample(
    address=_POOL,
    answers={
        Call(_POOL, TOKEN0): word(int(_A, 16)),
        Call(_POOL, TOKEN1): word(int(_B, 16)),
        Call(_POOL, RESERVES): word(888_888 * 10**15)
        + word(3_198_080 * 10**6)
        + word(1_795_000_000),
    },
    pool=ConstantProductPool(
        slug, _POOL, _A, _B, 888_888 * 10**15, 3_198_080 * 10**6, FEE_PPM, GAS
    ),
    swap=Swap(slug, _POOL, _B, _A, 3_600 * 10**6, 996 * 10**15),
    recipient=_TO,
    step=StepValue(
        _POOL,
        _B,
        3_600 * 10**6,
        PAY_TRANSFER,
        bytes.fromhex("022c0d9f")
        + word(996 * 10**15)
        + word(0)
        + word(int(_TO, 16))
        + word(128)
        + word(0),
    ),
)
