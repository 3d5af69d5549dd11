"""Every family's integers against its contracts' bytecode, swap by random swap: no mismatch."""

import random

import pytest
from eth_abi.abi import decode

from solver.domain.numbers import WAD
from solver.routing import curves
from solver.routing.curves.ticks import ratio_at
from tests.devnet_fixture import require_anvil
from tests.solver.routing.curves import evm as chain
from tests.solver.routing.curves import evm_balancer, evm_v4
from tests.solver.routing.curves.swaps import FAMILIES, compare

DAY, NIGHT = 500, 15_000  # swaps, of which at least two thirds must not be refused
FUNDS = "(address,bool,address,bool)"
BATCH = f"queryBatchSwap(uint8,(bytes32,uint256,uint256,uint256,bytes)[],address[],{FUNDS})"


@pytest.fixture(scope="module")
def evm():
    require_anvil()
    running = chain.Evm()
    yield running
    running.close()


def run(evm, family, count, seed):
    tally = compare(evm, list(FAMILIES[family](evm, random.Random(f"{family} {seed}"), count)))
    assert tally.mismatches[:3] == []
    assert tally.done >= count * 2 // 3
    return tally


@pytest.mark.parametrize("family", FAMILIES)
def test_random_swaps_are_the_chains(evm, family):
    run(evm, family, DAY, "day")


@pytest.mark.night
@pytest.mark.parametrize("family", FAMILIES)
def test_ten_thousand_swaps_are_the_chains(evm, family, record_property):
    tally = run(evm, family, NIGHT, "night")
    assert tally.done >= 10_000 or tally.done + tally.refused >= 10_000
    record_property(family, f"{tally.done} done, {tally.refused} refused, 0 mismatches")


def test_a_v4_pool_is_left_as_we_say(evm):
    core = evm_v4.core(evm)
    positions = [(-6000, 6000, 10**20), (-600, 300, 10**20), (-120, 60, 10**21)]
    key, pool = evm_v4.pool(evm, core, (3000, 60, 700), ratio_at(-7) + 99, positions)
    assert pool.fee_ppm == 3698
    for is_down, amount in ((True, 10**18), (False, 5 * 10**18), (True, 7), (True, 10**17)):
        pair = pool.tokens if is_down else pool.tokens[::-1]
        evm_v4.swap(evm, core, key, is_down, amount)
        pool = curves.after(pool, pair, amount)
        assert pool == evm_v4.load(evm, core, key, [tick for tick, _ in pool.ticks])


def test_the_vault_answers_what_its_pools_do(evm):
    draw, vault = random.Random(4), evm_balancer.vault(evm)
    chosen = evm_balancer.draw_tokens(draw, vault, 3)
    balances = tuple(draw.randrange(1, 10**3) * 10**decimals for _, decimals in chosen)
    maker = evm_balancer.factory(evm, vault, "20230206-weighted-pool-v3", "WeightedPoolFactory", 3)
    weights = [WAD // 2, WAD // 4, WAD // 4]
    made = [evm_balancer.weighted(evm, vault, maker, chosen, (2, weights, 10**15))]
    folder = "20230206-composable-stable-pool-v3"
    maker = evm_balancer.factory(evm, vault, folder, "ComposableStablePoolFactory", 3)
    terms = (2, 100, 10**15, [WAD, WAD * 11 // 10, WAD])
    made.append(evm_balancer.stable(evm, vault, maker, chosen, terms))
    for deployed, empty in made:
        pool = empty._replace(balances=balances)
        evm_balancer.join(evm, vault, deployed, pool)
        for is_in in (True, False):
            for pair in ((i, j) for i in range(3) for j in range(3) if i != j):
                amount = balances[pair[0 if is_in else 1]] // 10
                names = (pool.tokens[pair[0]], pool.tokens[pair[1]])
                step = (deployed.name, *pair, amount, b"")
                funds = (evm.owner, False, evm.owner, False)
                (deltas,) = evm.call(
                    vault.address,
                    BATCH,
                    int(not is_in),
                    [step],
                    list(pool.tokens),
                    funds,
                    answer=["int256[]"],
                )
                if is_in:
                    assert -deltas[pair[1]] == curves.amount_out(pool, names, amount)
                else:
                    assert deltas[pair[0]] == curves.amount_in(pool, names, amount)


def test_the_vault_keeps_the_balances_we_say(evm):
    draw, vault = random.Random(9), evm_balancer.vault(evm)
    chosen = evm_balancer.draw_tokens(draw, vault, 2)
    folder = "20230206-weighted-pool-v3"
    maker = evm_balancer.factory(evm, vault, folder, "WeightedPoolFactory", 3)
    terms = (2, [WAD * 4 // 5, WAD // 5], 3 * 10**15)
    deployed, pool = evm_balancer.weighted(evm, vault, maker, chosen, terms)
    pool = pool._replace(balances=tuple(5 * 10**decimals for _, decimals in chosen))
    evm_balancer.join(evm, vault, deployed, pool)
    amount = pool.balances[0] // 7
    evm.send(
        vault.address,
        f"swap((bytes32,uint8,address,address,uint256,bytes),{FUNDS},uint256,uint256)",
        (deployed.name, 0, *pool.tokens, amount, b""),
        (evm.owner, False, evm.owner, False),
        0,
        2**40,
    )
    (raw,) = evm.call_many([(vault.address, "getPoolTokens(bytes32)", (deployed.name,))])
    _, held, _ = decode(["address[]", "uint256[]", "uint256"], raw)
    assert held == curves.after(pool, pool.tokens, amount).balances
