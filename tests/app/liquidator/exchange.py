"""The local chain with an account on margin: what tests of the liquidator do to it and ask it."""

from typing import Any

from adapters.chains.devnet import Devnet
from adapters.chains.devnet.feeds import push_prices, sources_of
from adapters.chains.devnet.tokens import PRICE_WAD
from adapters.chains.settlement import decode, encode, read_simple, view
from app.keeper.errand import Errand
from app.liquidator.reports import UNNEEDED, Attested, Reports, reports_of
from app.liquidator.watch import Liquidator, Parts
from app.monitor import Judged
from app.settlement.attest import View, attestor_for
from app.settlement.sender import Sender
from app.store import Store
from solver.domain.account import Account
from solver.domain.health import LIQUIDATING, Health
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.report import NO_REPORT
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain
from solver.margin.health import Facts
from tests.solver.pricing.world import ether, snapshot

PERP = Instrument(1, Kind.PERP).id
USD = 10**6


def account_of(devnet: Devnet, role: str) -> AccountId:
    return AccountId(devnet.deployment.chain_id, devnet.keys[role].address, 0)


async def sent(devnet: Devnet, sender: str, to: str, data: bytes) -> None:
    """Sends from an account of the node, or from an impersonated one, and mines it."""
    body = {"from": sender, "to": to, "gas": hex(5_000_000), "data": "0x" + data.hex()}
    tx = await devnet.chain.rpc.request("eth_sendTransaction", body)
    await devnet.chain.rpc.request("evm_mine", is_read=False)
    receipt = await devnet.chain.receipt(tx)
    assert receipt is not None
    assert receipt.status, tx


async def by_hand(devnet: Devnet) -> None:
    """From here on blocks come only when they are asked for: one that came of itself would be mined
    beside ours, with a transaction in the one that the test does not look at."""
    await devnet.chain.rpc.request("evm_setAutomine", False, is_read=False)


async def opened(
    devnet: Devnet,
    contracts: int,
    deposit: int,
    *,
    instrument: int = PERP,
    price: int = PRICE_WAD["WETH"],
) -> None:
    """Alice puts down `deposit` atoms and trades with the maker, as a settlement would; blocks come
    by hand."""
    await by_hand(devnet)
    await deposited(devnet, "alice", deposit)
    await traded(devnet, ("alice", "maker"), contracts, instrument=instrument, price=price)


async def deposited(devnet: Devnet, role: str, atoms: int) -> None:
    owner, house = devnet.keys[role].address, devnet.deployment.clearinghouse
    put = encode("Clearinghouse", "deposit", devnet.deployment.usdc, atoms, 0, owner)
    await sent(devnet, owner, house, put)


async def traded(
    devnet: Devnet,
    roles: tuple[str, str],
    contracts: int,
    *,
    instrument: int = PERP,
    price: int = PRICE_WAD["WETH"],
) -> None:
    """The first buys of the second, as a settlement would clear it."""
    deployment, rpc = devnet.deployment, devnet.chain.rpc
    parties = [account_of(devnet, role).key for role in roles]
    trade = (*parties, instrument, contracts * WAD, price, 255, 255)
    await rpc.request("anvil_setBalance", deployment.settlement, hex(10**19), is_read=False)
    await rpc.request("anvil_impersonateAccount", deployment.settlement, is_read=False)
    data = encode("Clearinghouse", "clear", [trade], [], [], NO_REPORT, [])
    await sent(devnet, deployment.settlement, deployment.clearinghouse, data)


async def shocked(devnet: Devnet, percent: int) -> None:
    """The price of ether becomes so many percent of what it was at first, everywhere."""
    prices = {"ETH": PRICE_WAD["WETH"] * percent // 100, "BTC": PRICE_WAD["WBTC"]}
    await push_prices(devnet.chain, sources_of(devnet.deployment.markets), prices)
    await devnet.chain.rpc.request("evm_mine", is_read=False)


async def waited(devnet: Devnet, seconds: int) -> None:
    await devnet.chain.rpc.request("evm_increaseTime", seconds, is_read=False)
    await devnet.chain.rpc.request("evm_mine", is_read=False)


async def house_says(devnet: Devnet, function: str, *args: object) -> Any:
    call = view("Clearinghouse", devnet.deployment.clearinghouse, function, *args)
    return decode("Clearinghouse", function, await devnet.chain.call(*call))


async def buffer_of(devnet: Devnet, account: AccountId) -> int:
    """Returns maintenance margin less its 15 % of room, by the chain."""
    call = view("Clearinghouse", devnet.deployment.clearinghouse, "simple", account.key)
    margin = read_simple(await devnet.chain.call(*call))
    return margin.maintenance - (margin.equity - margin.maintenance) * 15 // 100


def judged(account: AccountId, state: str = LIQUIDATING) -> Judged:
    """An account that the monitor has just judged."""
    facts = Facts("", 0, (), "OK", "simple", 50, 100, 99, 50, 99, is_open=True)
    return Judged(Account(account, health=Health(state)), facts, None)


async def unattested(_: Account) -> Attested:
    return UNNEEDED


def liquidator_of(
    devnet: Devnet, store: Store, breaker: str = "active", reports: Reports = unattested
) -> Liquidator:
    """A new liquidator, as after a death, with the key of its role."""
    key = devnet.keys["liquidator"].secret.hex()
    errand = Errand(devnet.chain, Sender(devnet.chain, devnet.deployment.chain_id, key))
    return Liquidator(
        Parts(store, devnet.chain, devnet.deployment, errand, reports, lambda: breaker, snapshot)
    )


async def attesting(devnet: Devnet, store: Store, percent: int) -> tuple[Reports, Snapshot]:
    """Signers who see the local chain's present."""
    time = (await devnet.chain.head()).timestamp
    world = snapshot(ether(price=PRICE_WAD["WETH"] * percent // 100), time=time)
    keys = [devnet.keys[role].secret.hex() for role in ("risk1", "risk2", "risk3")]
    domain = Domain(devnet.deployment.chain_id, devnet.deployment.attestation)
    return reports_of(attestor_for(View(lambda: world, store.account), keys, domain)), world
