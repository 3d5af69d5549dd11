"""Plans from solutions, and whole settlements by this codec through the real contracts."""

import pytest
from coincurve import PrivateKey

from adapters.base import Call
from adapters.chains.abi import function
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.tokens import atoms_of_usd
from adapters.chains.events import Settled
from adapters.chains.settlement import (
    NO_HINT,
    SOLVER_ACCOUNT,
    ItemValue,
    decode,
    decode_log,
    decode_settle,
    encode_settle,
    plan_of,
    position_of,
    read_positions,
    view,
    word_of,
)
from adapters.registry import PoolReader, encode_step
from solver.domain.account import Position
from solver.domain.errors import Broken
from solver.domain.ids import ZERO_ADDRESS, AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import (
    Leg,
    Limits,
    MakerQuote,
    OutcomeIntent,
    SignedIntent,
    SignedQuote,
)
from solver.domain.numbers import WAD
from solver.domain.route import Certificate, Fill, Out, Pull, Solution, Swap
from solver.domain.typed_data import Domain, intent_digest, permit2_digest, quote_digest
from solver.routing import curves

BALANCE = function("balanceOf(address)", ["uint256"])
ROUTER, ALICE = "0x" + "ee" * 20, "0x" + "a1" * 20
A, B, C = ("0x" + digits * 20 for digits in ("1a", "2b", "3c"))


def solution(**parts):
    empty = Solution(b"\0" * 32, (), (), (), (), 0, 0, Certificate(0, 0, 0))
    return empty._replace(**parts)


def intent_of(owner, legs, *, receiver=ZERO_ADDRESS, token=C, now=0, **limits):
    return OutcomeIntent(
        owner,
        0,
        receiver,
        "swap",
        tuple(legs),
        Limits(token, **limits),
        False,
        0,
        now + 600,
        7 << 8,
        b"\x11" * 32,
    )


def plan(found, quotes=()):
    return plan_of(found, quotes, encode_step, router=ROUTER)


def swap(token_in, token_out, amount_in, amount_out, venue="uniswap_v2"):
    return Swap(venue, "0x" + "b0" * 20, token_in, token_out, amount_in, amount_out)


SELL_A = Leg("token", A, "sell", quantity_max=100)
BUY_B = Leg("token", B, "buy", quantity_min=90)


def test_everything_passes_through_the_router():
    found = solution(
        pulls=(Pull(0, A, 100, True),),
        swaps=(swap(A, B, 60, 55), swap(A, B, 40, 36, "uniswap_v3")),
        outs=(Out(1, B, 91),),
    )
    made = plan(found)
    assert made.outs == found.outs
    assert all(ROUTER[2:] in step.data.hex() for step in made.steps)
    assert made.residuals == (A, B)


def test_without_swaps_nothing_is_left_over():
    found = solution(pulls=(Pull(0, A, 100, True),))
    assert plan(found).residuals == ()


def test_only_the_quotes_that_fills_use_are_carried_and_renumbered():
    maker = AccountId(1, B, 0)
    quotes = tuple(
        SignedQuote(MakerQuote(B, 0, C, 9, True, price, WAD, 5, price), b"s") for price in range(3)
    )
    fills = (Fill(0, 9, WAD, 2, maker, 2), Fill(0, 9, WAD, 0, maker, 0), Fill(0, 9, 1, 5, None))
    made = plan(solution(fills=fills), quotes)
    assert made.quotes == (quotes[0], quotes[2])
    assert [fill.quote_index for fill in made.fills] == [1, 0, SOLVER_ACCOUNT]
    assert {fill.hint_owner for fill in made.fills} == {NO_HINT}


def test_a_makers_fill_without_a_firm_quote_is_broken():
    fills = (Fill(0, 9, WAD, 2, AccountId(1, B, 0)),)
    with pytest.raises(Broken):
        plan(solution(fills=fills))


@pytest.mark.parametrize("quantity", [1, -1, 2**95 - 1, -(2**95) + 1, 0])
def test_a_position_word_is_reversible(quantity):
    position = Position(Instrument(1, Kind.CALL, 1_795_000_000, 4_000 * WAD).id, quantity)
    assert position_of(word_of(position)) == position


class World:
    """Signs, settles and looks."""

    def __init__(self, devnet):
        self.devnet, self.chain, self.deployment = devnet, devnet.chain, devnet.deployment
        self.domain = Domain(devnet.deployment.chain_id, devnet.deployment.settlement)
        self.builder = Builder(devnet.chain, devnet.keys["solver"].address)

    def sign(self, role, digest):
        raw = PrivateKey(self.devnet.keys[role].secret).sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([raw[64] + 27])

    def permit(self, role, intent):
        digest = permit2_digest(intent, self.domain, self.deployment.permit2)
        return SignedIntent(intent, "permit2", self.sign(role, digest))

    async def settle(self, *items):
        """Returns the receipt's decoded events of our contracts and the gas used."""
        data = encode_settle(items)
        await self.builder.prepare()
        (receipt,) = await self.builder.send([Tx(self.deployment.settlement, data)])
        return [e for log in receipt.logs if (e := decode_log(log))], receipt.gas_used

    async def balance(self, token, role):
        call = BALANCE.encode(self.devnet.keys[role].address)
        return BALANCE.one(await self.chain.call(token, call))

    async def best_pool(self, token_in, token_out, amount):
        head = await self.chain.head()
        pools = await PoolReader(self.chain, self.deployment.pools).read(head.number)
        both = {token_in, token_out}
        found = [pool for pool in pools if set(pool.tokens) == both]
        return max(
            found,
            key=lambda pool: curves.amount_out(pool, curves.pair_from(pool, token_in), amount),
        )


async def test_the_contract_computes_the_same_digests(devnet):
    deployment = devnet.deployment
    domain = Domain(deployment.chain_id, deployment.settlement)
    intent = intent_of(ALICE, [SELL_A, BUY_B], receiver=ALICE, max_fee=5)
    quote = MakerQuote(B, 0, C, 9, True, 5, WAD, 5, 6)
    digests = await devnet.chain.call_many(
        [
            view("Settlement", deployment.settlement, "digestOf", intent),
            view("Settlement", deployment.settlement, "quoteDigest", quote),
        ]
    )
    assert digests == [intent_digest(intent, domain), quote_digest(quote, domain)]


@pytest.mark.parametrize("to_wallet", [True, False], ids=["to wallet", "to collateral"])
async def test_a_permit2_swap_settles_and_pays_the_quote_to_the_wei(devnet, to_wallet):
    world = World(devnet)
    deployment, alice = devnet.deployment, devnet.keys["alice"].address
    weth, usdc = deployment.weth, deployment.usdc
    amount = atoms_of_usd(deployment.token("WETH"), 50_000)
    pool = await world.best_pool(weth, usdc, amount)
    quoted = curves.amount_out(pool, curves.pair_from(pool, weth), amount)
    now = (await devnet.chain.head()).timestamp
    legs = [
        Leg("token", weth, "sell", quantity_min=amount, quantity_max=amount),
        Leg("token", usdc, "buy", quantity_min=quoted, quantity_max=2**128),
    ]
    receiver = alice if to_wallet else ZERO_ADDRESS
    intent = intent_of(alice, legs, receiver=receiver, token=usdc, now=now)
    found = solution(
        pulls=(Pull(0, weth, amount, True),),
        swaps=(Swap(pool.venue, pool.address, weth, usdc, amount, quoted),),
        outs=(Out(1, usdc, quoted),),
    )
    made = plan_of(found, (), encode_step, router=deployment.router)
    held = await world.balance(usdc, "alice")
    spoken, gas = await world.settle(ItemValue(world.permit("alice", intent), made))
    (settled,) = [event for event in spoken if isinstance(event, Settled)]
    assert settled.digest == intent_digest(intent, world.domain)
    assert (settled.fraction, settled.fee) == (WAD, 0)
    assert gas < 450_000
    if to_wallet:
        assert await world.balance(usdc, "alice") - held == quoted
    else:
        key = AccountId(deployment.chain_id, alice, 0).key
        call = view("Clearinghouse", deployment.clearinghouse, "cashOf", key)
        cash = decode("Clearinghouse", "cashOf", await devnet.chain.call(*call))
        assert cash == quoted
    used = view("Settlement", deployment.settlement, "isNonceUsed", alice, intent.nonce)
    assert decode("Settlement", "isNonceUsed", await devnet.chain.call(*used))


async def test_a_makers_quote_fills_and_both_positions_appear(devnet):
    world = World(devnet)
    deployment = devnet.deployment
    alice, maker = devnet.keys["alice"].address, devnet.keys["maker"].address
    weth, usdc = deployment.weth, deployment.usdc
    now = (await devnet.chain.head()).timestamp
    perp = Instrument(1, Kind.PERP).id
    deposit = 20_000 * 10**6
    legs = [
        Leg("collateral", usdc, "deposit", quantity_min=deposit, quantity_max=deposit),
        Leg("perp", weth, "buy", quantity_min=WAD, quantity_max=WAD, limit_price=3_650 * WAD),
    ]
    intent = intent_of(alice, legs, token=usdc, now=now)
    quote = MakerQuote(
        maker, 0, devnet.keys["solver"].address, perp, True, 3_601 * WAD, 2 * WAD, now + 30, 9 << 8
    )
    signature = world.sign("maker", quote_digest(quote, world.domain))
    found = solution(
        pulls=(Pull(0, usdc, deposit, True),),
        fills=(Fill(1, perp, WAD, 3_601 * WAD, AccountId(deployment.chain_id, maker, 0), 0),),
    )
    quotes = (SignedQuote(quote, signature),)
    made = plan_of(found, quotes, encode_step, router=deployment.router)
    await world.settle(ItemValue(world.permit("alice", intent), made))
    for owner, quantity in ((alice, WAD), (maker, -WAD)):
        key = AccountId(deployment.chain_id, owner, 0).key
        call = view("Clearinghouse", deployment.clearinghouse, "positions", key)
        held = dict(read_positions(await devnet.chain.call(*call)))
        assert held[perp] == quantity


def test_calldata_says_what_was_encoded(devnet_home):
    intent = intent_of(ALICE, [SELL_A, BUY_B], receiver=ALICE)
    found = solution(
        pulls=(Pull(0, A, 100, True),), swaps=(swap(A, B, 100, 91),), outs=(Out(1, B, 91),)
    )
    item = ItemValue(SignedIntent(intent, "permit2", b"\x01" * 65), plan(found))
    arguments = decode_settle(encode_settle([item]))
    (decoded,) = arguments["items"]
    assert decoded[0][0] == ALICE
    assert decoded[1:3] == (b"\x01" * 65, 2)
    assert decoded[3][0] == ((0, A, 100, True),)
    assert arguments["signatures"] == ()


def test_a_call_is_an_address_and_bytes(devnet_home):
    house = devnet_home.deployment.clearinghouse
    assert isinstance(view("Clearinghouse", house, "quoteToken"), Call)
