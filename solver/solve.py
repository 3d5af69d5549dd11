"""solve(program, account, snapshot): select, split, round, charge, certify. Pure and replayable."""

from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.errors import Infeasible, InsufficientFunds, Unproven
from solver.domain.intent import NO_SLIPPAGE_LIMIT
from solver.domain.numbers import format_decimal
from solver.domain.program import Program, TokenFlow
from solver.domain.route import Certificate, Fill, Out, Pull, Solution
from solver.domain.snapshot import Snapshot
from solver.routing.certify import certify, tally
from solver.routing.certify.marks import token_value
from solver.routing.charge import GAS_FILL, gas_fee, item_gas
from solver.routing.legs import best_fills, chosen_fills, row_prices
from solver.routing.lots import Ground
from solver.routing.proof import UNPROVEN, proof
from solver.routing.rounding import execute
from solver.routing.select import Route, best_route
from solver.routing.target import cheapest_route


class _Trade(NamedTuple):
    """The token part. `pulled` includes a fee held back from it, `delivered` excludes one."""

    sell: TokenFlow
    buy: TokenFlow
    route: Route
    pulled: int
    delivered: int


def solve(program: Program, account: Account, snapshot: Snapshot) -> Solution:
    """Returns a certified plan. Raises Infeasible; `data` says which limit, and by how much."""
    try:
        trade = _trade(program, snapshot)
        draft = _assemble(program, snapshot, trade, 0)
        draft = _filled(program, account, snapshot, draft)
        fee = _fee(program, account, snapshot, draft)
        if trade is not None and fee and tally.is_fee_held_back(program, draft):
            trade = _after_fee(program, snapshot, trade, fee)
            draft = _assemble(program, snapshot, trade, fee)
            draft = _filled(program, account, snapshot, draft)
        solution = draft._replace(fee=fee)
        _check_balances(program, account, snapshot, solution)
        solution = _within_limits(program, snapshot, solution)
        certificate = _proof(program, account, snapshot, (solution, trade))
    except Unproven as error:  # a bound that nothing here can value
        raise Infeasible(error.detail, code="unvalued") from error
    solution = solution._replace(certificate=certificate)
    certify(program, snapshot, solution, account)
    return solution


# ---- tokens


def _trade(program: Program, snapshot: Snapshot) -> _Trade | None:
    if not program.sells and not program.buys:
        return None
    if len(program.sells) != 1 or len(program.buys) != 1:
        raise Infeasible("one token is sold for one other", code="unsupported")
    sell, buy = program.sells[0], program.buys[0]
    if sell.amount_min == sell.amount_max or buy.amount_min == 0:
        route = best_route(snapshot, sell.token, buy.token, sell.amount_max)
        return _Trade(sell, buy, route, sell.amount_max, route.amount_out)
    return _exact_out(snapshot, (sell, buy), 0, 0)


def _exact_out(
    snapshot: Snapshot, flows: tuple[TokenFlow, TokenFlow], fee_in: int, fee_out: int
) -> _Trade:
    sell, buy = flows
    most, wanted = sell.amount_max - fee_in, buy.amount_min + fee_out
    if most <= 0:
        told = {"sold": str(sell.amount_max), "fee": str(fee_in)}
        raise Infeasible("the fee is more than what is sold", code="fee", data=told)
    least = sell.amount_min - fee_in
    if least > 0:  # no less may be sold, whatever it buys
        route = best_route(snapshot, sell.token, buy.token, least)
        if route.amount_out >= wanted:
            return _Trade(sell, buy, route, sell.amount_min, route.amount_out - fee_out)
    sold, route = cheapest_route(snapshot, sell.token, buy.token, wanted, most)
    if sold < least:
        raise Infeasible("no route lies within what may be sold", code="legQuantity")
    return _Trade(sell, buy, route, sold + fee_in, route.amount_out - fee_out)


def _after_fee(program: Program, snapshot: Snapshot, trade: _Trade, fee: int) -> _Trade:
    """Returns the trade with the fee held back from its settlement tokens."""
    sell, buy, route = trade.sell, trade.buy, trade.route
    is_sold = sell.token == program.limits.settlement_token
    is_exact_in = trade.pulled == sell.amount_max
    if not is_exact_in:
        return _exact_out(snapshot, (sell, buy), fee * is_sold, fee * (not is_sold))
    if not is_sold:
        return trade._replace(delivered=max(route.amount_out - fee, 0))
    if sell.amount_max <= fee:
        told = {"sold": str(sell.amount_max), "fee": str(fee)}
        raise Infeasible("the fee is more than what is sold", code="fee", data=told)
    pools = {pool.address: pool for pool in snapshot.pools}
    swaps = execute(route.shares, pools, sell.token, sell.amount_max - fee)
    out = sum(swap.amount_out for swap in swaps if swap.token_out == buy.token)
    route = route._replace(swaps=swaps, amount_out=out)
    return trade._replace(route=route, delivered=out)


# ---- the plan


def _assemble(program: Program, snapshot: Snapshot, trade: _Trade | None, fee: int) -> Solution:
    pulls = [
        Pull(flow.leg, flow.token, flow.amount_max, flow.side == "deposit")
        for flow in program.collateral
        if flow.side != "auto" and flow.amount_max
    ]
    outs: list[Out] = []
    if trade is not None:
        sell, buy = trade.sell, trade.buy
        pulls.append(Pull(sell.leg, sell.token, trade.pulled, program.is_from_wallet))
        outs.append(Out(buy.leg, buy.token, trade.delivered))
    pulls.sort()
    moves, route_gas = len(pulls) + len(outs), trade.route.gas if trade else 0
    gas = item_gas(moves, route_gas, program.authority_gas)
    swaps = trade.route.swaps if trade else ()
    return Solution(snapshot.hash, tuple(pulls), swaps, tuple(outs), (), fee, 0, UNPROVEN, gas)


def _filled(program: Program, account: Account, snapshot: Snapshot, draft: Solution) -> Solution:
    if not program.exposures:
        return draft
    ground = _ground(program, account, snapshot, draft)
    if program.choice is None:
        fills: tuple[Fill, ...] = best_fills(program, snapshot, ground)
    else:  # the multipliers come with the choice: kept for the proof
        bare = draft._replace(fills=())
        fills, rows = chosen_fills(program, snapshot, account, bare, ground)
        draft = draft._replace(certificate=UNPROVEN._replace(row_prices=tuple(rows.items())))
    return draft._replace(fills=fills, gas=draft.gas + GAS_FILL * len(fills))


def _ground(program: Program, account: Account, snapshot: Snapshot, draft: Solution) -> Ground:
    """Returns what the token part leaves to the fills."""
    bare = draft._replace(fills=())
    held = 0
    if program.delta is not None:
        held = tally.held_delta(program, snapshot, bare, account)
    if program.limits.max_slippage_bps == NO_SLIPPAGE_LIMIT:
        return Ground(held)
    _, loss, _ = tally.costs(program, snapshot, bare)
    traded = [(pull.token, pull.amount) for pull in bare.pulls] if bare.outs else []
    traded += [(out.token, out.amount) for out in bare.outs]
    values = [token_value(token, n, snapshot, is_up=False) for token, n in traded]
    return Ground(held, loss, max(values, default=0))


def _fee(program: Program, account: Account, snapshot: Snapshot, draft: Solution) -> int:
    """Returns the gas in the signed settlement token, at most maxFee; 0 if nothing can pay it."""
    fee = min(program.limits.max_fee, gas_fee(draft.gas, program.limits.settlement_token, snapshot))
    if program.exposures or tally.is_fee_held_back(program, draft):
        return fee
    settlement = snapshot.settlement_token.address
    cash = tally.balance_after(program, snapshot, draft, account, settlement)
    return fee if program.limits.settlement_token == settlement and cash >= fee else 0


# ---- what was signed


def _check_balances(
    program: Program, account: Account, snapshot: Snapshot, solution: Solution
) -> None:
    """Collateral is never lent, and a balance to be held must be there."""
    for pull in (pull for pull in solution.pulls if not pull.is_from_wallet):
        before = tally.balance_after(
            program, snapshot, solution._replace(pulls=(), outs=()), account, pull.token
        )
        if before < pull.amount:
            told = {"token": pull.token, "required": str(pull.amount), "available": str(before)}
            raise InsufficientFunds("the account holds less than leaves it", data=told)
    for flow in (flow for flow in program.collateral if flow.side == "auto"):
        after = tally.balance_after(program, snapshot, solution, account, flow.token)
        if not flow.amount_min <= after <= flow.amount_max:
            told = {"leg": str(flow.leg), "balance": str(after), "least": str(flow.amount_min)}
            raise Infeasible("the balance to be held is not there", code="legQuantity", data=told)


def _within_limits(program: Program, snapshot: Snapshot, solution: Solution) -> Solution:
    """Returns the solution with its net cost. Raises Infeasible with the shortfall."""
    for buy in program.buys:
        bought = sum(out.amount for out in solution.outs if out.leg == buy.leg)
        if bought < max(buy.amount_min, 1):
            token = snapshot.token(buy.token)
            raise _short(
                "legQuantity", "bought", (bought, buy.amount_min), token.decimals if token else 0
            )
    cost, loss, loss_max = tally.costs(program, snapshot, solution)
    decimals = snapshot.settlement_token.decimals
    if cost > program.limits.max_net_cost:
        raise _short("netCost", "net cost", (cost, program.limits.max_net_cost), decimals)
    if loss_max is not None and loss > loss_max:
        raise _short("slippage", "slippage", (loss, loss_max), decimals)
    return solution._replace(net_cost=cost)


def _short(code: str, what: str, numbers: tuple[int, int], decimals: int) -> Infeasible:
    actual, limit = (format_decimal(number, decimals) for number in numbers)
    by = format_decimal(abs(numbers[0] - numbers[1]), decimals)
    detail = f"{what} would be {actual}, the limit is {limit}"
    return Infeasible(detail, code=code, data={"actual": actual, "limit": limit, "by": by})


# ---- the proof


def _proof(
    program: Program, account: Account, snapshot: Snapshot, plan: tuple[Solution, _Trade | None]
) -> Certificate:
    solution, trade = plan
    rows = dict(solution.certificate.row_prices)
    if program.exposures and program.choice is None:
        rows = row_prices(program, snapshot, _ground(program, account, snapshot, solution))
    prices, cases = (trade.route.prices, trade.route.cases) if trade else ({}, ())
    terms = ((program,), snapshot, (solution,), (account,))
    return proof(*terms, (prices, rows), cases=cases)
