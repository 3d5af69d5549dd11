"""What an account's health lets in at the door: the coarse half, before anything is solved.

Refuses what cannot be meant well in that state. Whether a plan does raise equity less requirement
is judged on the plan itself (app.simulate); here one trade at the mark stands for it.
"""

from solver.domain.account import SIMPLE, Account
from solver.domain.errors import Broken, Refused, SolventError
from solver.domain.event import LegFilled
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.intent import SignedIntent
from solver.domain.program import Exposure, Program
from solver.domain.route import Fill
from solver.domain.snapshot import Snapshot
from solver.intents import compile_intent
from solver.intents.closing import is_exit
from solver.ledger import apply, trade_cash
from solver.margin.attested import fenced, statement
from solver.margin.health import Action, allowed
from solver.margin.health.facts import has_positions
from solver.margin.health.standing import Refusal, action_of, refusal
from solver.margin.simple import figures
from solver.pricing.marks import mark_of


def require_standing(
    signed: SignedIntent, program: Program, account: Account, snapshot: Snapshot
) -> None:
    """Raises Refused `reduceOnly`, `liquidating` or `accountClosed` for what the account's health
    does not take."""
    found = standing_refusal(signed, program, account, snapshot)
    if found is not None:
        raise Refused(found.detail, code=found.code, data={"health": account.health.state})


def is_standing(signed: SignedIntent, account: Account, snapshot: Snapshot) -> bool:
    """Returns whether an open intent may stay open in the account's present health; what cannot
    even be compiled now may: the auction says why it waits."""
    try:
        program = compile_intent(signed.intent, account, snapshot, signed.scheme)
    except SolventError:
        return signed.intent.outcome == "deposit" or Action.REDUCE in allowed(account.health.state)
    return standing_refusal(signed, program, account, snapshot) is None


def standing_refusal(
    signed: SignedIntent, program: Program, account: Account, snapshot: Snapshot
) -> Refusal | None:
    """Returns why the account's health does not take an intent, None where it does."""
    if Action.RISK in allowed(account.health.state):
        return None
    return refusal(account, _action(signed, program, account, snapshot))


def _action(signed: SignedIntent, program: Program, account: Account, snapshot: Snapshot) -> Action:
    is_mandated = signed.scheme == "mandate"
    reduced = Action.CURE if is_mandated else Action.REDUCE
    sides = {flow.side for flow in program.collateral}
    if not program.exposures:
        is_elsewhere = program.is_from_wallet and program.receiver != ZERO_ADDRESS
        if is_elsewhere and not sides:
            return Action.CANCEL  # from a wallet to a wallet: nothing of the account moves
        if program.is_from_wallet and sides <= {"deposit"}:
            return Action.DEPOSIT
        if sides == {"withdraw"} and not (program.sells or program.buys):
            return Action.WITHDRAW if has_positions(account) else Action.LEAVE
        return reduced  # collateral for collateral: the plan shows which way
    if is_exit(signed.intent, account, snapshot):
        return reduced
    after = _at_the_mark(program.exposures, account, snapshot)
    if after is None:
        return reduced
    margin = figures(account, snapshot), figures(after, snapshot)
    action = action_of(account, after, margin, is_mandated=is_mandated)
    if account.engine == SIMPLE and action is not Action.RISK:
        return action
    # a hedge is one under PORTFOLIO only: who is in it is judged by it, whoever is not may enter
    was, will = (fenced(each, snapshot, statement(each, snapshot)) for each in (account, after))
    return action_of(account, after, (was, will), is_mandated=is_mandated)


def _at_the_mark(
    exposures: tuple[Exposure, ...], account: Account, snapshot: Snapshot
) -> Account | None:
    """Returns the account after every leg traded whole at its mark; None where the solver has a
    choice left, or where it does not fit."""
    after = account
    for leg in exposures:
        if leg.side == "auto" or len(leg.candidates) > 1:
            return None
        quantity = leg.quantity_max if leg.side == "buy" else -leg.quantity_max
        key = leg.candidates[0]
        fill = Fill(leg.leg, key, quantity, mark_of(key, snapshot), None)
        cash = trade_cash(fill, snapshot)
        try:
            after = apply(after, LegFilled(None, key, quantity, fill.price, cash, "", "", 0))
        except Broken:
            return None
    return after
