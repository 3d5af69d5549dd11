"""Random swaps of random real pools, family by family: what we say against what the chain says."""

import random
from collections.abc import Callable, Iterator
from math import log10
from typing import NamedTuple

from eth_abi.abi import decode

from solver.domain.errors import Infeasible
from solver.domain.market import Pool
from solver.domain.numbers import WAD
from solver.routing import curves
from solver.routing.curves.balancer import BALANCE_MAX
from solver.routing.curves.ticks import RATIO_MAX, RATIO_MIN, ratio_at
from tests.solver.routing.curves import evm as chain
from tests.solver.routing.curves import evm_balancer, evm_v4

POOLS_MAX, SWAPS_A_POOL_MIN = 40, 80  # of Uniswap: each is set up on the chain anew
TIERS = ((500, 10), (3000, 60), (10_000, 200))
SPACINGS = (8, 10, 60, 200, 2000, 32767)
V4_FEES = (0, 100, 500, 3000, 123_456, 950_000)
WEIGHTS = ((50, 50), (80, 20), (20, 80), (33, 67), (1, 99), (25, 25, 30, 20), (50, 25, 25))
AMPLIFICATIONS = (1, 37, 200, 1000, 5000)
PART_MAX = 0.3  # the largest swap is 10**0.3, twice the balance: some must be refused


class Swap(NamedTuple):
    """One swap of `pool`, how to ask the chain for it and how to read what it answers."""

    pool: Pool
    pair: curves.Pair
    amount: int
    is_exact_in: bool
    call: tuple
    read: Callable[[bytes | None], int | None]
    sender: str | None = None

    def ours(self) -> int | None:
        """Returns our amount, None for a refusal."""
        quote = curves.amount_out if self.is_exact_in else curves.amount_in
        try:
            return quote(self.pool, self.pair, self.amount)
        except Infeasible:
            return None


class Tally(NamedTuple):
    """How many swaps were done and refused, and each on which the chain disagrees."""

    done: int
    refused: int
    mismatches: list


def compare(evm: chain.Evm, swaps: list[Swap]) -> Tally:
    """Asks the chain for every swap at once and holds our answers against it."""
    sender = swaps[0].sender
    raws = evm.call_many([swap.call for swap in swaps], sender=sender)
    told = [swap.read(raw) for swap, raw in zip(swaps, raws, strict=True)]
    mismatches = [
        (swap.pool, swap.pair, swap.amount, swap.is_exact_in, ours, theirs)
        for swap, theirs in zip(swaps, told, strict=True)
        if (ours := swap.ours()) != theirs
    ]
    refused = told.count(None)
    return Tally(len(told) - refused, refused, mismatches)


def amount_of(draw: random.Random, most: float) -> int:
    return int(10 ** draw.uniform(0, most))


def _shares(count):
    """Yields (index, swaps) of each pool that shares `count` swaps."""
    pools = min(POOLS_MAX, -(-count // SWAPS_A_POOL_MIN))
    yield from enumerate([-(-count // pools)] * pools)


def drawn(draw, pool):
    """Returns (pair, is exact in) of a pool of two."""
    pair = pool.tokens if draw.random() < 0.5 else pool.tokens[::-1]
    return pair, draw.random() < 0.5


def uniswap_v2(evm: chain.Evm, draw: random.Random, count: int) -> Iterator[Swap]:
    swap = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
    for _, swaps in _shares(count):
        reserves = (10**4 + amount_of(draw, 26), 10**4 + amount_of(draw, 26))
        router, pool = chain.constant_product(evm, *reserves)
        for _ in range(swaps):
            pair, is_in = drawn(draw, pool)
            held = reserves[pool.tokens.index(pair[1])]
            amount = amount_of(draw, 25 if is_in else log10(held) + 0.1)
            call: tuple = (router, "getAmountsIn(uint256,address[])", (amount, list(pair)))
            if is_in:
                call = (router, swap, (amount, 0, list(pair), evm.owner, 2**40))
            yield Swap(pool, pair, amount, is_in, call, _v2_out if is_in else _v2_in)


def _v2_out(raw):
    return 0 if raw is None else decode(["uint256[]"], raw)[0][1]  # it refuses to give nothing


def _v2_in(raw):
    return None if raw is None else decode(["uint256[]"], raw)[0][0]


def uniswap_v3(evm: chain.Evm, draw: random.Random, count: int) -> Iterator[Swap]:
    terms = "((address,address,uint256,uint24,uint160))"
    for _, swaps in _shares(count):
        fee_ppm, spacing = draw.choice(TIERS)
        positions = _positions(draw, spacing, 24)
        quoter, pool = chain.concentrated(evm, fee_ppm, spacing, positions)
        for _ in range(swaps):
            (pair, is_in), amount = drawn(draw, pool), amount_of(draw, 25)
            name = f"quoteExact{'In' if is_in else 'Out'}putSingle{terms}"
            call = (quoter, name, ((*pair, amount, fee_ppm, 0),))
            yield Swap(pool, pair, amount, is_in, call, _v3_whole)


def _positions(draw, spacing, most):
    span, positions = min(700, 887272 // spacing), []
    for _ in range(14):
        lower, upper = sorted(draw.sample(range(-span, span + 1), 2))
        positions.append((lower * spacing, upper * spacing, 10**12 + amount_of(draw, most)))
    return positions


def _v3_whole(raw):
    if raw is None:
        return None
    told, ratio = decode(["uint256", "uint160"], raw[:64])
    return None if ratio in (RATIO_MIN + 1, RATIO_MAX - 1) else told  # a part; we never take one


def uniswap_v4(evm: chain.Evm, draw: random.Random, count: int) -> Iterator[Swap]:
    core = evm_v4.core(evm)
    for index, swaps in _shares(count):
        spacing = SPACINGS[index % len(SPACINGS)]
        fee_ppm = draw.choice(V4_FEES) + index  # one pool to a fee and spacing
        fee_ppm = 10**6 if index == len(SPACINGS) else fee_ppm
        terms = (fee_ppm, spacing, draw.choice((0, 250, 1000)))
        start = ratio_at(draw.randrange(-300, 300)) + draw.randrange(10**6)
        key, pool = evm_v4.pool(evm, core, terms, start, _positions(draw, spacing, 22))
        for _ in range(swaps):
            (pair, is_in), amount = drawn(draw, pool), amount_of(draw, 25)
            call = evm_v4.quote(core, key, pair == pool.tokens, amount, is_in)
            yield Swap(pool, pair, amount, is_in, call, _first)


def _first(raw):
    return None if raw is None else int.from_bytes(raw[:32], "big")


def weighted(evm: chain.Evm, draw: random.Random, count: int) -> Iterator[Swap]:
    vault = evm_balancer.vault(evm)
    made = []
    for folder, (edition, extras) in evm_balancer.WEIGHTED.items():
        maker = evm_balancer.factory(evm, vault, folder, "WeightedPoolFactory", extras)
        for weights in WEIGHTS:
            chosen = evm_balancer.draw_tokens(draw, vault, len(weights))
            parts = [weight * WAD // 100 for weight in weights]
            terms = (edition, parts, draw.randrange(10**12, 10**17))
            made.append(evm_balancer.weighted(evm, vault, maker, chosen, terms))
    yield from _balancer(evm, draw, count, (vault, made))


def stable(evm: chain.Evm, draw: random.Random, count: int) -> Iterator[Swap]:
    vault = evm_balancer.vault(evm)
    made = []
    for folder, (edition, extras) in evm_balancer.STABLE.items():
        name = f"{'Composable' * bool(extras)}StablePoolFactory"
        maker = evm_balancer.factory(evm, vault, folder, name, extras)
        for amplification in AMPLIFICATIONS:
            chosen = evm_balancer.draw_tokens(draw, vault, draw.randint(2, 4))
            rates = [draw.choice((WAD, draw.randrange(WAD, 2 * WAD))) for _ in chosen]
            fee = draw.randrange(10**12, 10**17)
            terms = (edition, amplification, fee, rates if extras else None)
            made.append(evm_balancer.stable(evm, vault, maker, chosen, terms))
    yield from _balancer(evm, draw, count, (vault, made))


def _balancer(evm, draw, count, there):
    vault, made = there
    for index in range(count):
        deployed, pool = made[index % len(made)]
        size = 10 ** draw.uniform(1, 7)
        spread = draw.choice((1, 1, 2, 4))
        balances = tuple(
            1 + int(size * 10 ** draw.uniform(-spread, spread) * 10**36 / scaling)
            for scaling in pool.scalings
        )
        pool = pool._replace(balances=balances)
        pair, is_in = tuple(draw.sample(pool.tokens, 2)), draw.random() < 0.5
        held = balances[pool.tokens.index(pair[0 if is_in else 1])]
        amount = 1 + int(held * 10 ** draw.uniform(-9, PART_MAX))
        call = evm_balancer.on_swap(evm, deployed, pool, pair, amount, is_in)
        room = BALANCE_MAX - balances[pool.tokens.index(pair[0])]
        most = 2**256 if is_in else room  # the vault, not the pool, refuses a cost above it
        read = _limited(most)
        yield Swap(pool, pair, amount, is_in, call, read, vault.address)


def _limited(most):
    return lambda raw: None if raw is None or int.from_bytes(raw, "big") > most else _first(raw)


FAMILIES = {
    family.__name__: family for family in (uniswap_v2, uniswap_v3, uniswap_v4, weighted, stable)
}
