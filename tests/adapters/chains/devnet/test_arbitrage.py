"""After a large trade the pools come back to the feeds' prices, and no further than it pays."""

from adapters.chains.abi import artifact
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.tokens import atoms_of_usd, transfer
from adapters.registry import PoolReader, encode_step
from solver.domain.market import ConcentratedPool, ConstantProductPool
from solver.domain.route import Swap
from solver.routing import curves


async def prices_of(devnet):
    """Returns token1 per token0 of every pool, as a ratio of its first one."""
    head = await devnet.chain.head()
    pools = await PoolReader(devnet.chain, devnet.deployment.pools).read(head.number)
    return [
        (pool.sqrt_price_x96 / 2**96) ** 2
        if isinstance(pool, ConcentratedPool)
        else pool.reserve1 / pool.reserve0
        for pool in pools
        if isinstance(pool, ConcentratedPool | ConstantProductPool)
    ], pools


async def test_pools_at_rest_offer_nothing(devnet):
    assert await devnet.level_pools() == 0


async def test_pools_come_back_after_a_large_trade(devnet):
    first, pools = await prices_of(devnet)
    deployment, weth = devnet.deployment, devnet.deployment.token("WETH")
    builder = Builder(devnet.chain, devnet.keys["maker"].address)
    settlement = deployment.settlement
    await devnet.chain.rpc.request("anvil_impersonateAccount", settlement)
    await devnet.chain.rpc.request("anvil_setBalance", settlement, hex(10**20))
    await builder.prepare()
    run = artifact("Router").interface.functions["run"]
    for pool in pools:
        if weth.address not in pool.tokens:
            continue
        amount = atoms_of_usd(weth, 400_000)
        out = curves.amount_out(pool, curves.pair_from(pool, weth.address), amount)
        bought = curves.other_token(pool, weth.address)
        step = encode_step(
            Swap(pool.venue, pool.address, weth.address, bought, amount, out), deployment.router
        )
        data = run.encode([tuple(step)])
        await builder.send([transfer(weth, deployment.router, amount)])
        await builder.send([Tx(deployment.router, data, sender=settlement)])
    moved, _ = await prices_of(devnet)
    assert max(abs(b / a - 1) for a, b in zip(first, moved, strict=True)) > 0.02
    assert await devnet.level_pools() > 5
    await builder.mine()
    back, pools = await prices_of(devnet)
    for before, after, pool in zip(first, back, pools, strict=True):
        assert abs(after / before - 1) < pool.fee_ppm / 1e6 + 0.002
    assert await devnet.level_pools() == 0
