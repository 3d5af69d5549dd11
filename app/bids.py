"""What an auction would settle: intents with their plans and firm quotes, and what that entails."""

from typing import NamedTuple

from app.pipeline import Plan
from app.settlement.flight import Moved
from app.verify.mandate import mandated_of
from solver.domain.ids import AccountId, Address
from solver.domain.intent import SignedIntent, SignedQuote
from solver.domain.market import Ladder, Level
from solver.domain.report import Report
from solver.domain.snapshot import Snapshot


class Entry(NamedTuple):
    """A stored open intent with its authority."""

    uid: str
    account: AccountId
    signed: SignedIntent
    quote_id: str | None


class Bid(NamedTuple):
    """One or more intents that settle together, in item order; `apart`: how each would alone."""

    entries: tuple[Entry, ...]
    plans: tuple[Plan, ...]
    quotes: tuple[SignedQuote, ...]
    apart: "tuple[Bid, ...]" = ()

    @property
    def pools(self) -> frozenset[Address]:
        """The pools whose state this settlement changes."""
        return frozenset(swap.pool for plan in self.plans for swap in plan.solution.swaps)


def deadline(bid: Bid, report: Report) -> int:
    """Returns the unix second after which the chain would refuse: what expires first of intents,
    mandates, firm quotes used and the report."""
    used = {fill.quote_index for planned in bid.plans for fill in planned.solution.fills}
    ends = [planned.intent.valid_to for planned in bid.plans]
    ends += [
        mandated_of(entry.signed.signature).mandate.valid_to
        for entry in bid.entries
        if entry.signed.scheme == "mandate"
    ]
    ends += [signed.quote.valid_to for i, signed in enumerate(bid.quotes) if i in used]
    ends += [report.valid_until] if report.valid_until else []
    return min(ends)


def moved(planned: Plan) -> tuple[Moved, ...]:
    """Returns what a plan moves in tokens, as its owner sees it."""
    program, solution, intent = planned.program, planned.solution, planned.intent
    home = "wallet" if intent.receiver == intent.owner else "receiver"
    home = "collateral" if intent.is_to_collateral else home
    sides = {flow.leg: flow.side for flow in program.collateral}
    made = []
    for pull in solution.pulls:
        source = "wallet" if pull.is_from_wallet else "collateral"
        made.append(Moved(pull.token, -pull.amount, source))
        if sides.get(pull.leg) == "deposit":
            made.append(Moved(pull.token, pull.amount, "collateral"))
        if sides.get(pull.leg) == "withdraw":
            made.append(Moved(pull.token, pull.amount, home))
    return (*made, *(Moved(out.token, out.amount, home) for out in solution.outs))


def firm_ladders(quotes: tuple[SignedQuote, ...], snapshot: Snapshot) -> tuple[Ladder, ...]:
    """Returns one ladder per firm quote; the level's quote_index is its place in the plan."""
    ladders = []
    for index, (quote, _) in enumerate(quotes):
        level = (Level(quote.price, quote.max_quantity, index),)
        bids, asks = ((), level) if quote.maker_sells else (level, ())
        maker = AccountId(snapshot.chain_id, quote.maker, quote.subaccount)
        ladders.append(Ladder(maker, quote.instrument, bids, asks, True, snapshot.time_ms))
    return tuple(ladders)
