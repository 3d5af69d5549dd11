"""The real Uniswap contracts on a local chain: the oracle that the integers are held against."""

import json
import pathlib
import subprocess
import threading
import urllib.request

from eth_abi.abi import decode, encode

from adapters.chains.devnet.node import binary
from solver.domain.market import ConcentratedPool, ConstantProductPool
from solver.domain.typed_data import keccak

ROOT = pathlib.Path(__file__).parents[4]
MODULES = ROOT / "node_modules"
V2, V3 = MODULES / "@uniswap/v2-core/build", MODULES / "@uniswap/v3-core/artifacts/contracts"
V2_PERIPHERY = MODULES / "@uniswap/v2-periphery/build"
V3_PERIPHERY = MODULES / "@uniswap/v3-periphery/artifacts/contracts"
SUPPLY = 10**30
BATCH = 500


class Reverted(Exception):
    """The call answered an error."""


def call_data(signature, *arguments):
    kinds = signature[signature.index("(") + 1 : -1]
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(kinds + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(kinds[start:index])
            start = index + 1
    parts = [part for part in parts if part]
    return "0x" + (keccak(signature.encode())[:4] + encode(parts, arguments)).hex()


class Evm:
    """One anvil process on a free port; its first account is unlocked and owns everything."""

    def __init__(self):
        self.process = subprocess.Popen(
            [binary(), "--port", "0", "--chain-id", "31338", "--code-size-limit", "60000"],
            stdout=subprocess.PIPE,
            text=True,
        )
        stdout = self.process.stdout
        assert stdout is not None
        for line in stdout:
            if line.startswith("Listening on"):
                self.url = f"http://{line.split()[-1]}"
                break
        # A pipe nobody reads fills with the request log and stops the process.
        self.drain = threading.Thread(target=stdout.read, daemon=True)
        self.drain.start()
        self.owner = self.ask("eth_accounts")[0]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.drain.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def ask_many(self, requests):
        requests = list(requests)
        if len(requests) > BATCH:  # the server limits what one body holds
            return self.ask_many(requests[:BATCH]) + self.ask_many(requests[BATCH:])
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": parameters}
            for i, (method, parameters) in enumerate(requests)
        ]
        request = urllib.request.Request(
            self.url, json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return sorted(json.load(answer), key=lambda item: item["id"])

    def ask(self, method, *parameters):
        (answer,) = self.ask_many([(method, parameters)])
        if "error" in answer:
            raise Reverted(answer["error"])
        return answer["result"]

    def _receipt(self, transaction):
        sent = self.ask(
            "eth_sendTransaction", {"from": self.owner, "gas": hex(25 * 10**6)} | transaction
        )
        receipt = None
        while receipt is None:  # mined on arrival, indexed a moment later
            receipt = self.ask("eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1", transaction.get("data", "")[:10]
        return receipt

    def deploy(self, artifact, kinds=(), arguments=()):
        code = json.loads(artifact.read_text())["bytecode"]
        code = code if isinstance(code, str) else code["object"]  # foundry's own form
        return self.deploy_code(code.removeprefix("0x") + encode(kinds, arguments).hex())

    def deploy_code(self, code):
        return self._receipt({"data": "0x" + code})["contractAddress"]

    def send(self, to, signature, *arguments):
        self._receipt({"to": to, "data": call_data(signature, *arguments)})

    def call_many(self, calls, *, sender=None):
        """Returns raw bytes, or None for a revert, of each (to, signature, arguments)."""
        sender = sender or self.owner
        requests = [
            (
                "eth_call",
                [{"from": sender, "to": to, "data": call_data(name, *arguments)}, "latest"],
            )
            for to, name, arguments in calls
        ]
        return [
            bytes.fromhex(answer["result"][2:]) if "result" in answer else None
            for answer in self.ask_many(requests)
        ]

    def call(self, to, signature, *arguments, answer):
        (raw,) = self.call_many([(to, signature, arguments)])
        return decode(answer, raw)


def tokens(evm):
    """Returns two ERC-20s in address order."""
    pair = [evm.deploy(V2 / "ERC20.json", ["uint256"], [SUPPLY]) for _ in range(2)]
    return tuple(sorted(pair, key=lambda address: int(address, 16)))


def constant_product(evm, reserve0, reserve1):
    """Returns (router, pool) of a real pair with these reserves."""
    token0, token1 = tokens(evm)
    factory = evm.deploy(V2 / "UniswapV2Factory.json", ["address"], [evm.owner])
    router = evm.deploy(
        V2_PERIPHERY / "UniswapV2Router02.json", ["address", "address"], [factory, token0]
    )
    evm.send(factory, "createPair(address,address)", token0, token1)
    (pair,) = evm.call(factory, "getPair(address,address)", token0, token1, answer=["address"])
    evm.send(token0, "transfer(address,uint256)", pair, reserve0)
    evm.send(token1, "transfer(address,uint256)", pair, reserve1)
    evm.send(pair, "mint(address)", evm.owner)
    for token in (token0, token1):
        evm.send(token, "approve(address,uint256)", router, 2**256 - 1)
    pool = ConstantProductPool("uniswap_v2", pair, token0, token1, reserve0, reserve1, 3000, 90_000)
    return router, pool


def concentrated(evm, fee_ppm, spacing, positions):
    """Returns (quoter, pool) of a real pool at price 1 with (lower, upper, amount) positions."""
    token0, token1 = tokens(evm)
    factory = evm.deploy(V3 / "UniswapV3Factory.sol/UniswapV3Factory.json")
    manager = evm.deploy(
        V3_PERIPHERY / "NonfungiblePositionManager.sol/NonfungiblePositionManager.json",
        ["address", "address", "address"],
        [factory, token0, evm.owner],
    )
    quoter = evm.deploy(
        V3_PERIPHERY / "lens/QuoterV2.sol/QuoterV2.json", ["address", "address"], [factory, token0]
    )
    start = 2**96 * 1001 // 1000
    evm.send(
        manager,
        "createAndInitializePoolIfNecessary(address,address,uint24,uint160)",
        token0,
        token1,
        fee_ppm,
        start,
    )
    for token in (token0, token1):
        evm.send(token, "approve(address,uint256)", manager, 2**256 - 1)
    mint = (
        "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"
    )
    for lower, upper, amount in positions:
        terms = (token0, token1, fee_ppm, lower, upper, amount, amount, 0, 0, evm.owner, 2**40)
        evm.send(manager, mint, terms)
    (address,) = evm.call(
        factory, "getPool(address,address,uint24)", token0, token1, fee_ppm, answer=["address"]
    )
    return quoter, load_concentrated(evm, address, (token0, token1), fee_ppm, spacing, positions)


def load_concentrated(evm, address, pair, fee_ppm, spacing, positions):
    """Returns the pool's state as the chain holds it."""
    slot = evm.call(
        address,
        "slot0()",
        answer=["uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool"],
    )
    (liquidity,) = evm.call(address, "liquidity()", answer=["uint128"])
    edges = sorted({edge for lower, upper, _ in positions for edge in (lower, upper)})
    raws = evm.call_many([(address, "ticks(int24)", (edge,)) for edge in edges])
    nets = [decode(["uint128", "int128"], raw[:64])[1] for raw in raws]
    return ConcentratedPool(
        "uniswap_v3",
        address,
        pair[0],
        pair[1],
        fee_ppm,
        spacing,
        slot[0],
        slot[1],
        liquidity,
        tuple(zip(edges, nets, strict=True)),
        130_000,
    )
