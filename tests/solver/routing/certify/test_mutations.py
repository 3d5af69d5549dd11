"""Whatever number or item of an honest solution is changed: it is refused, or honest as well."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Unproven
from solver.domain.route import Case
from solver.routing.certify import certify_batch
from tests.solver.routing import world
from tests.solver.routing.certify.claims import (
    BOTH,
    BOUGHT,
    CALL,
    HOLDER,
    MIXED,
    NETTED,
    PAIR_ACCOUNTS,
    ROUTED,
    SNAPSHOT,
    SOLD,
    SWAP,
    WALLET,
    reclaimed,
)

AT, POOL = ROUTED.certificate.token_prices, world.POOLS[0].address
CASES = (Case((POOL,), (), AT), Case((), (POOL,), AT))
HONEST = (
    ((SWAP,), (reclaimed(ROUTED, cases=CASES),), (WALLET,)),
    ((CALL,), (SOLD,), (HOLDER,)),
    ((MIXED,), (BOUGHT,), (WALLET,)),
    (BOTH, NETTED, PAIR_ACCOUNTS),
)
UNCHECKED = ("gas", "margin_before", "margin_after", "delta_after")  # told, not claimed


def leaves(value, path=()) -> Iterator[tuple]:
    """Yields the path to every integer."""
    if type(value) is int:
        yield path
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            if getattr(value, "_fields", (None,) * 99)[index] not in UNCHECKED:
                yield from leaves(part, (*path, index))


def lists(value, path=()) -> Iterator[tuple]:
    """Yields the path to every tuple of items that has some."""
    if isinstance(value, tuple):
        if value and not hasattr(value, "_fields") and isinstance(value[0], tuple):
            yield path
        for index, part in enumerate(value):
            yield from lists(part, (*path, index))


def changed(value, path, change):
    """The value with what stands at the path changed."""
    if not path:
        return change(value)
    parts = list(value)
    parts[path[0]] = changed(value[path[0]], path[1:], change)
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def judged(kind, solutions):
    """Returns whether it is let through: if so it delivers as much, and no better is claimed."""
    programs, honest, accounts = kind
    try:
        certify_batch(programs, SNAPSHOT, solutions, accounts)
    except Unproven:
        return False
    for was, now in zip(honest, solutions, strict=True):
        assert sorted(now.outs) == sorted(was.outs)
        assert sorted(now.pulls) == sorted(was.pulls)
        assert (now.fee, now.net_cost) == (was.fee, was.net_cost)
        assert now.certificate.value <= was.certificate.bound
        if now.fills == was.fills:
            assert now.certificate.value == was.certificate.value
    return True


PLACES = [(kind, path) for kind in HONEST for path in leaves(kind[1])]
ROWS = [(kind, path) for kind in HONEST for path in lists(kind[1])]
SHIFTS = st.one_of(
    st.sampled_from([-1, 1]), st.integers(-(2**30), 2**30), st.integers(-(2**120), 2**120)
)


def test_the_honest_ones_are_let_through():
    assert all(judged(kind, kind[1]) for kind in HONEST)


def test_every_number_that_is_not_free_is_held_to_the_atom():
    """Free are prices, a bound that only becomes looser, and what a leg's range leaves open."""
    for kind, path in PLACES:
        field = kind[1][path[0]]._fields[path[1]]
        is_open = field == "fills" and kind[1][0] is SOLD and path[2] == 1
        if is_open or (field == "certificate" and path[2] > 2):
            continue
        is_bound = field == "certificate" and path[2] == 1
        for shift in (-1,) if is_bound else (-1, 1):
            assert not judged(kind, changed(kind[1], path, lambda n, by=shift: n + by)), path


@settings(max_examples=300)
@given(st.sampled_from(PLACES), SHIFTS, SHIFTS)
def test_a_changed_number_is_refused_or_harmless(place, shift, factor):
    kind, path = place
    judged(kind, changed(kind[1], path, lambda number: number + shift))
    judged(kind, changed(kind[1], path, lambda number: number * factor))


@settings(max_examples=200)
@given(st.sampled_from(PLACES), st.sampled_from(PLACES), SHIFTS)
def test_two_changed_numbers_are_refused_or_harmless(one, other, shift):
    """What one change breaks another may seem to mend: the same shift at both."""
    if one[0] is not other[0]:
        return
    kind = one[0]
    for sign in (1, -1):
        lie = changed(kind[1], one[1], lambda number: number + shift)
        judged(kind, changed(lie, other[1], lambda number, by=sign: number + by * shift))


@settings(max_examples=200)
@given(st.sampled_from(ROWS), st.data())
def test_items_dropped_doubled_or_exchanged_are_refused_or_harmless(row, data):
    kind, path = row
    places = st.integers(0, 7)
    one, other = data.draw(places), data.draw(places)

    def dropped(items):
        return items[: one % len(items)] + items[one % len(items) + 1 :]

    def doubled(items):
        return (*items, items[one % len(items)])

    def exchanged(items):
        moved = list(items)
        a, b = one % len(items), other % len(items)
        moved[a], moved[b] = moved[b], moved[a]
        return tuple(moved)

    if len(path) > 1:  # whole solutions are the batch's own lies
        for change in (dropped, doubled, exchanged):
            judged(kind, changed(kind[1], path, change))
