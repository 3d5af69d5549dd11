"""Three owners whose tokens go round settle in one transaction, each for more than alone."""

from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.keys import RISK_ROLES
from adapters.chains.events import Settled, decode_log
from adapters.chains.settlement import ItemValue, encode_settle, plan_of
from adapters.registry import encode_step
from app.board import Board
from app.clock import ChainClock
from app.feeds import Feeds, load_listing
from app.pipeline import Plan
from app.settlement.attest import View, attestor_for
from app.simulate import simulate
from app.verify import sign
from solver.auction import batches, net
from solver.domain.account import Account
from solver.domain.ids import AccountId
from solver.domain.intent import SignedIntent
from solver.domain.typed_data import Domain, permit2_digest
from solver.intents import compile_intent, draft, parse_wanted
from solver.solve import solve
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]

RING = (
    ("alice", {"sellToken": "WETH", "buyToken": "USDC", "sellAmount": "20"}),
    ("bob", {"sellToken": "USDC", "buyToken": "WBTC", "sellAmount": "65000.000001"}),
    ("maker", {"sellToken": "WBTC", "buyToken": "WETH", "sellAmount": "0.7"}),
)


def planned(role, request, devnet, snapshot):
    """Returns the plan of one swap from a wallet, alone."""
    owner = AccountId(devnet.deployment.chain_id, devnet.keys[role].address, 0)
    terms = {"slippageBps": "100", "maxFee": "40", "scheme": "permit2"}
    terms |= {"owner": owner.owner, "receiver": owner.owner}
    wanted = parse_wanted({"request": {"outcome": "swap"} | request, "terms": terms})
    account = Account(owner)
    intent = draft(wanted.request, account, snapshot, wanted.terms)
    program = compile_intent(intent, account, snapshot, "permit2")
    solution = solve(program, account, snapshot)
    told = simulate(program, solution, account, snapshot)
    return Plan(intent, "permit2", program, solution, told, snapshot)


async def settle(devnet, plans):
    """Returns what the contract said of each plan once all of them settled in one call."""
    deployment, snapshot = devnet.deployment, plans[0].snapshot
    domain = Domain(deployment.chain_id, deployment.settlement)
    secrets = {key.address: key.secret for key in devnet.keys.values()}
    keys = [devnet.keys[role].secret.hex() for role in RISK_ROLES]
    attestation = Domain(deployment.chain_id, deployment.attestation)
    attestor = attestor_for(View(lambda: snapshot, Account), keys, attestation)
    report, signatures = await attestor.report_for(plans)
    items = []
    for plan in plans:
        digest = permit2_digest(plan.intent, domain, deployment.permit2)
        signed = SignedIntent(plan.intent, "permit2", sign(digest, secrets[plan.intent.owner]))
        made = plan_of(plan.solution, (), encode_step, router=deployment.router)
        items.append(ItemValue(signed, made))
    builder = Builder(devnet.chain, devnet.keys["solver"].address)
    await builder.prepare()
    data = encode_settle(items, report, signatures)
    (receipt,) = await builder.send([Tx(deployment.settlement, data)])
    spoken = [decode_log(log) for log in receipt.logs]
    return receipt, [event for event in spoken if isinstance(event, Settled)]


async def test_a_ring_settles_on_the_chain_for_what_was_planned(devnet):
    board = Board(await load_listing(devnet.chain, devnet.deployment))
    clock = ChainClock((await devnet.chain.head()).timestamp)
    await Feeds(devnet.chain, board, clock, devnet.deployment).step()
    snapshot = board.snapshot()
    plans = [planned(role, request, devnet, snapshot) for role, request in RING]
    programs, alone = [plan.program for plan in plans], [plan.solution for plan in plans]
    assert batches(programs) == ((0, 1, 2),)
    together = net(programs, snapshot, alone)
    assert together is not None
    for mine, before in zip(together, alone, strict=True):
        assert mine.outs[0].amount > before.outs[0].amount
    joined = [p._replace(solution=s) for p, s in zip(plans, together, strict=True)]
    receipt, settled = await settle(devnet, joined)
    assert [event.net_cost for event in settled] == [s.net_cost for s in together]
    assert [event.fee for event in settled] == [s.fee for s in together]
    assert receipt.gas_used <= 2 * sum(solution.gas for solution in together)
