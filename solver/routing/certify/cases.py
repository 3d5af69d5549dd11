"""Which cases a bound may rest on: those that are together every plan, each plan in one of them.

Part of the checker. Without it a claim could leave out the very plans that are better.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations

from solver.domain.ids import Address
from solver.domain.numbers import UINT256_MAX
from solver.domain.route import Case
from solver.routing.certify.replay import prove

CASES_MAX = 64


def check_cases(cases: Sequence[Case], weights: Mapping[Address, int]) -> None:
    """Raises Unproven unless the cases, if any, cover every plan and price what is bought at no
    less than its weight in the objective.

    A case that fixes n pools holds of one in 2**n of all sets of pools; where no set is in two
    cases and the shares sum to one, every set is in one.
    """
    if not cases:
        return
    prove(len(cases) <= CASES_MAX, "few cases")
    for case in cases:
        fixed = (*case.closed, *case.open)
        prove(len(fixed) < CASES_MAX, "no case is deeper than a tree of so many has")
        prove(len(set(fixed)) == len(fixed), "a pool is fixed once in a case")
        prices = check_prices(case.token_prices, "a token in each case")
        is_priced = all(prices.get(token, weight) >= weight for token, weight in weights.items())
        prove(is_priced, "what is bought has its price in each case")
    for one, other in combinations(cases, 2):
        apart = {*one.closed} & {*other.open} or {*one.open} & {*other.closed}
        prove(bool(apart), "no plan is in two cases")
    share = sum(Fraction(1, 2 ** len((*case.closed, *case.open))) for case in cases)
    prove(share == 1, "every plan is in a case")


def check_prices(entries: Sequence[tuple[str, int]], name: str) -> dict[str, int]:
    """Returns the prices by name. Raises Unproven unless each has one, an integer of 256 bits at
    most and not negative: NaN is below no bound, and a million digits only cost time.
    """
    prices = dict(entries)
    prove(len(prices) == len(entries), f"a price {name}")
    for price in prices.values():
        prove(type(price) is int and price <= UINT256_MAX, f"a price {name} is an integer")
        prove(price >= 0, f"a price {name} is not negative")
    return prices
