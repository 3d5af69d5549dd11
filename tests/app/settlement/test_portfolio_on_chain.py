"""The margin that a PORTFOLIO quote shows is the one that the gate finds, to the atom.

Bounds signed at exactly those figures pass; a hair tighter, and the contract stops them.
"""

from adapters.chains.devnet.keys import RISK_ROLES
from adapters.chains.evm import Reverted
from adapters.chains.settlement import ItemValue, encode_settle, plan_of
from adapters.registry import encode_step
from app.board import Board
from app.clock import ChainClock
from app.feeds import Feeds, load_listing
from app.pipeline import Plan
from app.settlement.attest import View, attestor_for
from app.simulate import simulate
from solver.domain.account import PORTFOLIO
from solver.domain.instrument import format_name
from solver.domain.numbers import WAD
from solver.domain.typed_data import Domain, keccak
from solver.intents import compile_intent, draft, parse_wanted
from solver.solve import solve
from tests.app.settlement.test_cost_on_chain import DEPOSIT, TERMS, World
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]

SIZE = "26"  # of calls at 4,000 against 20,000 dollars: SIMPLE asks for more than that


async def prepared(world, **bounds):
    """Returns what is told of selling calls, and the calldata of it under limits as given."""
    await world.feeds.step()
    snapshot = world.board.snapshot()
    call, quotes = world.quotes(snapshot)
    snapshot = snapshot._replace(ladders=tuple(world.ladders(quotes, snapshot)))
    asked = {"outcome": "sellOption", "instrument": format_name(call, "ETH"), "size": SIZE}
    wanted = parse_wanted({"request": asked, "terms": TERMS | {"owner": world.owner.owner}})
    account = await world.account()
    free = draft(wanted.request, account, snapshot, wanted.terms)
    intent = free._replace(limits=free.limits._replace(**bounds))
    program = compile_intent(free, account, snapshot, "eip712")
    solution = solve(program, account, snapshot)
    simulation = simulate(program, solution, account, snapshot)
    plan = Plan(intent, "eip712", program, solution, simulation, snapshot)
    keys = [world.devnet.keys[role].secret.hex() for role in RISK_ROLES]
    attestation = Domain(world.deployment.chain_id, world.deployment.attestation)
    attestor = attestor_for(View(lambda: snapshot, lambda _: account), keys, attestation)
    report, signatures = await attestor.report_for([plan])
    made = plan_of(solution, quotes, encode_step, router=world.deployment.router)
    item = ItemValue(world.signed(intent, "eip712"), made)
    return simulation, encode_settle([item], report, signatures)


async def refused(world, data):
    """Returns the selector of the error that stops the settlement, None where it passes."""
    solver = world.devnet.keys["solver"].address
    try:
        await world.chain.call(world.deployment.settlement, data, from_=solver)
    except Reverted as error:
        return error.raw[:4]
    return None


def selector(error):
    return keccak(error.encode())[:4]


async def test_bounds_at_the_figures_shown_pass_and_a_hair_tighter_do_not(devnet):
    board = Board(await load_listing(devnet.chain, devnet.deployment))
    clock = ChainClock((await devnet.chain.head()).timestamp)
    world = World(devnet, board, Feeds(devnet.chain, board, clock, devnet.deployment))
    await world.settle(*DEPOSIT)
    told, _ = await prepared(world)
    assert told.engine == PORTFOLIO
    rise, margin = told.margin_rise, told.margin_after
    health = margin.equity * WAD // margin.requirement
    assert rise == margin.requirement
    _, exact = await prepared(world, max_margin_used=rise, min_health=health)
    assert await refused(world, exact) is None
    _, tight = await prepared(world, max_margin_used=rise - 1)
    assert await refused(world, tight) == selector("MarginUsed(int256,uint256)")
    _, tight = await prepared(world, min_health=health + 1)
    assert await refused(world, tight) == selector("HealthTooLow(uint256,uint256)")
