"""Batches: opposite token intents in one settlement, and the fair choice among competing bids.

Netting: A sells X for Y, B sells Y for X. At one price inside both limits the smaller side is
filled whole by the other, without a pool and its fee; what is left of the larger side goes through
the pools, and everyone on a side gets the same average price. Items settle in tuple order: all
pulls, then the swaps (on the last item), then the outs.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.errors import Infeasible, Unproven
from solver.domain.ids import Address
from solver.domain.market import ConcentratedPool, ConstantProductPool
from solver.domain.program import Program
from solver.domain.route import Out, Pull, Solution
from solver.domain.snapshot import Snapshot
from solver.routing.certify import certify_batch
from solver.routing.charge import gas_fee, item_gas
from solver.routing.lots import solved
from solver.routing.network import depth, mid_price
from solver.routing.proof import UNPROVEN, proof
from solver.routing.select import best_route

MOVES = 2  # one pull and one out an item


class Bid(NamedTuple):
    """Intents (by any stable key) that one solver would settle together, and each one's score:
    the owner's surplus over the signed limit, settlement atoms.
    """

    solver: str
    members: tuple[str, ...]
    scores: tuple[int, ...]


class _Side(NamedTuple):
    """Those who sell `token`, with what each may put in after its fee."""

    token: Address
    indexes: tuple[int, ...]
    amounts: tuple[int, ...]
    least: tuple[int, ...]  # of the other token, fee included

    @property
    def total(self) -> int:
        return sum(self.amounts)


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
    """Returns groups of indexes whose token intents oppose each other, in order; none alone."""
    groups: dict[tuple[Address, ...], list[int]] = {}
    for index, program in enumerate(programs):
        if _is_nettable(program):
            pair = (program.sells[0].token, program.buys[0].token)
            groups.setdefault(tuple(sorted(pair)), []).append(index)
    return tuple(
        tuple(group)
        for _, group in sorted(groups.items())
        if len({programs[index].sells[0].token for index in group}) == 2
    )


def net(
    programs: Sequence[Program], snapshot: Snapshot, alone: Sequence[Solution] = ()
) -> tuple[Solution, ...] | None:
    """Returns one solution per program, in order, that settle in one call; None when they do not
    oppose each other or no price serves all. Certified jointly: check with `certify_batch`.

    With `alone`, each program's own solution, nobody receives an atom less than there: the price
    lies between the two sides' own averages, and what goes through the pools moves them less.
    """
    if batches(programs) != (tuple(range(len(programs))),):
        return None
    if len({program.account for program in programs}) < len(programs):
        return None  # the contract takes one intent per account
    first = programs[0]
    pair = (first.sells[0].token, first.buys[0].token)
    fees = tuple(min(p.limits.max_fee, _fee(p, snapshot)) for p in programs)
    floors = [sum(out.amount for out in solution.outs) for solution in alone] or [0] * len(fees)
    one, other = (_side(programs, (fees, floors), token) for token in pair)
    price = _uniform_price(snapshot, one, other)
    if price is None or min(*one.amounts, *other.amounts) <= 0:
        return None
    try:
        solutions = _settled(programs, snapshot, (one, other), (fees, price))
        certify_batch(programs, snapshot, solutions, [Account(p.account) for p in programs])
    except (Infeasible, Unproven):
        return None
    delivered = [sum(out.amount for out in solution.outs) for solution in solutions]
    if any(got < floor for got, floor in zip(delivered, floors, strict=True)):
        return None
    return solutions


def _is_nettable(program: Program) -> bool:
    """Exact-in token intents and nothing else: no account state decides anything."""
    if program.exposures or program.collateral or program.delta:
        return False
    if len(program.sells) != 1 or len(program.buys) != 1:
        return False
    return program.sells[0].amount_min == program.sells[0].amount_max


def _fee(program: Program, snapshot: Snapshot) -> int:
    """Returns the gas of an item without steps, held back from settlement tokens or not taken."""
    tokens = (program.sells[0].token, program.buys[0].token)
    if program.limits.settlement_token not in tokens:
        return 0
    return gas_fee(_gas(program), program.limits.settlement_token, snapshot)


def _gas(program: Program) -> int:
    return item_gas(MOVES, authority_gas=program.authority_gas)


def _side(
    programs: Sequence[Program], terms: tuple[Sequence[int], Sequence[int]], token: Address
) -> _Side:
    fees, floors = terms
    indexes = tuple(i for i, program in enumerate(programs) if program.sells[0].token == token)
    amounts, least = [], []
    for index in indexes:
        sell, buy = programs[index].sells[0], programs[index].buys[0]
        settlement, fee = programs[index].limits.settlement_token, fees[index]
        amounts.append(sell.amount_max - (fee if sell.token == settlement else 0))
        floor = max(buy.amount_min, floors[index])
        least.append(floor + (fee if buy.token == settlement else 0))
    return _Side(token, indexes, tuple(amounts), tuple(least))


def _uniform_price(snapshot: Snapshot, one: _Side, other: _Side) -> float | None:
    """Returns atoms of the other token for one of the first: the pools' mid, inside all limits."""
    low = max(need / have for have, need in zip(one.amounts, one.least, strict=True))
    high = min(
        have / need if need else math.inf
        for have, need in zip(other.amounts, other.least, strict=True)
    )
    if low > high:
        return None
    mids = [
        (depth(pool, one.token), mid_price(pool, one.token))
        for pool in snapshot.pools
        if isinstance(pool, ConstantProductPool | ConcentratedPool)
        and set(pool.tokens) == {one.token, other.token}
    ]
    mids = [(weight, mid) for weight, mid in mids if weight > 0]
    if not mids:
        return None
    mid = sum(weight * mid for weight, mid in mids) / sum(weight for weight, _ in mids)
    return min(max(mid, low), high)


def _settled(
    programs: Sequence[Program],
    snapshot: Snapshot,
    sides: tuple[_Side, _Side],
    terms: tuple[tuple[int, ...], float],
) -> tuple[Solution, ...]:
    fees, price = terms
    one, other = sides
    worth = int(one.total * price)  # of one's tokens, in the other's
    if worth <= other.total:
        small, large, matched = one, other, worth
    else:
        small, large, matched = other, one, min(int(other.total / price), one.total)
    rest = large.total - matched
    route = best_route(snapshot, large.token, small.token, rest) if rest else None
    received = small.total + (route.amount_out if route else 0)
    shares = dict(zip(small.indexes, _pro_rata(matched, small.amounts), strict=True))
    shares |= dict(zip(large.indexes, _pro_rata(received, large.amounts), strict=True))
    drafts = [
        _item(program, snapshot, shares[index], fees[index])
        for index, program in enumerate(programs)
    ]
    if route is not None:
        gas = drafts[-1].gas + route.gas
        drafts[-1] = drafts[-1]._replace(swaps=route.swaps, gas=gas)
    if route is None:  # the pools only say what the tokens are worth
        route = best_route(snapshot, large.token, small.token, large.total)
    accounts = [Account(program.account) for program in programs]
    certificate = proof(programs, snapshot, drafts, accounts, (route.prices, {}))
    return tuple(draft._replace(certificate=certificate) for draft in drafts)


def _pro_rata(total: int, amounts: tuple[int, ...]) -> list[int]:
    """Returns integer shares of `total`, rounded down, what is left to the largest."""
    whole = sum(amounts)
    shares = [total * amount // whole for amount in amounts]
    shares[amounts.index(max(amounts))] += total - sum(shares)
    return shares


def _item(program: Program, snapshot: Snapshot, received: int, fee: int) -> Solution:
    sell, buy = program.sells[0], program.buys[0]
    settlement = program.limits.settlement_token
    delivered = received - (fee if buy.token == settlement else 0)
    cost = sell.amount_max if sell.token == settlement else 0
    cost -= delivered if buy.token == settlement else 0
    pulls = (Pull(sell.leg, sell.token, sell.amount_max, program.is_from_wallet),)
    outs = (Out(buy.leg, buy.token, delivered),)
    return Solution(snapshot.hash, pulls, (), outs, (), fee, cost, UNPROVEN, _gas(program))
