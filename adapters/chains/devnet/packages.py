"""The real protocols' artifacts, read from npm packages when a chain is built; none is vendored."""

import functools
import json
import pathlib
import re

from adapters.chains.abi import Artifact, interface, load_artifact
from adapters.chains.devnet.node import ROOT
from solver.domain.errors import Unavailable

MODULES = ROOT / "node_modules"
_V3 = "@uniswap/v3-core/artifacts/contracts"
_PERIPHERY = "@uniswap/v3-periphery/artifacts/contracts"
PATHS = {
    "WETH9": "canonical-weth/build/contracts/WETH9.json",
    "UniswapV2Factory": "@uniswap/v2-core/build/UniswapV2Factory.json",
    "UniswapV2Pair": "@uniswap/v2-core/build/UniswapV2Pair.json",
    "UniswapV3Factory": f"{_V3}/UniswapV3Factory.sol/UniswapV3Factory.json",
    "UniswapV3Pool": f"{_V3}/UniswapV3Pool.sol/UniswapV3Pool.json",
    "PositionManager": (
        f"{_PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json"
    ),
    "UniswapV2Router": "@uniswap/v2-periphery/build/UniswapV2Router02.json",
    "UniswapV3Router": f"{_PERIPHERY}/SwapRouter.sol/SwapRouter.json",
    "FluxAggregator": "@chainlink/contracts/abi/v0.6/FluxAggregator.json",
}
_PYTH = "@pythnetwork/pyth-sdk-solidity"
_PERMIT2 = "@uniswap/v4-periphery/lib/permit2/test/utils/DeployPermit2.sol"
_VIEM = "viem/constants/contracts.ts"


@functools.lru_cache(maxsize=32)
def package(name: str) -> Artifact:
    """Returns a protocol's contract. Raises Unavailable when the package is not installed."""
    if name == "MockPyth":
        return _pyth()
    path = _file(PATHS[name])
    if name == "FluxAggregator":
        output = json.loads(path.read_bytes())["compilerOutput"]
        return Artifact(name, interface(output["abi"]), output["evm"]["bytecode"]["object"])
    return load_artifact(path)


def permit2_code() -> bytes:
    """Returns Permit2's runtime code."""
    return _hex(_PERMIT2, r'hex"([0-9a-fA-F]{1000,})"')


def multicall_creation() -> bytes:
    """Returns Multicall3's creation code (MIT), as viem carries it."""
    return _hex(_VIEM, r"multicall3Bytecode\s*=\s*'0x([0-9a-fA-F]{1000,})'")


def _pyth() -> Artifact:
    abi = json.loads(_file(f"{_PYTH}/abis/MockPyth.json").read_bytes())
    code = _file(f"{_PYTH}/build/MockPyth_sol_MockPyth.bin").read_text().strip()
    return Artifact("MockPyth", interface(abi), code)


def _hex(relative: str, pattern: str) -> bytes:
    found = re.search(pattern, _file(relative).read_text())
    if found is None:
        raise Unavailable(
            f"node_modules/{relative} has no bytecode where it had: check its version"
        )
    return bytes.fromhex(found.group(1))


def _file(relative: str) -> pathlib.Path:
    path = MODULES / relative
    if not path.is_file():
        raise Unavailable(f"node_modules/{relative} is missing: run `make setup`")
    return path
