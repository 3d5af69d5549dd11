"""The checker of a batch believes nothing: every kind of lie is refused, and the truth is not."""

import numpy as np
import pytest

from bench.reference.batches import batch
from solver.domain.errors import Unproven
from solver.routing.batch import clear
from solver.routing.clearing.check import check_clearing
from solver.routing.clearing.orders import Orders

GIVEN = batch(6, 60, 4, pools=8)
TRUE = clear(GIVEN.tokens, GIVEN.orders, GIVEN.pools)
WHOLE = next(
    place
    for place, (filled, amount) in enumerate(zip(TRUE.filled, GIVEN.orders.amounts, strict=True))
    if filled == amount
)
PART = next(
    place
    for place, (filled, amount) in enumerate(zip(TRUE.filled, GIVEN.orders.amounts, strict=True))
    if 0 < filled < amount
)
IDLE = next(place for place, filled in enumerate(TRUE.filled) if filled == 0)


def changed(column, place, by):
    return [value + by if index == place else value for index, value in enumerate(column)]


def left(token, by):
    return TRUE._replace(left=tuple(changed(TRUE.left, token, by)))


LIES = {
    "an atom more for one order": TRUE._replace(received=changed(TRUE.received, WHOLE, 1)),
    "an atom less for one order": TRUE._replace(received=changed(TRUE.received, WHOLE, -1)),
    "something for nothing": TRUE._replace(received=changed(TRUE.received, IDLE, 1)),
    "an order filled beyond its amount": TRUE._replace(filled=changed(TRUE.filled, WHOLE, 1)),
    "an order pulled an atom too little": TRUE._replace(filled=changed(TRUE.filled, WHOLE, -1)),
    "a negative fill": TRUE._replace(filled=changed(TRUE.filled, IDLE, -1)),
    "another price for one token": TRUE._replace(
        prices=tuple(changed(TRUE.prices, 0, TRUE.prices[0] // 100))
    ),
    "a price of nothing": TRUE._replace(prices=(0, *TRUE.prices[1:])),
    "a token without a price": TRUE._replace(prices=TRUE.prices[1:]),
    "an order without a fill": TRUE._replace(filled=TRUE.filled[1:]),
    "a swap that gives more": TRUE._replace(
        swaps=(TRUE.swaps[0]._replace(amount_out=TRUE.swaps[0].amount_out + 1), *TRUE.swaps[1:])
    ),
    "a swap that takes less": TRUE._replace(
        swaps=(TRUE.swaps[0]._replace(amount_in=TRUE.swaps[0].amount_in - 1), *TRUE.swaps[1:])
    ),
    "a swap that takes nothing": TRUE._replace(
        swaps=(TRUE.swaps[0]._replace(amount_in=0, amount_out=0), *TRUE.swaps[1:])
    ),
    "a swap beyond the pool": TRUE._replace(
        swaps=(TRUE.swaps[0]._replace(amount_in=2**112), *TRUE.swaps[1:])
    ),
    "a swap twice": TRUE._replace(swaps=(*TRUE.swaps, TRUE.swaps[0])),
    "a swap left out": TRUE._replace(swaps=TRUE.swaps[1:]),
    "a pool that is not there": TRUE._replace(
        swaps=(TRUE.swaps[0]._replace(pool="0x" + "99" * 20), *TRUE.swaps[1:])
    ),
    "a pool of another venue": TRUE._replace(
        swaps=(TRUE.swaps[0]._replace(venue="elsewhere"), *TRUE.swaps[1:])
    ),
    "more left than there is": left(0, 1),
    "less left than there is": left(1, -1),
}


def test_the_truth_is_accepted():
    check_clearing(GIVEN.tokens, GIVEN.orders, GIVEN.pools, TRUE)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lie_is_refused(lie):
    with pytest.raises(Unproven):
        check_clearing(GIVEN.tokens, GIVEN.orders, GIVEN.pools, lie)


def test_a_whole_order_filled_in_part_is_refused():
    orders = GIVEN.orders._replace(is_partial=np.zeros(len(GIVEN.orders.amounts), np.bool_))
    assert 0 < TRUE.filled[PART] < orders.amounts[PART]
    with pytest.raises(Unproven, match="filled whole"):
        check_clearing(GIVEN.tokens, orders, GIVEN.pools, TRUE)


def test_a_limit_that_is_not_kept_is_refused():
    leasts = changed(GIVEN.orders.leasts, WHOLE, TRUE.received[WHOLE])
    with pytest.raises(Unproven, match="limit"):
        check_clearing(GIVEN.tokens, GIVEN.orders._replace(leasts=leasts), GIVEN.pools, TRUE)


def test_tokens_out_of_nothing_are_refused():
    orders = Orders(np.array([0]), np.array([1]), [10], [10], np.array([True]))
    empty = TRUE._replace(prices=(1, 1), filled=[10], received=[10], swaps=(), left=(10, -10))
    with pytest.raises(Unproven, match="not there"):
        check_clearing(("a", "b"), orders, (), empty)
