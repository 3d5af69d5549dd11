"""Certificates as the solver makes them: floats of the optimum turned into integer prices.

Whatever the prices, the checker's own bound at them is what is claimed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.ids import Address
from solver.domain.program import Program
from solver.domain.route import Case, Certificate, Solution
from solver.domain.snapshot import Snapshot
from solver.routing.certify import duality
from solver.routing.curves import PRICE_UNIT

_PRICE_MAX = 2.0**255
UNPROVEN = Certificate(0, 0, 0)


class PricedCase(NamedTuple):
    """A case as the planner finds it: pools not used, pools used, and any common unit's prices."""

    closed: Collection[Address]
    open: Collection[Address]
    prices: Mapping[Address, float]


def proof(
    programs: Sequence[Program],
    snapshot: Snapshot,
    solutions: Sequence[Solution],
    accounts: Sequence[Account],
    marginal: tuple[Mapping[Address, float], Mapping[str, int]],
    *,
    cases: Sequence[PricedCase] = (),
) -> Certificate:
    """Returns the certificate at token prices (any common unit) and row prices (as checked).

    `cases`, if any, are the leaves of a decision tree over pools: claimed where they prove more.
    """
    prices, rows = marginal
    token = duality.numeraire(programs, snapshot)
    integers = dual_prices(prices, token) if token and prices else {}
    claimed = tuple(_case(case, token, integers) for case in cases if token and prices)
    terms = (programs, snapshot, solutions, accounts)
    claims = []
    for leaves in {(), claimed}:  # cases may be of less than the market, and prove less
        multipliers = duality.Multipliers(integers, rows, leaves)
        value, bound = duality.value_and_bound(*terms, multipliers)
        claims.append(duality.certificate(value, bound, multipliers))
    return min(claims, key=lambda claim: (claim.bound, len(claim.cases)))


def restated(
    programs: Sequence[Program],
    snapshot: Snapshot,
    solutions: Sequence[Solution],
    accounts: Sequence[Account],
) -> Certificate:
    """Returns the solutions' claim as their own multipliers make it on this snapshot: value and
    bound move with pools and the price of gas. The solutions' pools must be in the snapshot.
    """
    claim = solutions[0].certificate
    rows = dict(claim.row_prices)
    multipliers = duality.Multipliers(dict(claim.token_prices), rows, claim.cases)
    terms = (programs, snapshot, solutions, accounts)
    value, bound = duality.value_and_bound(*terms, multipliers)
    return duality.certificate(value, bound, multipliers)


def dual_prices(prices: Mapping[Address, float], numeraire: Address) -> dict[Address, int]:
    """Returns integer prices in units where one atom of the numeraire is PRICE_UNIT, 255 bits at
    most: a bound at any others holds as well.
    """
    unit = prices.get(numeraire, 0.0)
    if not unit:
        return {numeraire: PRICE_UNIT}
    scaled = {
        token: int(min(price / unit * PRICE_UNIT, _PRICE_MAX)) for token, price in prices.items()
    }
    return scaled | {numeraire: PRICE_UNIT}


def _case(case: PricedCase, numeraire: Address, known: Mapping[Address, int]) -> Case:
    prices = dual_prices(case.prices, numeraire)
    other = sorted(entry for entry in prices.items() if known.get(entry[0]) != entry[1])
    return Case(tuple(sorted(case.closed)), tuple(sorted(case.open)), tuple(other))
