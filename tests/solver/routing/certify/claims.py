"""Honest solutions made by hand, without any of the solver, and how to make lies of them."""

import re
from collections import Counter
from collections.abc import Sequence

import pytest

from solver.domain.account import Account
from solver.domain.errors import Unproven
from solver.domain.ids import ZERO_ADDRESS, Address
from solver.domain.instrument import Token
from solver.domain.market import Pool
from solver.domain.numbers import WAD
from solver.domain.program import CollateralFlow, DeltaBox, Exposure, Program
from solver.domain.route import Fill, Out, Pull, Solution, Swap
from solver.domain.snapshot import Snapshot
from solver.routing import curves
from solver.routing.certify import duality, tally
from solver.routing.proof import UNPROVEN, proof
from tests.solver.routing import world
from tests.solver.routing.world import ALICE, BOB, DAI, DOLLARS, MAKER, PERP, USDC, WBTC, WETH, call

USDT = Token("0x" + "55" * 20, "USDT", 6)  # only in stable pools
WORTH = {**DOLLARS, USDT: 1}
PRICES = {token.address: usd / 10**token.decimals for token, usd in WORTH.items()}
FEE = 2 * 10**6
# what the checker says does not hold
CODE = "a swap gives what the pool's code gives"
SPENDS = "a swap spends what is there"
CONSERVES = "what is pulled is what is delivered"
PULL, LEG_OUT = "a pull is of its leg", "an out is of its leg"
COST = "the net cost is what it says"
VALUE, BOUND = "the value is what was bought and earned", "the bound follows from the prices"
GAP, NUMERAIRE = "the gap is what it says", "the numeraire is 1"
TAKEN = "fills are within what is offered"
SLIPPAGE = "the slippage is within its limit"

Step = tuple[Pool, Address, Address, int | None]  # input, or None for all that is there


def swaps(steps: Sequence[Step], held: Counter[Address]) -> tuple[Swap, ...]:
    """Returns the steps as the pools' code answers them; `held` is then what is there after."""
    made: list[Swap] = []
    pools: dict[Address, Pool] = {}
    for pool, token_in, token_out, amount in steps:
        now = pools.get(pool.address, pool)
        given = held[token_in] if amount is None else amount
        out = curves.amount_out(now, (token_in, token_out), given)
        pools[pool.address] = curves.after(now, (token_in, token_out), given)
        made.append(Swap(pool.venue, pool.address, token_in, token_out, given, out))
        held.update({token_in: -given, token_out: out})
    return tuple(made)


def proved(programs, snapshot, drafts, accounts, rows=None, **claimed) -> tuple[Solution, ...]:
    """Returns the drafts with their net costs and one certificate at the world's own prices."""
    costed = [
        draft._replace(net_cost=tally.costs(program, snapshot, draft)[0])
        for program, draft in zip(programs, drafts, strict=True)
    ]
    marginal = (PRICES if any(draft.outs for draft in drafts) else {}, rows or {})
    certificate = proof(programs, snapshot, costed, accounts, marginal, **claimed)
    return tuple(draft._replace(certificate=certificate) for draft in costed)


def routed(program: Program, snapshot: Snapshot, steps: Sequence[Step], **claimed) -> Solution:
    """Returns the swap of an exact input by these steps, FEE held back where it can be."""
    sell, buy = program.sells[0], program.buys[0]
    held = Counter({sell.token: sell.amount_max})
    fees = Counter({USDC.address: FEE} if USDC.address in (sell.token, buy.token) else {})
    held[sell.token] -= fees[sell.token]
    made = swaps(steps, held)
    pulls = (Pull(sell.leg, sell.token, sell.amount_max, True),)
    outs = (Out(buy.leg, buy.token, held[buy.token] - fees[buy.token]),)
    fee = fees[USDC.address]
    draft = Solution(snapshot.hash, pulls, made, outs, (), fee, 0, UNPROVEN)
    return proved((program,), snapshot, (draft,), (Account(program.account),), **claimed)[0]


def reclaimed(solution: Solution, **changes) -> Solution:
    """Returns the solution with another claim, its gap as value and bound have it."""
    claim = solution.certificate._replace(**changes)
    if "gap_ppm" not in changes:
        claim = claim._replace(gap_ppm=duality.gap_ppm(claim.value, claim.bound))
    return solution._replace(certificate=claim)


def at(solution, field, index=0, **changes):
    """The solution with one of its pulls, swaps, outs or fills changed."""
    items = list(getattr(solution, field))
    items[index] = items[index]._replace(**changes)
    return solution._replace(**{field: tuple(items)})


def priced(solution, token, price):
    prices = dict(solution.certificate.token_prices) | {token.address: price}
    return reclaimed(solution, token_prices=tuple(sorted(prices.items())))


def refused(claim):
    return pytest.raises(Unproven, match=re.escape(claim))


# ---- one swap over many steps

SNAPSHOT = world.snapshot()
WALLET = world.account()
V2, DAI_V2, V3, V3_DAI, V3_STABLE, V3_BTC, BTC_V2 = (
    world.POOLS[i] for i in (0, 1, 5, 8, 10, 11, 4)
)
SWAP = world.swap(WETH, USDC, 200 * WAD, 700_000 * 10**6)
ROUTED = routed(
    SWAP,
    SNAPSHOT,
    (
        (V2, WETH.address, USDC.address, 2 * WAD),
        (V3_DAI, WETH.address, DAI.address, 20 * WAD),
        (V3_BTC, WETH.address, WBTC.address, 10 * WAD),
        (V3, WETH.address, USDC.address, 160 * WAD),
        (V3_STABLE, DAI.address, USDC.address, None),
        (BTC_V2, WBTC.address, USDC.address, None),
        (V2, WETH.address, USDC.address, None),  # a pool of two may be used again
    ),
)

# ---- two opposite swaps in one settlement: what the pools need not see, and the rest

SELLER = world.swap(WETH, USDC, 25 * WAD, 80_000 * 10**6)
BUYER = world.swap(USDC, WETH, 36_000 * 10**6, 9 * WAD, who=BOB)
BOTH, PAIR_ACCOUNTS = (SELLER, BUYER), (world.account(), world.account(BOB))


def _netted() -> tuple[Solution, ...]:
    held = Counter({WETH.address: 15 * WAD})
    made = swaps([(V3, WETH.address, USDC.address, None)], held)
    outs = 36_000 * 10**6 - FEE + held[USDC.address] - FEE, 10 * WAD
    one = Solution(
        SNAPSHOT.hash,
        (Pull(0, WETH.address, 25 * WAD, True),),
        (),
        (Out(1, USDC.address, outs[0]),),
        (),
        FEE,
        0,
        UNPROVEN,
    )
    other = one._replace(
        pulls=(Pull(0, USDC.address, 36_000 * 10**6, True),),
        swaps=made,
        outs=(Out(1, WETH.address, outs[1]),),
    )
    return proved(BOTH, SNAPSHOT, (one, other), PAIR_ACCOUNTS)


NETTED = _netted()

# ---- calls sold against held ETH, hedged by the perp

CALL = world.covered_call(4_000)
HOLDER = world.account(eth=10)
ROWS = {"delta:max": 1_080_000 * WAD, "leg:0:max": 126_708_856 * WAD}
SOLD = proved(
    (CALL,),
    SNAPSHOT,
    (
        Solution(
            SNAPSHOT.hash,
            (),
            (),
            (),
            (
                Fill(0, call(4_000), -10 * WAD, 126_365 * 10**15, MAKER),
                Fill(1, PERP, -6_717 * 10**15, 3_598_920 * 10**15, MAKER),
            ),
            900_000,
            0,
            UNPROVEN,
        ),
    ),
    (HOLDER,),
    ROWS,
)[0]

# ---- ETH bought from the wallet into the account, calls sold against it

MIXED = Program(
    ALICE,
    ZERO_ADDRESS,
    sells=world.swap(USDC, WETH, 40_000 * 10**6).sells,
    buys=world.swap(USDC, WETH, 40_000 * 10**6, 10 * WAD).buys,
    collateral=(CollateralFlow(3, WETH.address, "auto", 10 * WAD, 20 * WAD),),
    exposures=(Exposure(2, "sell", (call(4_000),), 10 * WAD, 10 * WAD, 126 * WAD),),
    delta=DeltaBox(world.ETH, 8 * WAD, WAD),
    limits=world.limits(),
    is_from_wallet=True,
)


def _mixed() -> Solution:
    bought = routed(MIXED, SNAPSHOT, [(V3, USDC.address, WETH.address, None)])
    fills = (Fill(2, call(4_000), -10 * WAD, 126_365 * 10**15, MAKER),)
    draft = bought._replace(fills=fills, certificate=UNPROVEN)
    return proved((MIXED,), SNAPSHOT, (draft,), (WALLET,), {"leg:2:max": 126 * 10**6 * WAD})[0]


BOUGHT = _mixed()
