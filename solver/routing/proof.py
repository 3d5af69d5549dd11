"""Certificates as the solver makes them: floats of the optimum turned into integer prices.

Whatever the prices, the checker's own bound at them is what is claimed.
"""

from collections.abc import Mapping, Sequence

from solver.domain.account import Account
from solver.domain.ids import Address
from solver.domain.program import Program
from solver.domain.route import Certificate, Solution
from solver.domain.snapshot import Snapshot
from solver.routing.certify import duality
from solver.routing.curves import PRICE_UNIT

UNPROVEN = Certificate(0, 0, 0)


def proof(
    programs: Sequence[Program],
    snapshot: Snapshot,
    solutions: Sequence[Solution],
    accounts: Sequence[Account],
    marginal: tuple[Mapping[Address, float], Mapping[str, int]],
) -> Certificate:
    """Returns the certificate at token prices (any common unit) and row prices (as checked)."""
    prices, rows = marginal
    numeraire = duality.numeraire(programs, snapshot)
    integers = dual_prices(prices, numeraire) if numeraire and prices else {}
    terms = (programs, snapshot, solutions, accounts)
    value, bound = duality.value_and_bound(*terms, (integers, rows))
    return duality.certificate(value, bound, integers, rows)


def dual_prices(prices: Mapping[Address, float], numeraire: Address) -> dict[Address, int]:
    """Returns integer prices in units where one atom of the numeraire is PRICE_UNIT."""
    unit = prices.get(numeraire, 0.0)
    if not unit:
        return {numeraire: PRICE_UNIT}
    scaled = {token: int(price / unit * PRICE_UNIT) for token, price in prices.items()}
    return scaled | {numeraire: PRICE_UNIT}
