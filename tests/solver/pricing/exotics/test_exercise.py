"""Early exercise: the truth lies between the bounds, and they are near each other."""

import pytest

from solver.domain.errors import Malformed
from solver.pricing.exotics.american import bermudan
from solver.pricing.exotics.asian import sampled
from solver.pricing.exotics.average import fixings
from solver.pricing.exotics.exercise import Early, early_bounds
from solver.pricing.exotics.flat import Flat, vanilla
from solver.pricing.exotics.sampling import Effort

PUT = Flat(False, 36, 40, 1, 0.06, 0.0, 0.2)


@pytest.mark.parametrize(
    ("flat", "dates"),
    [(PUT, 12), (Flat(True, 100, 100, 1, 0.03, 0.08, 0.3), 10), (PUT._replace(spot=44), 5)],
)
def test_a_bermudan_option_lies_between(flat, dates):
    found, exact = early_bounds(Early(flat, dates), 2**12, seed=3), bermudan(flat, dates)
    assert found.lower - 4 * found.lower_error <= exact <= found.upper + 4 * found.upper_error
    assert found.upper - found.lower <= 0.01 * exact
    assert max(found.lower_error, found.upper_error) <= 2e-3 * exact


def test_with_one_date_it_is_the_european():
    found = early_bounds(Early(PUT, 1), 2**12, seed=1)
    assert abs(found.lower - vanilla(PUT)) <= 4 * found.lower_error + 1e-4
    assert found.lower == found.upper


@pytest.mark.parametrize("is_call", [True, False])
def test_on_the_mean_it_is_worth_more_than_waiting(is_call):
    flat = Flat(is_call, 100, 100, 0.5, 0.05, 0.02, 0.4)
    times = [0.5 * (which + 1) / 8 for which in range(8)]
    waiting = sampled(fixings(flat, times), Effort(1e-3, 2**14), seed=1).value
    found = early_bounds(Early(flat, 8, is_mean=True), 2**12, seed=2)
    assert waiting < found.lower < found.upper
    assert found.upper - found.lower <= 0.03 * found.lower


def test_the_seed_decides_all():
    early = Early(PUT, 4)
    assert early_bounds(early, 2**10, seed=5) == early_bounds(early, 2**10, seed=5)
    assert early_bounds(early, 2**10, seed=5) != early_bounds(early, 2**10, seed=6)


@pytest.mark.parametrize(
    ("dates", "points"), [(0, 1024), (600, 1024), (4, 1000), (4, 8), (4, 2**20)]
)
def test_other_sizes_are_refused(dates, points):
    with pytest.raises(Malformed):
        early_bounds(Early(PUT, dates), points, seed=1)
