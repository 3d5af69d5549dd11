"""The independent checker: recomputes a solution from program and snapshot, believes none of it.

Its files see only solver.domain, the exact curves and each other; they know nothing of how a
solution was found. It refuses with Unproven. What only the chain knows (wallets, margin) is not
judged here.
"""

from collections.abc import Sequence

from solver.domain.account import Account
from solver.domain.program import CollateralFlow, Program, TokenFlow
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.routing import curves
from solver.routing.certify import duality, tally
from solver.routing.certify.cases import check_cases, check_prices
from solver.routing.certify.choice import check_choice
from solver.routing.certify.replay import prove, replay_fills, replay_tokens


def certify(program: Program, snapshot: Snapshot, solution: Solution, account: Account) -> None:
    """Raises Unproven unless every claim of the solution holds.

    `account` is as it was before: the program may bound its delta, or a balance that it holds.
    """
    certify_batch((program,), snapshot, (solution,), (account,))


def certify_batch(
    programs: Sequence[Program],
    snapshot: Snapshot,
    solutions: Sequence[Solution],
    accounts: Sequence[Account],
) -> None:
    """Raises Unproven unless solutions that settle in one call hold together, each in its limits.

    They conserve tokens jointly and carry one certificate: the value of all that they bought.
    """
    prove(len(programs) == len(solutions) > 0, "one solution for each program")
    prove(len(accounts) == len(programs), "one account for each program")
    prove(len({program.account for program in programs}) == len(programs), "one item an account")
    for solution in solutions:
        prove(solution.snapshot_hash == snapshot.hash, "the solution is of another snapshot")
    replay_tokens(programs, snapshot, solutions)
    replay_fills(programs, snapshot, solutions)
    for program, solution, account in zip(programs, solutions, accounts, strict=True):
        _check_flows(program, solution)
        _check_costs(program, snapshot, solution)
        _check_account(program, snapshot, solution, account)
        check_choice(program, snapshot, solution, account)
    _check_bound(programs, snapshot, solutions, accounts)


def _check_flows(program: Program, solution: Solution) -> None:
    sells = {f.leg: (f.token, program.is_from_wallet) for f in program.sells}
    moves = {f.leg: (f.token, f.side == "deposit") for f in program.collateral if f.side != "auto"}
    buys = {flow.leg: flow.token for flow in program.buys}
    for pull in solution.pulls:
        source = (sells | moves).get(pull.leg)
        prove(source == (pull.token, pull.is_from_wallet), "a pull is of its leg")
        prove(pull.amount > 0, "a pull is positive")
    for out in solution.outs:
        prove(buys.get(out.leg) == out.token and out.amount > 0, "an out is of its leg")
    sources: list[TokenFlow | CollateralFlow] = list(program.sells)
    sources += [flow for flow in program.collateral if flow.leg in moves]
    for sell in sources:
        pulled = sum(pull.amount for pull in solution.pulls if pull.leg == sell.leg)
        prove(sell.amount_min <= pulled <= sell.amount_max, f"leg {sell.leg} in its range")
    for buy in program.buys:
        bought = sum(out.amount for out in solution.outs if out.leg == buy.leg)
        prove(bought >= buy.amount_min, f"leg {buy.leg} receives its least")


def _check_costs(program: Program, snapshot: Snapshot, solution: Solution) -> None:
    limits = program.limits
    prove(0 <= solution.fee <= limits.max_fee, "the fee is within its cap")
    cost, loss, loss_max = tally.costs(program, snapshot, solution)
    prove(solution.net_cost == cost, "the net cost is what it says")
    prove(cost <= limits.max_net_cost, "the net cost is within its limit")
    prove(loss_max is None or loss <= loss_max, "the slippage is within its limit")


def _check_account(
    program: Program, snapshot: Snapshot, solution: Solution, account: Account
) -> None:
    prove(account.id == program.account, "the account is the program's")
    for hold in (flow for flow in program.collateral if flow.side == "auto"):
        balance = tally.balance_after(program, snapshot, solution, account, hold.token)
        prove(hold.amount_min <= balance <= hold.amount_max, "the balance held is in its range")
    if program.delta is not None:
        after = tally.net_delta(program, snapshot, solution, account)
        prove(abs(after - program.delta.target) <= program.delta.tolerance, "delta in its box")


def _check_bound(
    programs: Sequence[Program],
    snapshot: Snapshot,
    solutions: Sequence[Solution],
    accounts: Sequence[Account],
) -> None:
    claim = solutions[0].certificate
    prove(all(solution.certificate == claim for solution in solutions), "one certificate for all")
    prices = check_prices(claim.token_prices, "a token")
    rows = check_prices(claim.row_prices, "a row")
    numeraire = duality.numeraire(programs, snapshot)
    prove(numeraire is None or prices.get(numeraire) == curves.PRICE_UNIT, "the numeraire is 1")
    bought = {flow.token: prices.get(flow.token, 0) for p in programs for flow in p.buys}
    check_cases(claim.cases, bought)
    multipliers = duality.Multipliers(prices, rows, claim.cases)
    value, bound = duality.value_and_bound(programs, snapshot, solutions, accounts, multipliers)
    prove(claim.value == value, "the value is what was bought and earned, net of gas")
    prove(claim.bound >= bound, "the bound follows from the prices")
    prove(value <= claim.bound, "the value is within the bound")
    prove(claim.gap_ppm == duality.gap_ppm(value, claim.bound), "the gap is what it says")
