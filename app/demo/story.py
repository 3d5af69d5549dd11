"""The scenes: collateral, covered calls, a condor, swaps, an expiry, and a recorded market."""

import asyncio
import contextlib
import os
import pathlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple

from adapters.chains.devnet import dev_keys
from adapters.chains.evm import EvmChain
from app.demo import receipt, show
from app.demo.client import Client, Json, Outcome
from app.demo.expiry import Expired, travelled
from app.demo.single import best_single_pool
from app.local import RecordedChain, Stack, fresh_folder, stack
from solver.domain.errors import SolventError
from solver.domain.numbers import format_decimal, parse_decimal
from solver.intents import examples

FOLDER, RECORDED_FOLDER = pathlib.Path("var/demo"), pathlib.Path("var/demo-recorded")
VERIFIER = pathlib.Path("tests/e2e/verify_receipt.mjs")
CALL_DAYS, CALL_ABOVE_PERCENT = 35, 10  # which call is sold: about so far off, so far above
SWAP_USDC = "400000"
RECORDED = pathlib.Path("data/options/deribit_chain_snapshots.parquet")
RECORDED_AT = datetime(2026, 2, 5, 9, 36, tzinfo=UTC)
QUARTER = {"delta": "0.25", "tenorDays": [20, 40]}
TRIES = 3  # of meeting in one block: the chain, not we, decides where a block ends


class Cast(NamedTuple):
    """Who acts, on what, and what the receipt will say."""

    running: Stack
    chain: EvmChain
    alice: Client
    bob: Client
    rows: list[Json]
    expiries: list[Json]


async def run(path: pathlib.Path, as_of: int | None) -> int:
    """Returns the exit code: 0 when every scene settled and the verifier agreed."""
    began = time.monotonic()
    try:
        async with contextlib.AsyncExitStack() as exits:
            cast = await exits.enter_async_context(cast_on(FOLDER, as_of))
            await tell(cast)
            await held_to_expiry(cast)
            runs = [receipt_of(cast, "local chain")]
            if option_chain := recorded_chain():
                market = await exits.enter_async_context(recorded(RECORDED_FOLDER, option_chain))
                runs.append(receipt_of(market, "recorded options"))
            receipt.write(path, runs)
            show.title(f"{path} re-read from the chain by viem, without any code of ours")
            code = await verify(path)
    except SolventError as error:
        show.title(f"stopped: {error.detail}")
        return 1
    show.line(f"{time.monotonic() - began:.0f} s in all")
    return code


async def verify(path: pathlib.Path) -> int:
    """Returns the verifier's exit code; its words go where ours go."""
    process = await asyncio.create_subprocess_exec("node", str(VERIFIER), str(path))
    return await process.wait()


@contextlib.asynccontextmanager
async def cast_on(
    folder: pathlib.Path, as_of: int | None = None, option_chain: RecordedChain | None = None
) -> AsyncIterator[Cast]:
    """Yields the actors on a stack of their own."""
    keys = dev_keys()
    async with contextlib.AsyncExitStack() as exits:
        running = await exits.enter_async_context(
            stack(fresh_folder(folder), as_of=as_of, option_chain=option_chain, tell=show.line)
        )
        chain = await exits.enter_async_context(EvmChain(running.rpc_url))
        alice = await exits.enter_async_context(Client(running.api_url, keys["alice"]))
        bob = await exits.enter_async_context(Client(running.api_url, keys["bob"]))
        yield Cast(running, chain, alice, bob, [], [])


def receipt_of(cast: Cast, name: str) -> Json:
    """Returns what the receipt says of one chain."""
    where = cast.running
    return receipt.run(name, where.rpc_url, where.deployment, cast.rows, cast.expiries)


async def tell(cast: Cast) -> None:
    """Plays every scene; each adds its settlement to the receipt."""
    await scene(cast, cast.alice, "Alice deposits 12 WETH (Permit2, one signature)", DEPOSIT_WETH)
    await scene(cast, cast.alice, "Alice deposits 5,000 USDC", DEPOSIT_USDC)
    call = await listed_call(cast.alice)
    title = f"Alice sells 10 covered calls {call}, at least 280 USDC net"
    await scene(cast, cast.alice, title, covered(call))
    await scene(cast, cast.bob, "Bob deposits 12 WETH", DEPOSIT_WETH)
    title = "Bob sells 10 covered calls, delta-neutral within 0.1"
    await scene(cast, cast.bob, title, neutral(call))
    await scene(cast, cast.bob, "Bob sells 2 iron condors, chosen by delta and tenor", CONDOR)
    await swap(cast)
    await opposites(cast)
    await scene(cast, cast.alice, "Alice withdraws 1,000 USDC", WITHDRAW)


async def held_to_expiry(cast: Cast) -> None:
    """Buys a call, waits for its expiry, and is paid: nobody acts but the keeper."""
    bought = await scene(cast, cast.alice, "Alice buys 2 calls and holds them to expiry", CALLS)
    show.title("The chain moves past the expiry: the keeper fixes the price and pays")
    expired: Expired = await travelled(cast.running, cast.alice, bought)
    for label, text in expired.told:
        show.line(label, text)
    cast.expiries.append(expired.row)


def recorded_chain() -> RecordedChain | None:
    """Returns options as they were quoted on a day of 2026, where they are at hand."""
    path = pathlib.Path(os.environ.get("SOLVENT_SHARED", "../shared")) / RECORDED
    show.title("Alice sells 10 covered calls to a recorded market, chosen by delta and tenor")
    if path.is_file():
        return RecordedChain(path, int(RECORDED_AT.timestamp()))
    show.line("skipped: no recorded chain here; SOLVENT_SHARED names the folder that holds one")
    return None


@contextlib.asynccontextmanager
async def recorded(folder: pathlib.Path, option_chain: RecordedChain) -> AsyncIterator[Cast]:
    """Sells a covered call by delta to a recorded market; yields its actors."""
    async with cast_on(folder, option_chain=option_chain) as cast:
        await scene(cast, cast.alice, "Alice deposits 12 WETH", DEPOSIT_WETH)
        title = "Alice sells 10 calls of delta 0.25 and 20 to 40 days, at least 280 USDC net"
        request, terms = covered(QUARTER)
        await scene(cast, cast.alice, title, (request, terms | {"maxMarginUsed": "9000"}))
        yield cast


Wanted = tuple[Json, Json]
DEPOSIT_WETH: Wanted = (
    {"outcome": "deposit", "token": "WETH", "amount": "12"},
    {"scheme": "permit2"},
)
DEPOSIT_USDC: Wanted = (
    {"outcome": "deposit", "token": "USDC", "amount": "5000"},
    {"scheme": "permit2", "maxFee": "5"},
)
WITHDRAW: Wanted = (
    {"outcome": "withdraw", "token": "USDC", "amount": "1000"},
    {"maxFee": "5", "minHealth": "1.1"},
)


CALLS: Wanted = (
    {
        "outcome": "buyOption",
        "underlying": "ETH",
        "instrument": {"right": "call", "delta": "0.5", "tenorDays": [0, 9]},
        "size": "2",
    },
    {"slippageBps": "100", "maxFee": "5"},
)
_CONDOR = examples()["ironCondor"]
CONDOR: Wanted = (
    _CONDOR["request"],
    {name: value for name, value in _CONDOR["terms"].items() if name != "owner"},
)


def covered(call: str | Json) -> Wanted:
    """Returns a covered call on 10 ETH, as a front end would ask for it."""
    request = {"outcome": "coveredCall", "underlying": "ETH", "size": "10", "instrument": call}
    terms = {"slippageBps": "30", "maxFee": "5", "maxMarginUsed": "20000", "minHealth": "1.1"}
    return request | {"minNetPremium": "280"}, terms


def neutral(call: str) -> Wanted:
    """Returns the same with a perp that leaves no delta."""
    request, terms = covered(call)
    return request | {"deltaNeutral": True, "deltaTolerance": "0.1"}, terms


async def listed_call(client: Client) -> str:
    """Returns the listed call nearest to what the demo sells, whatever the day is."""
    rows = (await client.get("/v1/instruments"))["instruments"]
    now = int((await client.get("/v1/time"))["unix"])
    spot = next(float(row["mark"]) for row in rows if row["instrument"] == "ETH-PERP")

    def distance(row: Json) -> tuple[float, float]:
        days = (datetime.fromisoformat(row["expiry"]).timestamp() - now) / 86_400
        wanted = spot * (100 + CALL_ABOVE_PERCENT) / 100
        return abs(days - CALL_DAYS), abs(float(row["strike"]) - wanted)

    calls = [r for r in rows if r["kind"] == "call" and r["underlying"] == "ETH" and r["bid"]]
    return str(min(calls, key=distance)["instrument"])


async def scene(cast: Cast, client: Client, title: str, wanted: Wanted) -> Outcome:
    """Quotes, shows, signs, follows to the end and keeps one outcome."""
    show.title(title)
    quote = await client.quote(*wanted)
    show.quote_of(quote, cast.running.deployment.tokens)
    return await _settle(cast, client, title, quote)


async def _settle(cast: Cast, client: Client, title: str, quote: Json) -> Outcome:
    outcome = await client.follow(quote)
    _require_settled(outcome)
    await _keep(cast, client, title, outcome)
    return outcome


async def _keep(cast: Cast, client: Client, title: str, outcome: Outcome) -> None:
    show.outcome_of(outcome, cast.running.deployment.settlement_token.decimals)
    cast.rows.append(await receipt.row(title, outcome, client, cast.chain, cast.running.deployment))


def _require_settled(outcome: Outcome) -> None:
    intent = outcome.intent
    if intent["state"] != "settled":
        told = f"{intent['state']} {intent['code']} {intent['detail']}"
        raise SolventError(f"the intent ended {told}")


async def swap(cast: Cast) -> None:
    """A size at which one pool is not enough: quoted = paid to the wei, beside the best pool."""
    title = f"Alice swaps {SWAP_USDC} USDC for WETH: split over pools"
    show.title(title)
    tokens = cast.running.deployment
    usdc, weth = tokens.token("USDC"), tokens.token("WETH")
    terms = {"scheme": "permit2", "slippageBps": "200", "maxFee": "20"}
    wanted = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "sellAmount": SWAP_USDC}
    holder = cast.alice.holder.address
    quote = await cast.alice.quote(wanted, terms | {"receiver": holder})
    show.quote_of(quote, tokens.tokens)
    spent = parse_decimal(SWAP_USDC, usdc.decimals) - parse_decimal(quote["fee"], usdc.decimals)
    single = await best_single_pool(cast.chain, tokens, (usdc, weth), spent)
    split = quote["outs"][0]["amount"]
    show.line("best single pool", f"{format_decimal(single, weth.decimals)} WETH")
    show.line("split", f"{split} WETH")
    if parse_decimal(split, weth.decimals) <= single:
        raise SolventError("splitting did not beat the best single pool")
    outcome = await _settle(cast, cast.alice, title, quote)
    paid = next(w["delta"] for w in cast.rows[-1]["wallet"] if w["token"] == weth.address)
    if paid != str(parse_decimal(split, weth.decimals)):
        raise SolventError(f"quoted {split} WETH and paid {paid} wei")
    cast.rows[-1]["bestSinglePool"] = str(single)
    show.line("quoted = paid", f"{paid} wei in {outcome.intent['txHash'][:18]}…")


async def opposites(cast: Cast) -> None:
    """Two opposite swaps that meet in one transaction."""
    title = "Alice sells 20 WETH while Bob buys WETH: one transaction"
    show.title(title)
    terms = {"scheme": "permit2", "slippageBps": "100", "maxFee": "20"}
    pairs = [("WETH", "USDC", "20", cast.alice), ("USDC", "WETH", "50000", cast.bob)]
    for _ in range(TRIES):
        quotes = [
            await client.quote(
                {"outcome": "swap", "sellToken": sell, "buyToken": buy, "sellAmount": amount},
                terms | {"receiver": client.holder.address},
            )
            for sell, buy, amount, client in pairs
        ]
        for quote in quotes:
            show.quote_of(quote, cast.running.deployment.tokens)
        outcomes = await asyncio.gather(
            *(client.follow(quote) for (*_, client), quote in zip(pairs, quotes, strict=True))
        )
        for (sell, *_, client), outcome in zip(pairs, outcomes, strict=True):
            _require_settled(outcome)
            await _keep(cast, client, f"{title} ({sell})", outcome)
        if len({outcome.intent["txHash"] for outcome in outcomes}) == 1:
            return
        show.line("a block ended between the two; once more")
    raise SolventError("the opposite intents never met in one block")
