"""Our contracts on the local chain: deployed, configured, sealed, and a few accounts funded."""

from typing import Any, NamedTuple

from adapters.chains.abi import artifact, function
from adapters.chains.deployment import MarketInfo
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.keys import RISK_ROLES, dev_keys
from adapters.chains.devnet.tokens import Tokens, approve, atoms_of_usd, transfer
from adapters.chains.devnet.uniswap import Uniswap
from solver.domain.ids import ZERO_ADDRESS, Address
from solver.domain.instrument import Token
from solver.domain.numbers import UINT256_MAX, WAD

PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
SUNSET = 4_102_444_800  # 2100-01-01
SIGNERS_NEEDED = 2
OUTFLOW_CAP_USD = 10_000_000  # an hour, accounts under attestation
OPEN_INTEREST_CAP = 20_000 * WAD
SIGMA_CAP_PPM = 1_500_000
PERP_INITIAL_PPM, PERP_MAINTENANCE_PPM = 100_000, 65_000
BASE_INITIAL_PPM, BASE_MAINTENANCE_PPM = 750_000, 800_000
SWAP = {
    "uniswap_v2": function("swap(uint256,uint256,address,bytes)"),
    "uniswap_v3": function("swap(address,bool,int256,uint160,bytes)"),
}
INSURANCE_USD = 500_000
# USD of each token in the wallet, and USD of collateral deposited from it.
WALLET_USD = {
    "solver": 5_000_000,
    "maker": 40_000_000,
    "alice": 2_000_000,
    "bob": 2_000_000,
    "keeper": 100_000_000,
    "liquidator": 5_000_000,
}
DEPOSIT_USD = {
    "solver": {"USDC": 1_000_000},
    "liquidator": {"USDC": 5_000_000},
    "maker": {"USDC": 15_000_000, "WETH": 5_000_000, "WBTC": 5_000_000},
}


class Clearing(NamedTuple):
    """Addresses of our contracts."""

    settlement: Address
    clearinghouse: Address
    attestation: Address
    params: Address
    router: Address
    execution: Address
    auction: Address


async def deploy_clearing(builder: Builder, tokens: Tokens) -> Clearing:
    """Deploys every contract of ours, still open to the deployer."""
    keys = dev_keys()
    roles = (keys[role].address for role in ("guardian", "proposer", "approver"))
    params = await builder.deploy("Params", *roles)
    attestation = await builder.deploy("Attestation", params)
    clearinghouse = await builder.deploy("Clearinghouse", params, attestation, tokens.usdc.address)
    settlement = await builder.deploy("Settlement", params, clearinghouse, SUNSET)
    router = await builder.read(settlement, artifact("Settlement"), "router")
    execution = builder.libraries.get("Execution", ZERO_ADDRESS)
    auction = await builder.deploy("Auction", params, clearinghouse)
    return Clearing(settlement, clearinghouse, attestation, params, router, execution, auction)


async def configure(
    builder: Builder,
    clearing: Clearing,
    uniswap: Uniswap,
    markets: tuple[MarketInfo, ...],
    tokens: Tokens,
) -> None:
    """Lists what may be used, then seals: from here every loosening takes two keys and a delay."""
    keys = dev_keys()
    calls: list[tuple[Any, ...]] = [
        ("allow", pool, SWAP[venue].selector) for venue, pool in uniswap.all
    ]
    calls += [("addToken", token.address) for token in tokens]
    calls += [("addSolver", keys["solver"].address), ("addSettlement", clearing.settlement)]
    calls += [("setAuction", clearing.auction)]
    calls += [("addSigner", keys[role].address) for role in RISK_ROLES]
    calls += [("setThreshold", SIGNERS_NEEDED)]
    calls += [("setOutflowCap", OUTFLOW_CAP_USD * 10**6)]
    calls += [("setMarket", market.market, _market(market)) for market in markets]
    calls += [("seal",)]
    functions = artifact("Params").interface.functions
    await builder.send(
        [Tx(clearing.params, functions[name].encode(*args)) for name, *args in calls]
    )


async def fund(
    builder: Builder, clearing: Clearing, tokens: Tokens, routers: tuple[Address, ...]
) -> None:
    """Gives the roles their tokens, lets Permit2 and the Clearinghouse draw them, deposits; the
    keeper's are for arbitrage through the protocols' own routers."""
    txs: list[Tx] = []
    for role, usd in WALLET_USD.items():
        owner = dev_keys()[role].address
        for token in tokens:
            txs.append(transfer(token, owner, atoms_of_usd(token, usd)))
            spenders = routers if role == "keeper" else (PERMIT2, clearing.clearinghouse)
            txs += [approve(token, spender, UINT256_MAX, owner) for spender in spenders]
    await builder.send(txs)
    deposit = artifact("Clearinghouse").interface.functions["deposit"]
    deposits = [
        Tx(
            clearing.clearinghouse,
            deposit.encode(token.address, atoms_of_usd(token, usd), 0, owner),
            sender=owner,
        )
        for role, deposits in DEPOSIT_USD.items()
        for owner in [dev_keys()[role].address]
        for token, usd in ((tokens.of(symbol), usd) for symbol, usd in deposits.items())
    ]
    # the insurance account is the clearinghouse's own, and anyone may add to it
    insured = (tokens.usdc.address, INSURANCE_USD * 10**6, 0, clearing.clearinghouse)
    insurer = dev_keys()["solver"].address
    deposits.append(Tx(clearing.clearinghouse, deposit.encode(*insured), sender=insurer))
    await builder.send(deposits)


def _market(market: MarketInfo) -> tuple[Any, ...]:
    """Returns the contract's Market."""
    base: Token = market.base
    return (
        base.address,
        base.decimals,
        market.feed,
        market.heartbeat,
        SIGMA_CAP_PPM,
        PERP_INITIAL_PPM,
        PERP_MAINTENANCE_PPM,
        BASE_INITIAL_PPM,
        BASE_MAINTENANCE_PPM,
        OPEN_INTEREST_CAP,
        False,
    )
