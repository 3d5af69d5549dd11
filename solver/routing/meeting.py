"""Intents that meet: exchanged at one price vector first, and what is left through the pools.

At prices inside all limits, and as near to the pools' as can be, as much as goes round is exchanged
without a pool and its fee. What is left of each side is routed, and everyone on a side gets the
same average price. Items settle in tuple order: all pulls, the swaps (on the last item), the outs.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.ids import Address
from solver.domain.program import Program
from solver.domain.route import Certificate, Out, Pull, Solution
from solver.domain.snapshot import Snapshot
from solver.routing import curves
from solver.routing.charge import gas_fee, item_gas
from solver.routing.clearing.atoms import Trade
from solver.routing.clearing.curves import quoted, usable
from solver.routing.clearing.netting import Limit, Side, fair_prices, met
from solver.routing.clearing.orders import Floats, reference
from solver.routing.proof import UNPROVEN, proof
from solver.routing.select import Route, best_route

MOVES = 2  # one pull and one out an item
DUST = 10**6  # what is left of a side by less than one in so many is not worth a pool's gas


class _Member(NamedTuple):
    """One intent of a batch: what it may put in after its fee, and what it must get with it."""

    amount: int
    least: int
    fee: int


def together(
    programs: Sequence[Program], snapshot: Snapshot, floors: Sequence[int]
) -> tuple[Solution, ...] | None:
    """Returns a solution per program that settle in one call, each delivering at least its floor
    but for roundings; None when no prices serve all or nothing can be exchanged at them.

    Exact-in token programs only, each token sold bought by another. Raises Infeasible without a
    route for what is left.
    """
    members = [_member(p, snapshot, floor) for p, floor in zip(programs, floors, strict=True)]
    tokens = sorted({token for program in programs for token in ends(program)})
    places = [(tokens.index(sold), tokens.index(bought)) for sold, bought in map(ends, programs)]
    limits = [Limit(*at, m.amount, m.least) for at, m in zip(places, members, strict=True)]
    prices = fair_prices(limits, _quoted(snapshot, tokens))
    if prices is None:
        return None
    total = Counter[tuple[int, int]]()
    for at, member in zip(places, members, strict=True):
        total[at] += member.amount
    sides = [Side(*at, amount) for at, amount in sorted(total.items())]
    trades = met(sides, prices)
    if trades is None:
        return None
    received, routes = _routed(snapshot, tokens, sides, trades)
    drafts = list[Solution]()
    for side, got in zip(sides, received, strict=True):
        here = [index for index, at in enumerate(places) if at == side[:2]]
        shares = _pro_rata(got, [members[index].amount for index in here])
        for index, share in zip(here, shares, strict=True):
            drafts.append(_item(programs[index], snapshot, share, members[index].fee))
    order = [index for side in sides for index, at in enumerate(places) if at == side[:2]]
    drafts = [drafts[order.index(index)] for index in range(len(programs))]
    if routes:
        gas = drafts[-1].gas + sum(route.gas for route in routes)
        swaps = tuple(swap for route in routes for swap in route.swaps)
        drafts[-1] = drafts[-1]._replace(swaps=swaps, gas=gas)
    else:  # the pools only say what the tokens are worth
        side = sides[0]
        routes = [best_route(snapshot, tokens[side.sell], tokens[side.buy], side.amount)]
    certificate = _certificate(programs, snapshot, drafts, routes)
    return tuple(draft._replace(certificate=certificate) for draft in drafts)


def ends(program: Program) -> tuple[Address, Address]:
    """Returns what a program of two token legs sells and buys."""
    return program.sells[0].token, program.buys[0].token


def _quoted(snapshot: Snapshot, tokens: Sequence[Address]) -> Floats:
    """Returns logs of the worth of an atom of each token at the deepest pools' prices now."""
    everywhere = dict.fromkeys(tokens)
    everywhere |= dict.fromkeys(token for pool in snapshot.pools for token in pool.tokens)
    places = {token: place for place, token in enumerate(everywhere)}
    quotes = quoted(usable(snapshot.pools, places), places)
    return reference(len(places), quotes)[: len(tokens)]


def _routed(
    snapshot: Snapshot, tokens: Sequence[Address], sides: Sequence[Side], trades: Sequence[Trade]
) -> tuple[list[int], list[Route]]:
    """Returns what each side receives in all, and the routes of what the sides did not exchange,
    one after the other on the pools as they move. Raises Infeasible when there is none.
    """
    pools = {pool.address: pool for pool in snapshot.pools}
    received, routes, left = [trade.taken for trade in trades], list[Route](), [0] * len(tokens)
    for place, (side, trade) in enumerate(zip(sides, trades, strict=True)):
        left[side.sell] += trade.given
        left[side.buy] -= trade.taken
        rest = side.amount - trade.given
        moved = snapshot._replace(pools=tuple(pools.values()))
        if rest * DUST <= side.amount:
            left[side.sell] += rest
            continue
        route = best_route(moved, tokens[side.sell], tokens[side.buy], rest)
        received[place] += route.amount_out
        routes.append(route)
        for swap in route.swaps:
            pair = swap.token_in, swap.token_out
            pools[swap.pool] = curves.after(pools[swap.pool], pair, swap.amount_in)
    for token, atoms in enumerate(left):  # to those who buy it most
        buyers = [place for place, side in enumerate(sides) if side.buy == token]
        received[max(buyers, key=lambda place: received[place])] += atoms
    return received, routes


def _certificate(
    programs: Sequence[Program],
    snapshot: Snapshot,
    drafts: Sequence[Solution],
    routes: Sequence[Route],
) -> Certificate:
    """Returns the tightest of the certificates that the routes' prices make."""
    accounts = [Account(program.account) for program in programs]
    made = [proof(programs, snapshot, drafts, accounts, (route.prices, {})) for route in routes]
    return min(made, key=lambda certificate: certificate.bound)


def _pro_rata(total: int, amounts: Sequence[int]) -> list[int]:
    """Returns integer shares of `total`, rounded down, what is left to the largest."""
    whole = sum(amounts)
    shares = [total * amount // whole for amount in amounts]
    shares[list(amounts).index(max(amounts))] += total - sum(shares)
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


def _fee(program: Program, snapshot: Snapshot) -> int:
    """Returns the gas of an item without steps, held back from settlement tokens or not taken."""
    tokens = (program.sells[0].token, program.buys[0].token)
    if program.limits.settlement_token not in tokens:
        return 0
    return gas_fee(_gas(program), program.limits.settlement_token, snapshot)


def _gas(program: Program) -> int:
    return item_gas(MOVES, authority_gas=program.authority_gas)


def _member(program: Program, snapshot: Snapshot, floor: int) -> _Member:
    sell, buy, settlement = program.sells[0], program.buys[0], program.limits.settlement_token
    fee = min(program.limits.max_fee, _fee(program, snapshot))
    amount = sell.amount_max - (fee if sell.token == settlement else 0)
    least = max(buy.amount_min, floor) + (fee if buy.token == settlement else 0)
    return _Member(amount, least, fee)
