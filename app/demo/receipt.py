"""What the service says happened, in a file that a stranger can check against the chain.

Every figure is the service's own: fills and cash from its ledger's events, margin from its own
SIMPLE on the folded account. `tests/e2e/verify_receipt.mjs` reads the same from the chain.
"""

import json
import pathlib
from typing import Any

from adapters.chains import settlement as codec
from adapters.chains.deployment import Deployment
from adapters.chains.evm import EvmChain
from app.demo.client import Client, Json, Outcome
from solver.domain.account import Account
from solver.domain.event import Event, event_of
from solver.domain.ids import AccountId, Address, IntentUid
from solver.domain.instrument import Instrument
from solver.domain.intent import NO_DELTA_LIMIT
from solver.domain.numbers import parse_decimal
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import Surface
from solver.ledger import fold
from solver.margin.simple import figures

LOG_OF_EVENT = {
    "LegFilled": ("Traded", ("instrument", "price")),
    "CashMoved": ("CashMoved", ("amount",)),
    "BaseMoved": ("BaseMoved", ("instrument", "quantity")),
    "IntentSettled": ("Settled", ("netCost", "fee", "fraction")),
}


def write(path: pathlib.Path, runs: list[Json]) -> None:
    """Writes the receipt of everything that was told, one run a chain."""
    path.write_text(json.dumps({"version": 2, "runs": runs}, indent=1) + "\n")


def run(
    name: str, rpc_url: str, deployment: Deployment, rows: list[Json], expiries: list[Json]
) -> Json:
    """Returns what happened on one chain, with where to read it again."""
    token = deployment.settlement_token
    return {
        "name": name,
        "rpcUrl": rpc_url,
        "chainId": deployment.chain_id,
        "contracts": {
            "settlement": deployment.settlement,
            "clearinghouse": deployment.clearinghouse,
            "attestation": deployment.attestation,
            "permit2": deployment.permit2,
            "quoteToken": token.address,
            "quoteDecimals": token.decimals,
        },
        "feeds": {str(market.market): market.feed for market in deployment.markets},
        "settlements": rows,
        "expiries": expiries,
    }


async def row(
    name: str, outcome: Outcome, client: Client, chain: EvmChain, deployment: Deployment
) -> Json:
    """Returns one settlement as the service knows it."""
    quote, uid = outcome.quote, IntentUid.parse(outcome.uid)
    account = AccountId(deployment.chain_id, uid.owner, int(quote["intent"]["subaccount"]))
    history = await _history(client, account)
    ours = [e for e in history if e["body"].get("txHash") == outcome.intent["txHash"]]
    ours = [e for e in ours if e["type"] in LOG_OF_EVENT]
    ours.sort(key=lambda e: int(e["body"]["logIndex"]))
    settled = next(e["body"] for e in ours if e["type"] == "IntentSettled")
    mined = await chain.receipt(outcome.intent["txHash"])
    assert mined is not None, "a settled intent's transaction is in a block"
    block = mined.block_number
    fills = [e["body"] for e in ours if e["type"] == "LegFilled"]
    first, last = int(ours[0]["seq"]), int(ours[-1]["seq"])
    return {
        "name": name,
        "uid": outcome.uid,
        "digest": "0x" + uid.digest.hex(),
        "scheme": quote["scheme"],
        "owner": uid.owner,
        "subaccount": quote["intent"]["subaccount"],
        "intent": quote["intent"],
        "signature": outcome.signature,
        "txHash": outcome.intent["txHash"],
        "blockNumber": block,
        "solver": settled["solver"],
        "netCost": settled["netCost"],
        "fee": settled["fee"],
        "fraction": settled["fraction"],
        "fills": [{k: f[k] for k in ("instrument", "quantity", "price", "cash")} for f in fills],
        "premium": str(sum(int(f["cash"]) for f in fills if _is_option(f))),
        "wallet": _wallet(outcome, uid.owner),
        "logs": [_log(event) for event in ours],
        "account": {
            "before": await _view(account, history, first - 1, block - 1, (chain, deployment)),
            "after": await _view(account, history, last, block, (chain, deployment)),
        },
        "delta": _delta(quote),
        "baseDecimals": deployment.markets[0].base.decimals,
        "payoff": [_payoff(curve, quote) for curve in quote["payoff"]],
        "certificate": quote["certificate"],
        "events": [[int(e["seq"]), e["type"], e["body"].get("to")] for e in outcome.events],
    }


def _wallet(outcome: Outcome, owner: Address) -> list[Json]:
    """Returns what settling took from the owner's wallet and brought to it, atoms by token."""
    moved: dict[Address, int] = {}
    for move in outcome.intent["moved"]:
        if move["place"] == "wallet":
            moved[move["token"]] = moved.get(move["token"], 0) + int(move["atoms"])
    return [
        {"token": token, "account": owner, "delta": str(atoms)} for token, atoms in moved.items()
    ]


def _delta(quote: Json) -> str | None:
    """Returns the net delta after the plan, 1e18, where the intent bounds it."""
    if int(quote["intent"]["limits"]["deltaTolerance"]) == NO_DELTA_LIMIT:
        return None
    return str(parse_decimal(quote["delta"]["after"]))


def _payoff(curve: Json, quote: Json) -> Json:
    """Returns the quoted curve at expiry in 1e18 integers, and the legs it is the curve of."""
    cover = next((leg for leg in quote["intent"]["legs"] if leg["kind"] == "collateral"), None)
    return {
        "legs": [
            {
                "instrument": fill["instrumentId"],
                "quantity": str(parse_decimal(fill["quantity"])),
                "price": str(parse_decimal(fill["price"])),
            }
            for fill in quote["fills"]
        ],
        "coverAtoms": cover["quantityMin"] if cover else "0",
        "cost": str(parse_decimal(quote["fee"])),
        "points": [
            [str(parse_decimal(point["price"])), str(parse_decimal(point["atExpiry"]))]
            for point in curve["points"]
        ],
    }


async def _history(client: Client, account: AccountId) -> list[Json]:
    events: list[Json] = []
    while True:
        after = events[-1]["seq"] if events else "0"
        page = await client.get("/v1/events", log=account.log, after=str(after), limit="1000")
        if not page["events"]:
            return events
        events += page["events"]


def _is_option(fill: Json) -> bool:
    return Instrument.unpack(int(fill["instrument"])).is_option


def _log(event: Json) -> Json:
    name, keys = LOG_OF_EVENT[event["type"]]
    body = event["body"]
    return {"logIndex": int(body["logIndex"]), "name": name, "args": {k: body[k] for k in keys}}


async def _view(
    account: AccountId,
    history: list[Json],
    seq: int,
    block: int,
    where: tuple[EvmChain, Deployment],
) -> Json:
    """Returns cash, slots and SIMPLE margin after event `seq`, at the marks of `block`."""
    events: list[Event] = [event_of(e["type"], e["body"]) for e in history if int(e["seq"]) <= seq]
    folded = fold(Account(account), events)
    margin = figures(folded, await _marks(*where, block))
    return {
        "block": block,
        "cash": str(folded.cash),
        "positions": [[str(p.instrument), str(p.quantity)] for p in folded.positions],
        "margin": {
            "initial": str(margin.initial),
            "maintenance": str(margin.maintenance),
            "equity": str(margin.equity),
        },
    }


async def _marks(chain: EvmChain, deployment: Deployment, block: int) -> Snapshot:
    """Returns the chain's own marks and parameters at a block: all that SIMPLE looks at."""
    head = await chain.block(block)
    assert head is not None, "a block with our transaction exists"
    underlyings = []
    for info in deployment.markets:

        async def read(
            contract: str, address: str, function: str, number: int = info.market
        ) -> Any:
            data = codec.encode(contract, function, number)
            return codec.decode(contract, function, await chain.call(address, data, block))

        rules = await read("Params", deployment.params, "market")
        underlyings.append(
            Underlying(
                market=info.market,
                symbol=info.symbol,
                base=info.base,
                price=await read("Clearinghouse", deployment.clearinghouse, "mark"),
                confidence=0,
                surface=Surface(),
                sigma_cap_ppm=rules[4],
                funding_index=await read("Clearinghouse", deployment.clearinghouse, "fundingIndex"),
                perp_initial_ppm=rules[5],
                perp_maintenance_ppm=rules[6],
                base_initial_ppm=rules[7],
                base_maintenance_ppm=rules[8],
            )
        )
    return Snapshot(
        chain_id=deployment.chain_id,
        block_number=block,
        time_ms=head.timestamp * 1000,
        gas_price=0,
        settlement_token=deployment.settlement_token,
        tokens=deployment.tokens,
        underlyings=tuple(underlyings),
    )
