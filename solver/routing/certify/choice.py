"""Boxes, scenarios, legs and structure of a choice among many contracts: held in integers.

Part of the checker. All rows are linear in the fills, with coefficients that it computes itself.
"""

from solver.domain.account import Account
from solver.domain.calendar import YEAR
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.program import Program, Scenario, StructureRow
from solver.domain.route import Fill, Solution
from solver.domain.snapshot import Snapshot
from solver.routing.certify.marks import mark_of
from solver.routing.certify.replay import prove
from solver.routing.certify.risk import greek_of, profit_of
from solver.routing.certify.tally import balance_after

RIGHTS = {Kind.CALL: "call", Kind.PUT: "put"}


def check_choice(
    program: Program, snapshot: Snapshot, solution: Solution, account: Account
) -> None:
    """Raises Unproven unless the fills keep every bound of the program's choice, if it has one."""
    choice, fills = program.choice, solution.fills
    if choice is None:
        return
    count = Count(program, snapshot, solution, account)
    prove(len({(f.instrument, f.maker) for f in fills}) <= choice.legs_max, "legs within their cap")
    for box in choice.greeks:
        after = count.held(box.market, box.greek) + count.moved(box.market, box.greek, fills)
        prove(box.low * WAD <= after <= box.high * WAD, f"{box.greek} in its box")
    if choice.scenarios is not None:
        most = choice.scenarios.budget * WAD * WAD
        prove(count.margin() * count.atoms <= most, "no scenario breaks its budget")
    for row in choice.structure:
        total = sum(abs(f.quantity) for f in fills if is_of(row, f.instrument, f.quantity))
        prove(row.quantity_min <= total <= row.quantity_max, "the structure is in its range")
    if choice.loss_max is not None:
        lost = sum(abs(f.quantity) * count.loss(f.instrument, sign_of(f), f.price) for f in fills)
        prove(lost * count.atoms <= choice.loss_max * WAD * WAD, "what fills lose in its budget")


def is_of(row: StructureRow, instrument: int, quantity: int) -> bool:
    """Returns whether buying (above zero) or selling an instrument counts in a structure row."""
    asked = Instrument.unpack(instrument)
    return (
        asked.market == row.market
        and RIGHTS.get(asked.kind) == row.right
        and (quantity > 0) == (row.side == "buy")
        and row.strike_min <= asked.strike <= row.strike_max
        and row.expiry_min <= asked.expiry <= row.expiry_max
    )


class Count:
    """What units of instruments add to each row, each computed once."""

    def __init__(
        self, program: Program, snapshot: Snapshot, solution: Solution, account: Account
    ) -> None:
        assert program.choice is not None
        self.program, self.snapshot, self.choice = program, snapshot, program.choice
        self.atoms: int = 10**snapshot.settlement_token.decimals
        self._solution, self._account = solution, account
        self._known: dict[tuple[str | Scenario, int], int] = {}

    def unit(self, row: str | Scenario, instrument: int) -> int:
        """Returns the mark, a greek or a scenario's profit of one unit, 1e18."""
        key = (row, instrument)
        if key not in self._known:
            if isinstance(row, Scenario):
                self._known[key] = profit_of(instrument, row, self.snapshot)
            elif row == "mark":
                self._known[key] = mark_of(instrument, self.snapshot)
            else:
                self._known[key] = greek_of(instrument, row, self.snapshot)
        found: int = self._known[key]
        return found

    def gain(self, instrument: int, sign: int, price: int) -> int:
        """Returns what one unit is worth above its price, with its theta: atoms, 1e36."""
        return sign * (self.worth(instrument) - price * WAD) * self.atoms

    def worth(self, instrument: int) -> int:
        """Returns the mark with the theta of the choice's carry, 1e36 settlement units."""
        carry = self.choice.carry_seconds
        theta = self.unit("theta", instrument) * carry * WAD // YEAR if carry else 0
        return self.unit("mark", instrument) * WAD + theta

    def loss(self, instrument: int, sign: int, price: int) -> int:
        """Returns what one unit loses against the mark, 1e18, 0 where it gains."""
        return max(0, sign * (price - self.unit("mark", instrument)))

    def held(self, market: int, row: str | Scenario) -> int:
        """Returns what the account has in a row before any fill, 1e36."""
        underlying = self.snapshot.underlying(market)
        prove(underlying is not None, f"market {market} is in this snapshot")
        assert underlying is not None
        base, token = Instrument(market, Kind.BASE).id, underlying.base
        terms = (self.program, self.snapshot, self._solution, self._account)
        total: int = balance_after(*terms, token.address) * 10 ** (18 - token.decimals)
        total *= self.unit(row, base)
        for position in self._account.positions:
            if position.instrument >> 144 == market and position.instrument != base:
                total += position.quantity * self.unit(row, position.instrument)
        return total

    def moved(self, market: int, row: str | Scenario, fills: tuple[Fill, ...]) -> int:
        """Returns what fills add to a row, 1e36."""
        own = (f for f in fills if f.instrument >> 144 == market)
        return sum(f.quantity * self.unit(row, f.instrument) for f in own)

    def margin(self) -> int:
        """Returns the most that the account loses in a scenario, 1e36."""
        budget, fills = self.choice.scenarios, self._solution.fills
        assert budget is not None
        rows = budget.scenarios
        won = [self.held(budget.market, s) + self.moved(budget.market, s, fills) for s in rows]
        return max(0, -min(won, default=0))


def sign_of(fill: Fill) -> int:
    """Returns 1 for what is bought, -1 for what is sold."""
    return 1 if fill.quantity > 0 else -1
