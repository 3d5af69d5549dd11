"""Off-chain SIMPLE equals MarginRules.sol, and the fence of the feed Fences.sol, to the atom, on
portfolios drawn at random.

The real library runs in an EVM behind contracts/test/support/MarginHarness.sol.
"""

import pathlib
import random
import subprocess

import httpx
import pytest
from eth_abi.abi import decode, encode

from adapters.chains.devnet.node import start_node
from solver.domain.account import Account, Position
from solver.domain.instrument import ASIAN_KINDS, FIXINGS, RIGHT_OF, Instrument, Kind
from solver.domain.numbers import div_down, div_up
from solver.domain.risk import Fixing
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.typed_data import keccak
from solver.margin.attested import Statement, fence, fenced
from solver.margin.simple import figures, requirement_rise
from solver.margin.simple.rules import price_band
from solver.margin.simple.state import slots_of
from solver.pricing.marks import underlying_of, valuation_price
from tests.devnet_fixture import require_anvil
from tests.solver.pricing.world import EXPIRY, NEXT_EXPIRY, WAD, account, bitcoin, ether, snapshot

ROOT = pathlib.Path(__file__).parents[4]
COMPILER = pathlib.Path(__file__).parent / "compile_harness.mjs"
HARNESS = "0x" + "c0de".rjust(40, "0")
ASIANS = "0x" + "a51a".rjust(40, "0")  # the library that the harness is linked with
VIEW = "(uint16,uint256,int256,uint256,uint256,uint256,uint256,uint256,uint256)"
PORTFOLIO = f"((uint256[],uint256[],{VIEW}[]),int256)"
PORTFOLIOS, PER_CALL, POSITIONS_MAX = 600, 25, 20
GAS = hex(2_000_000_000)


@pytest.fixture(scope="module")
def runtime():
    require_anvil()
    done = subprocess.run(
        ["node", str(COMPILER), ASIANS], capture_output=True, text=True, check=True, timeout=120
    )
    return dict(zip((HARNESS, ASIANS), done.stdout.split(), strict=True))


async def on_chain(runtime, name, types, calls):
    """Answers of the harness for each tuple of arguments, decoded by the caller."""
    selector = keccak(f"{name}({','.join(types)})".encode())[:4]
    node = await start_node(genesis_time=1_790_000_000)
    try:
        batch = [
            {
                "jsonrpc": "2.0",
                "id": i,
                "method": "eth_call",
                "params": [
                    {
                        "to": HARNESS,
                        "gas": GAS,
                        "data": "0x" + (selector + encode(types, arguments)).hex(),
                    },
                    "latest",
                    {where: {"code": code} for where, code in runtime.items()},
                ],
            }
            for i, arguments in enumerate(calls)
        ]
        async with httpx.AsyncClient(timeout=60) as client:
            answers = [(await client.post(node.url, json=call)).json() for call in batch]
    finally:
        node.stop()
    assert all("result" in answer for answer in answers), answers
    return [bytes.fromhex(answer["result"][2:]) for answer in answers]


def view_of(market: Underlying) -> tuple[int, ...]:
    return (
        market.market,
        market.price,
        market.funding_index,
        10 ** (18 - market.base.decimals),
        market.sigma_cap_ppm,
        market.perp_initial_ppm,
        market.perp_maintenance_ppm,
        market.base_initial_ppm,
        market.base_maintenance_ppm,
    )


def portfolio_of(held: Account, world: Snapshot):
    """The book as Pricing._book puts it together."""
    instruments = [Instrument.unpack(p.instrument) for p in held.positions]
    markets = [underlying_of(instrument, world) for instrument in instruments]
    prices = [price_of(i, m) for i, m in zip(instruments, markets, strict=True)]
    return ((list(slots_of(held.positions)), prices, [view_of(m) for m in markets]), held.cash)


def price_of(instrument: Instrument, market: Underlying) -> int:
    """What stands beside a position: of an Asian option the word of its series' fixings."""
    if instrument.kind in ASIAN_KINDS:
        fixing = market.fixing_of(instrument.expiry)
        return fixing.fixed << 128 | fixing.total
    return valuation_price(instrument, market)


def any_fixings(dice: random.Random) -> tuple[Fixing, ...]:
    done = dice.randrange(FIXINGS + 1)
    total = done * dice.choice([4000 * WAD, dice.randrange(1, 10**23), 2**96 - 1])
    return (Fixing(EXPIRY, done, total),)[: min(done, 1)]


def any_world(dice: random.Random) -> Snapshot:
    time = dice.choice([EXPIRY - 40 * 86_400, EXPIRY - 1, EXPIRY, EXPIRY + 100])
    is_fixed = time >= EXPIRY and dice.random() < 0.5
    fixed = ((EXPIRY, dice.randrange(1, 9000 * WAD)),) if is_fixed else ()
    price = dice.choice([4000 * WAD, dice.randrange(1, 10**23), dice.randrange(1, 100)])
    funding = dice.randrange(-(10**20), 10**20)
    sigma = dice.choice([0, 1_500_000, 10_000_000])
    values = {"sigma_cap_ppm": sigma, "expiry_prices": fixed, "fixings": any_fixings(dice)}
    first = ether(price=price, funding_index=funding, **values)
    second = bitcoin(price=dice.randrange(1, 2 * 10**23), **values)
    return snapshot(first, second, time=time)


def any_account(dice: random.Random, world: Snapshot) -> Account:
    held: dict[Instrument, int] = {}
    for _ in range(dice.randrange(POSITIONS_MAX + 1)):
        market = dice.choice(world.underlyings)
        kind = dice.choice([Kind.PERP, Kind.BASE, *ASIAN_KINDS * 2, *(Kind.CALL, Kind.PUT) * 4])
        if kind in RIGHT_OF:
            strike = dice.choice([market.price, dice.randrange(1, 2 * market.price + 2)])
            strike = dice.choice([strike, 1, 2**96 - 1]) if dice.random() < 0.1 else strike
            expiry = dice.choice([EXPIRY, NEXT_EXPIRY])
            instrument = Instrument(market.market, kind, expiry, strike)
        else:
            instrument = Instrument(market.market, kind)
        most = dice.choice([1, 10**9, 10**18, 10**20, 2**95 - 1])
        quantity = dice.randrange(1, most + 1)
        is_short = kind is not Kind.BASE and dice.random() < 0.6
        held[instrument] = -quantity if is_short else quantity
    return account(*held.items(), cash=dice.randrange(-(10**13), 10**13))


async def test_six_hundred_random_portfolios_agree_to_the_atom(runtime):
    dice = random.Random(20261225)
    worlds = [any_world(dice) for _ in range(PORTFOLIOS // PER_CALL)]
    groups = [[any_account(dice, world) for _ in range(PER_CALL)] for world in worlds]
    calls = [
        ([portfolio_of(held, world) for held in group], 10**30, world.time)
        for group, world in zip(groups, worlds, strict=True)
    ]
    types = [f"{PORTFOLIO}[]", "uint256", "uint256"]
    answers = await on_chain(runtime, "figures", types, calls)
    for raw, group, world in zip(answers, groups, worlds, strict=True):
        (chain,) = decode(["int256[4][]"], raw)
        for got, held in zip(chain, group, strict=True):
            ours = figures(held, world)
            risk = requirement_rise(held._replace(positions=()), held, world)
            assert (ours.initial, ours.maintenance, ours.equity, risk) == got, held


async def test_the_fence_around_what_signers_state_agrees_to_the_atom(runtime):
    dice = random.Random(20261226)
    worlds = [any_world(dice) for _ in range(8)]
    groups = [[any_account(dice, world) for _ in range(PER_CALL)] for world in worlds]
    calls, stated = [], []
    for group, world in zip(groups, worlds, strict=True):
        claims = [any_statement(dice, held, world) for held in group]
        stated.append(claims)
        options, required = [c.options for c in claims], [c.initial for c in claims]
        books = [portfolio_of(held, world) for held in group]
        calls.append((books, options, required, 10**30, world.time))
    types = [f"{PORTFOLIO}[]", "int256[]", "uint256[]", "uint256", "uint256"]
    answers = await on_chain(runtime, "fences", types, calls)
    clamped = 0
    for raw, group, world, claims in zip(answers, groups, worlds, stated, strict=True):
        (chain,) = decode(["int256[3][]"], raw)
        for got, held, claim in zip(chain, group, claims, strict=True):
            ours = fenced(held, world, claim)
            assert (ours.equity, ours.requirement, ours.requirement) == got, held
            clamped += ours.equity != fenced(held, world, claim._replace(options=0)).equity
    assert clamped > 20


def any_statement(dice: random.Random, held: Account, world: Snapshot) -> Statement:
    """Honest, at an edge of the fence, or absurd."""
    limit = fence(held.positions, world)
    floor = div_up(limit.floor, 10**30)
    edges = [div_down(each, 10**30) for each in (limit.lowest, limit.highest)]
    options = dice.choice([0, *edges, edges[0] - 1, edges[1] + 1, -(2**255), 2**255 - 1])
    return Statement(options, dice.choice([0, max(floor - 1, 0), floor, floor + 1, 2**120]), 0)


async def test_price_bands_agree(runtime):
    dice = random.Random(7)
    market = ether(price=4000 * WAD + 7)
    times = [EXPIRY - 30 * 86_400, EXPIRY - 1, EXPIRY]
    instruments = [Instrument(1, Kind.PERP)] + [
        Instrument(1, kind, EXPIRY, dice.randrange(1, 9000 * WAD))
        for kind in (Kind.CALL, Kind.PUT)
        for _ in range(40)
    ]
    calls = [([i.id for i in instruments], view_of(market), time) for time in times]
    answers = await on_chain(runtime, "bands", ["uint160[]", VIEW, "uint256"], calls)
    for raw, time in zip(answers, times, strict=True):
        (chain,) = decode(["uint256[2][]"], raw)
        ours = [price_band(i, market.price, market.sigma_cap_ppm, time) for i in instruments]
        assert [tuple(pair) for pair in chain] == ours


async def test_bands_of_asians_agree_whatever_is_recorded(runtime):
    dice = random.Random(11)
    calls, ours = [], []
    types = ["uint160[]", "uint256[]", VIEW, "uint256"]
    for time in (EXPIRY - 30 * 86_400, EXPIRY - 100, EXPIRY + 100):
        market = ether(price=dice.randrange(1, 10**22))
        some = [
            Instrument(1, kind, EXPIRY, dice.randrange(1, 9000 * WAD))
            for kind in ASIAN_KINDS
            for _ in range(40)
        ]
        known = [next(iter(any_fixings(dice)), Fixing(EXPIRY, 0, 0)) for _ in some]
        words = [fixing.fixed << 128 | fixing.total for fixing in known]
        calls.append(([i.id for i in some], words, view_of(market), time))
        terms = (market.price, market.sigma_cap_ppm, time)
        ours.append([price_band(i, *terms, fixing) for i, fixing in zip(some, known, strict=True)])
    answers = await on_chain(runtime, "asianBands", types, calls)
    for raw, wanted in zip(answers, ours, strict=True):
        (chain,) = decode(["uint256[2][]"], raw)
        assert [tuple(pair) for pair in chain] == wanted


def test_slots_pack_as_the_contract_reads_them():
    held = Position(Instrument(1, Kind.CALL, EXPIRY, 4000 * WAD).id, -1)
    (slot,) = slots_of([held])
    assert slot & (2**96 - 1) == 2**96 - 1
    assert slot >> 96 == held.instrument
