"""Batches: token intents that meet in one settlement, and the fair choice among competing bids.

What nets goes round: A sells X for Y and B sells Y for X, or one more sells Y for Z and another Z
for X. How they settle together is solver.routing.meeting's; here is who does, and who wins.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.errors import Infeasible, Unproven
from solver.domain.ids import Address
from solver.domain.program import Program
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.routing.certify import certify_batch
from solver.routing.lots import solved
from solver.routing.meeting import ends, together

# Of one settlement: with 265,000 gas an item without steps (charge.py) it stays, steps included,
# well under the 2**24 gas of a transaction (EIP-7825).
ITEMS_MAX = 16


class Bid(NamedTuple):
    """Intents (by any stable key) that one solver would settle together, and each one's score:
    the owner's surplus over the signed limit, settlement atoms.
    """

    solver: str
    members: tuple[str, ...]
    scores: tuple[int, ...]


def winners(bids: Sequence[Bid]) -> tuple[Bid, ...]:
    """Returns the disjoint bids of greatest total score that treat nobody worse than alone.

    The reference of an intent is its best score in a bid of its own; a batch that gives any member
    less is out (fair combinatorial auction). Ties go to the earlier bid. OR-tools, work-limited:
    raises as `solved`.
    """
    from ortools.sat.python import cp_model

    alone: dict[str, int] = {}
    for bid in bids:
        if len(bid.members) == 1:
            alone[bid.members[0]] = max(bid.scores[0], alone.get(bid.members[0], 0))
    fair = [
        bid
        for bid in bids
        if all(s >= alone.get(m, 0) for m, s in zip(bid.members, bid.scores, strict=True))
    ]
    if not fair:
        return ()
    model = cp_model.CpModel()
    taken = [model.new_bool_var("") for _ in fair]
    for member in sorted({member for bid in fair for member in bid.members}):
        model.add_at_most_one(
            flag for flag, bid in zip(taken, fair, strict=True) if member in bid.members
        )
    # First the score, then how many are served, then the earlier bid.
    weights = [
        (sum(bid.scores) * (len(fair) + 1) + len(bid.members)) * len(fair) + len(fair) - place
        for place, bid in enumerate(fair)
    ]
    model.maximize(sum(w * flag for w, flag in zip(weights, taken, strict=True)))
    chosen = solved(model, taken)
    assert chosen is not None, "taking no bid is a solution"
    return tuple(bid for bid, flag in zip(fair, chosen, strict=True) if flag)


def score(program: Program, solution: Solution, snapshot: Snapshot) -> int:
    """Returns the owner's surplus over what was signed, settlement atoms, rounded down.

    Token part at the certificate's prices: bought beyond the least, and sold short of the most.
    """
    prices = dict(solution.certificate.token_prices)
    unit = prices.get(snapshot.settlement_token.address, 0)
    surplus = 0
    for buy in program.buys:
        bought = sum(out.amount for out in solution.outs if out.leg == buy.leg)
        surplus += prices.get(buy.token, 0) * (bought - buy.amount_min)
    for sell in program.sells:
        sold = sum(pull.amount for pull in solution.pulls if pull.leg == sell.leg)
        surplus += prices.get(sell.token, 0) * (sell.amount_max - sold)
    limit = program.limits.max_net_cost
    is_bound = bool(program.exposures) and limit < 2**255 - 1
    spared = (limit if is_bound else 0) - solution.net_cost if program.exposures else 0
    return (surplus // unit if unit else 0) + spared


def batches(programs: Sequence[Program]) -> tuple[tuple[int, ...], ...]:
    """Returns groups of indexes whose token intents can go round among them, in order, at most
    ITEMS_MAX each (the earlier ones); none alone.
    """
    nettable = [index for index, program in enumerate(programs) if _is_nettable(program)]
    return tuple(sorted(_circles(programs, nettable)))


def net(
    programs: Sequence[Program], snapshot: Snapshot, alone: Sequence[Solution] = ()
) -> tuple[Solution, ...] | None:
    """Returns one solution per program, in order, that settle in one call; None when they do not
    go round or no prices serve all. Certified jointly: check with `certify_batch`.

    With `alone`, each program's own solution, nobody receives an atom less than there: the prices
    lie between the sides' own averages, and what goes through the pools moves them less.
    """
    if batches(programs) != (tuple(range(len(programs))),):
        return None
    if len({program.account for program in programs}) < len(programs):
        return None  # the contract takes one intent per account
    floors = [sum(out.amount for out in solution.outs) for solution in alone] or [0] * len(programs)
    try:
        solutions = together(programs, snapshot, floors)
        if solutions is None:
            return None
        certify_batch(programs, snapshot, solutions, [Account(p.account) for p in programs])
    except (Infeasible, Unproven):
        return None
    delivered = [sum(out.amount for out in solution.outs) for solution in solutions]
    if any(got < floor for got, floor in zip(delivered, floors, strict=True)):
        return None
    return solutions


def _circles(programs: Sequence[Program], indexes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yields the largest groups in which every token sold is bought again."""
    pairs = {index: ends(programs[index]) for index in indexes}
    tokens = {token for pair in pairs.values() for token in pair}
    reach = {token: _reached(token, set(pairs.values())) for token in tokens}
    groups: dict[Address, list[int]] = {}
    for index, (sold, bought) in pairs.items():
        if sold in reach[bought]:
            first = min(token for token in reach[sold] if sold in reach[token])
            groups.setdefault(first, []).append(index)
    for group in groups.values():
        if len(group) <= ITEMS_MAX:
            yield tuple(group)
        else:
            yield from _circles(programs, group[:ITEMS_MAX])


def _reached(start: Address, pairs: set[tuple[Address, Address]]) -> set[Address]:
    """Returns the tokens that selling can turn `start` into, itself included."""
    seen = {start}
    while more := {bought for sold, bought in pairs if sold in seen} - seen:
        seen |= more
    return seen


def _is_nettable(program: Program) -> bool:
    """Exact-in token intents and nothing else: no account state decides anything."""
    if program.exposures or program.collateral or program.delta:
        return False
    if len(program.sells) != 1 or len(program.buys) != 1:
        return False
    return program.sells[0].amount_min == program.sells[0].amount_max
