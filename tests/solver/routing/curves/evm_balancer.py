"""Balancer v2's real vault and pools on the local chain; a pool answers for any balances we name.

The artifacts are a development dependency (GPL): deployed here from where they stand, never copied.
"""

from typing import NamedTuple

from eth_abi.abi import encode

from solver.domain.market import StablePool, WeightedPool
from solver.domain.numbers import WAD
from tests.solver.routing.curves.evm import MODULES, Evm
from tests.solver.routing.curves.evm_v4 import token

TASKS = MODULES / "@balancer-labs/v2-deployments/dist/tasks"
NOBODY = "0x" + "00" * 20
REQUEST = "(uint8,address,address,uint256,bytes32,uint256,address,address,bytes)"
FEE_CAP = 10**17
# Folder of the factory -> (edition of its maths, its constructor's arguments after the vault).
WEIGHTED = {
    "deprecated/20210418-weighted-pool": (1, 0),
    "20220908-weighted-pool-v2": (2, 1),
    "20230206-weighted-pool-v3": (2, 3),
}
STABLE = {
    "deprecated/20210624-stable-pool": (1, 0),
    "20220609-stable-pool-v2": (2, 0),
    "deprecated/20220906-composable-stable-pool": (2, 1),
    "20221122-composable-stable-pool-v2": (2, 3),
    "20230206-composable-stable-pool-v3": (2, 3),
}


class Vault(NamedTuple):
    """The vault, the fee provider that later factories ask for, and tokens by their decimals."""

    address: str
    provider: str
    tokens: dict[int, list[str]]


class Deployed(NamedTuple):
    """A pool on the chain: where each of our tokens stands among those registered, and how many."""

    address: str
    name: bytes
    places: tuple[int, ...]
    size: int


def vault(evm: Evm) -> Vault:
    """Returns a fresh vault with four tokens of each kind of decimals."""
    authorizer = evm.deploy(
        TASKS / "20210418-authorizer/artifact/Authorizer.json", ["address"], [evm.owner]
    )
    address = evm.deploy(
        TASKS / "20210418-vault/artifact/Vault.json",
        ["address", "address", "uint256", "uint256"],
        [authorizer, NOBODY, 0, 0],
    )
    provider = evm.deploy(
        TASKS / "20220725-protocol-fee-percentages-provider/artifact/"
        "ProtocolFeePercentagesProvider.json",
        ["address", "uint256", "uint256"],
        [address, FEE_CAP, FEE_CAP],
    )
    tokens = {decimals: [token(evm, decimals) for _ in range(4)] for decimals in (6, 8, 18)}
    return Vault(address, provider, tokens)


def rate_provider(evm, rate):
    """Returns a contract that answers every call with `rate`."""
    code = bytes.fromhex("7f") + rate.to_bytes(32, "big") + bytes.fromhex("5f5260205ff3")
    start = bytes.fromhex(f"60{len(code):02x}80600a5f395ff3").ljust(10, b"\0")
    return evm.deploy_code((start + code).hex())


def factory(evm, there, folder, name, extras):
    """Returns the factory of a folder of the package."""
    kinds = ["address", "address", "string", "string"][: extras + 1]
    arguments = [there.address, there.provider, "", ""][: extras + 1]
    return evm.deploy(TASKS / folder / f"artifact/{name}.json", kinds, arguments)


def draw_tokens(draw, there, count):
    """Returns (token, decimals) of a random mix, in the order of addresses."""
    flat = [(address, decimals) for decimals, held in there.tokens.items() for address in held]
    return sorted(draw.sample(flat, count), key=lambda entry: int(entry[0], 16))


def weighted(evm, there, maker, chosen, terms):
    """Returns (deployed, pool without balances); terms = (edition, weights, fee)."""
    (edition, weights, fee), names = terms, [address for address, _ in chosen]
    arguments = [
        *("string", "string", "address[]", "uint256[]"),
        *(() if edition == 1 else ("address[]",)),
        *("uint256", "address"),
    ]
    rates = [] if edition == 1 else [[NOBODY] * len(chosen)]
    create = f"create({','.join(arguments)})"
    values = ("pool", "BPT", names, list(weights), *rates, fee, evm.owner)
    deployed = _created(evm, there, maker, (create, *values), names)
    scalings = tuple(10 ** (36 - decimals) for _, decimals in chosen)
    balances = (0,) * len(chosen)
    pool = WeightedPool(
        "balancer", deployed.address, tuple(names), balances, tuple(weights), scalings, fee, 1
    )
    return deployed, pool._replace(edition=edition)


def stable(evm, there, maker, chosen, terms):
    """Returns (deployed, pool without balances); terms = (edition, amplification, fee, rates)."""
    (edition, amplification, fee, rates), names = terms, [address for address, _ in chosen]
    values: tuple
    if rates is None:
        create = "create(string,string,address[],uint256,uint256,address)"
        values = ("pool", "BPT", names, amplification, fee, evm.owner)
    else:
        providers = [NOBODY if rate == WAD else rate_provider(evm, rate) for rate in rates]
        create = (
            "create(string,string,address[],uint256,address[],uint256[],bool[],uint256,address)"
        )
        none, no = [0] * len(names), [False] * len(names)
        values = ("pool", "BPT", names, amplification, providers, none, no, fee, evm.owner)
    deployed = _created(evm, there, maker, (create, *values), names)
    scalings = tuple(
        10 ** (18 - decimals) * rate
        for (_, decimals), rate in zip(chosen, rates or [WAD] * len(names), strict=True)
    )
    balances = (0,) * len(names)
    pool = StablePool(
        "balancer", deployed.address, tuple(names), balances, amplification * 1000, scalings, fee, 1
    )
    return deployed, pool._replace(edition=edition)


def _created(evm, there, maker, create, names):
    (address,) = evm.call(maker, *create, answer=["address"])
    evm.send(maker, *create)
    (name,) = evm.call(address, "getPoolId()", answer=["bytes32"])
    registered, _, _ = evm.call(
        there.address,
        "getPoolTokens(bytes32)",
        name,
        answer=["address[]", "uint256[]", "uint256"],
    )
    order = [held.lower() for held in registered]
    return Deployed(address, name, tuple(order.index(held.lower()) for held in names), len(order))


def on_swap(evm, deployed, pool, pair, amount, is_in):
    """Returns the call the vault would make of the pool: (to, signature, arguments)."""
    i, j = pool.tokens.index(pair[0]), pool.tokens.index(pair[1])
    request = (int(not is_in), *pair, amount, deployed.name, 0, evm.owner, evm.owner, b"")
    if isinstance(pool, WeightedPool):
        held = pool.balances[i], pool.balances[j]
        return deployed.address, f"onSwap({REQUEST},uint256,uint256)", (request, *held)
    balances = [2**111] * deployed.size  # its own share token's, which a swap leaves out
    for place, balance in zip(deployed.places, pool.balances, strict=True):
        balances[place] = balance
    places = deployed.places[i], deployed.places[j]
    return (
        deployed.address,
        f"onSwap({REQUEST},uint256[],uint256,uint256)",
        (request, balances, *places),
    )


def join(evm, there, deployed, pool):
    """Puts the pool's balances in, as its first owner."""
    shares = deployed.size > len(pool.tokens)
    amounts = [2**111] * deployed.size if shares else list(pool.balances)
    for place, balance in zip(deployed.places, pool.balances, strict=True):
        amounts[place] = balance
    registered, _, _ = evm.call(
        there.address,
        "getPoolTokens(bytes32)",
        deployed.name,
        answer=["address[]", "uint256[]", "uint256"],
    )
    for address in pool.tokens:
        evm.send(address, "approve(address,uint256)", there.address, 2**256 - 1)
    first = encode(["uint256", "uint256[]"], [0, amounts])
    evm.send(
        there.address,
        "joinPool(bytes32,address,address,(address[],uint256[],bytes,bool))",
        deployed.name,
        evm.owner,
        evm.owner,
        (list(registered), [2**112] * deployed.size, first, False),
    )
