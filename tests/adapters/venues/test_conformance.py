"""Every venue, by being a file: its sample, its claims, and the chain's word against its own."""

import pytest

from adapters.base import PAY_CALLBACK, PAY_TRANSFER, Call, Capabilities
from adapters.chains.abi import artifact, function
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.tokens import atoms_of_usd, transfer
from adapters.registry import PoolReader, discover, encode_step
from solver.domain.errors import Broken
from solver.domain.route import Swap
from solver.routing import curves

VENUES = sorted(discover().items())
BALANCE = function("balanceOf(address)", ["uint256"])
SIZES_USD = (1, 12_345, 650_000)  # dust, usual, through several ticks


@pytest.fixture(params=VENUES, ids=[slug for slug, _ in VENUES])
def venue(request):
    return request.param[1]


def test_capabilities_name_a_curve_that_exists(venue):
    assert isinstance(venue.capabilities, Capabilities)
    assert hasattr(curves, venue.capabilities.curve)
    assert venue.capabilities.pay_mode in (PAY_TRANSFER, PAY_CALLBACK)


def test_sample_answers_become_the_sample_pool(venue):
    sample = venue.SAMPLE
    assert venue.calls(sample.address, sample.answers) == ()
    assert venue.parse(sample.address, sample.answers) == sample.pool


def test_reading_asks_only_for_what_is_missing_and_ends(venue):
    sample = venue.SAMPLE
    known: dict[Call, bytes] = {}
    for _ in range(4):
        asked = venue.calls(sample.address, known)
        assert not set(asked) & set(known)
        known |= {call: sample.answers[call] for call in asked}
    assert known == dict(sample.answers)


def test_hot_calls_are_part_of_the_reading(venue):
    sample = venue.SAMPLE
    assert set(venue.hot(sample.address)) <= set(sample.answers)


def test_foreign_answers_are_broken_not_a_pool(venue):
    sample = venue.SAMPLE
    for call in sample.answers:
        if len(sample.answers[call]) > 32:
            continue
        with pytest.raises((Broken, IndexError, KeyError)):
            venue.parse(sample.address, dict(sample.answers) | {call: b""})
        break


def test_sample_swap_becomes_the_sample_step(venue):
    sample = venue.SAMPLE
    assert venue.encode(sample.swap, sample.recipient) == sample.step
    assert sample.step.mode == venue.capabilities.pay_mode


class Street:
    """The Router of a local chain as Settlement would run it, one step at a time."""

    def __init__(self, devnet):
        self.devnet, self.chain = devnet, devnet.chain
        self.deployment = devnet.deployment
        self.builder = Builder(devnet.chain, devnet.keys["maker"].address)

    async def open(self):
        settlement = self.deployment.settlement
        await self.chain.rpc.request("anvil_impersonateAccount", settlement)
        await self.chain.rpc.request("anvil_setBalance", settlement, hex(10**20))
        await self.builder.prepare()

    async def pool(self, slug, address):
        head = await self.chain.head()
        (pool,) = await PoolReader(self.chain, [(slug, address)]).read(head.number)
        return pool

    async def balance(self, token, holder):
        return BALANCE.one(await self.chain.call(token, BALANCE.encode(holder)))

    async def swap(self, swap, recipient):
        """Returns (what the recipient received, what the Router paid, gas used)."""
        router = self.deployment.router
        token_in = next(t for t in self.deployment.tokens if t.address == swap.token_in)
        await self.builder.send([transfer(token_in, router, swap.amount_in)])
        held = await self.balance(swap.token_out, recipient)
        paid = await self.balance(swap.token_in, router)
        run = artifact("Router").interface.functions["run"]
        step = tuple(encode_step(swap, recipient))
        sender = self.deployment.settlement
        (receipt,) = await self.builder.send([Tx(router, run.encode([step]), sender=sender)])
        received = await self.balance(swap.token_out, recipient) - held
        return received, paid - await self.balance(swap.token_in, router), receipt.gas_used


@pytest.mark.parametrize("slug", [slug for slug, _ in VENUES])
async def test_quoted_is_paid_to_the_wei_in_every_pool_both_ways(devnet, slug):
    street = Street(devnet)
    await street.open()
    tokens = {token.address: token for token in devnet.deployment.tokens}
    for address in [pool for venue, pool in devnet.deployment.pools if venue == slug]:
        for usd in SIZES_USD:
            pool = await street.pool(slug, address)
            for token_in in (pool.token0, pool.token1):
                pool = await street.pool(slug, address)
                amount = atoms_of_usd(tokens[token_in], usd)
                quoted = curves.amount_out(pool, curves.pair_from(pool, token_in), amount)
                token_out = curves.other_token(pool, token_in)
                swap = Swap(slug, address, token_in, token_out, amount, quoted)
                received, paid, _ = await street.swap(swap, devnet.deployment.router)
                assert (received, paid) == (quoted, amount)
                assert await street.pool(slug, address) == curves.after(
                    pool, curves.pair_from(pool, token_in), amount
                )


@pytest.mark.parametrize("slug", [slug for slug, _ in VENUES])
async def test_the_receiver_can_be_paid_by_the_pool_itself(devnet, slug):
    street = Street(devnet)
    await street.open()
    address = next(pool for venue, pool in devnet.deployment.pools if venue == slug)
    pool, alice = await street.pool(slug, address), devnet.keys["alice"].address
    amount = atoms_of_usd(devnet.deployment.token("WETH"), 5_000)
    weth = devnet.deployment.weth
    quoted = curves.amount_out(pool, curves.pair_from(pool, weth), amount)
    swap = Swap(slug, address, weth, curves.other_token(pool, weth), amount, quoted)
    received, _, _ = await street.swap(swap, alice)
    assert received == quoted


@pytest.mark.parametrize("slug", [slug for slug, _ in VENUES])
async def test_the_stated_gas_is_near_what_a_step_costs(devnet, slug):
    street = Street(devnet)
    await street.open()
    address = next(pool for venue, pool in devnet.deployment.pools if venue == slug)
    weth = devnet.deployment.weth
    amount = atoms_of_usd(devnet.deployment.token("WETH"), 3_000)
    gas = 0
    for _ in range(2):  # the first one of a day also writes an observation
        pool = await street.pool(slug, address)
        token_out = curves.other_token(pool, weth)
        quoted = curves.amount_out(pool, curves.pair_from(pool, weth), amount)
        swap = Swap(slug, address, weth, token_out, amount, quoted)
        _, _, gas = await street.swap(swap, devnet.keys["alice"].address)
    assert 0.6 * pool.gas < gas - 21_000 < 1.2 * pool.gas
