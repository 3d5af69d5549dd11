"""What a solution says it costs is what the contracts say it did, to the atom, for each kind."""

import pytest

from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.keys import RISK_ROLES
from adapters.chains.events import Settled, decode_log
from adapters.chains.settlement import (
    ItemValue,
    decode,
    encode_settle,
    plan_of,
    read_positions,
    view,
)
from adapters.registry import encode_step
from app.board import Board
from app.clock import ChainClock
from app.feeds import Feeds, load_listing
from app.pipeline import Plan
from app.settlement.attest import View, attestor_for
from app.simulate import simulate
from app.verify import sign
from solver.domain.account import Account
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind, format_name
from solver.domain.intent import MakerQuote, SignedIntent, SignedQuote
from solver.domain.market import Ladder, Level
from solver.domain.numbers import WAD
from solver.domain.typed_data import Domain, intent_digest, permit2_digest, quote_digest
from solver.intents import compile_intent, draft, parse_wanted
from solver.solve import solve
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]

ODD = 1_234_567_890_123  # of a unit's 1e18: no price times a quantity is whole atoms
PERP = Instrument(1, Kind.PERP).id
TERMS = {"slippageBps": "100", "maxFee": "40"}
WALLET = TERMS | {"scheme": "permit2"}
DEPOSIT = ({"outcome": "deposit", "token": "USDC", "amount": "20000.000001"}, WALLET)
COVER = ({"outcome": "deposit", "token": "WETH", "amount": "3"}, WALLET)
SWAP = {"outcome": "swap", "sellToken": "WETH", "buyToken": "USDC", "sellAmount": "7.1"}
BACK = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "sellAmount": "9000.000001"}
OUT = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "buyAmount": "1.2345"}
LONG = {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "buy", "size": "1.234567890123"}
CASES = {
    "deposit with a fee from cash": [DEPOSIT],
    "swap into dollars": [(SWAP, WALLET)],
    "swap out of dollars": [(BACK, WALLET)],
    "swap to an exact output": [(OUT, WALLET)],
    "swap within the account": [DEPOSIT, (BACK, TERMS)],
    "perp bought": [DEPOSIT, (LONG, TERMS)],
    "perp sold": [DEPOSIT, (LONG | {"side": "sell"}, TERMS)],
    "covered call": [COVER, ({"outcome": "coveredCall"}, TERMS)],
    "covered call, delta neutral": [
        COVER,
        ({"outcome": "coveredCall", "deltaNeutral": True, "deltaTolerance": "0.01"}, TERMS),
    ],
    "withdrawal": [DEPOSIT, ({"outcome": "withdraw", "token": "USDC", "amount": "77.7"}, TERMS)],
}


class World:
    """Plans as the service does, with a maker whose prices and sizes are nowhere round."""

    def __init__(self, devnet, board, feeds):
        self.devnet, self.chain, self.deployment = devnet, devnet.chain, devnet.deployment
        self.board, self.feeds = board, feeds
        self.domain = Domain(devnet.deployment.chain_id, devnet.deployment.settlement)
        self.builder = Builder(devnet.chain, devnet.keys["solver"].address)
        self.owner = AccountId(self.deployment.chain_id, devnet.keys["alice"].address, 0)
        self.maker = AccountId(self.deployment.chain_id, devnet.keys["maker"].address, 0)
        self.nonce = 1

    async def account(self):
        house, key = self.deployment.clearinghouse, self.owner.key
        calls = [view("Clearinghouse", house, name, key) for name in ("cashOf", "positions")]
        cash, positions = await self.chain.call_many(calls)
        return Account(
            self.owner, decode("Clearinghouse", "cashOf", cash), read_positions(positions)
        )

    def quotes(self, snapshot):
        """Both sides of the perp and of one call, a little off the mark."""
        call = Instrument(1, Kind.CALL, snapshot.underlyings[0].expiries[3], 4_000 * WAD)
        signed = []
        for instrument, price in ((PERP, snapshot.underlyings[0].price), (call.id, 150 * WAD)):
            for is_sold in (True, False):
                self.nonce += 1
                quote = MakerQuote(
                    self.maker.owner, 0, self.devnet.keys["solver"].address, instrument, is_sold,
                    price + (ODD if is_sold else -ODD), 50 * WAD, snapshot.time + 50, self.nonce,
                )  # fmt: skip
                signature = sign(quote_digest(quote, self.domain), self.devnet.keys["maker"].secret)
                signed.append(SignedQuote(quote, signature))
        return call, tuple(signed)

    def ladders(self, quotes, snapshot):
        for index, (quote, _) in enumerate(quotes):
            level = (Level(quote.price, quote.max_quantity, index),)
            bids, asks = ((), level) if quote.maker_sells else (level, ())
            yield Ladder(self.maker, quote.instrument, bids, asks, True, snapshot.time_ms)

    async def settle(self, request, terms):
        """Returns the plan, what the contract said of it, and the account afterwards."""
        await self.feeds.step()
        snapshot = self.board.snapshot()
        call, quotes = self.quotes(snapshot)
        snapshot = snapshot._replace(ladders=tuple(self.ladders(quotes, snapshot)))
        if request["outcome"] == "coveredCall":
            size = {"underlying": "ETH", "size": "2.000000000000000777"}
            request = request | size | {"instrument": format_name(call, "ETH")}
        receiver = {"receiver": self.owner.owner} if terms.get("scheme") else {}
        terms = terms | {"owner": self.owner.owner} | receiver
        wanted = parse_wanted({"request": request, "terms": terms})
        account = await self.account()
        intent = draft(wanted.request, account, snapshot, wanted.terms)
        scheme = wanted.terms.scheme
        program = compile_intent(intent, account, snapshot, scheme)
        solution = solve(program, account, snapshot)
        simulation = simulate(program, solution, account, snapshot)
        plan = Plan(intent, scheme, program, solution, simulation, snapshot)
        keys = [self.devnet.keys[role].secret.hex() for role in RISK_ROLES]
        attestation = Domain(self.deployment.chain_id, self.deployment.attestation)
        attestor = attestor_for(View(lambda: snapshot, lambda _: account), keys, attestation)
        report, signatures = await attestor.report_for([plan])
        made = plan_of(solution, quotes, encode_step, router=self.deployment.router)
        data = encode_settle([ItemValue(self.signed(intent, scheme), made)], report, signatures)
        await self.builder.prepare()
        (receipt,) = await self.builder.send([Tx(self.deployment.settlement, data)])
        spoken = [decode_log(log) for log in receipt.logs]
        (settled,) = [event for event in spoken if isinstance(event, Settled)]
        return plan, settled, await self.account()

    def signed(self, intent, scheme):
        digest = intent_digest(intent, self.domain)
        if scheme == "permit2":
            digest = permit2_digest(intent, self.domain, self.deployment.permit2)
        return SignedIntent(intent, scheme, sign(digest, self.devnet.keys["alice"].secret))


@pytest.mark.parametrize("steps", CASES.values(), ids=CASES.keys())
async def test_net_cost_fee_and_account_are_the_chains(devnet, steps):
    board = Board(await load_listing(devnet.chain, devnet.deployment))
    clock = ChainClock((await devnet.chain.head()).timestamp)
    world = World(devnet, board, Feeds(devnet.chain, board, clock, devnet.deployment))
    for request, terms in steps:
        plan, settled, after = await world.settle(request, terms)
    assert plan.solution.net_cost == settled.net_cost
    assert plan.solution.fee == settled.fee > 0
    assert plan.simulation.after.cash == after.cash
    assert plan.simulation.after.positions == after.positions
