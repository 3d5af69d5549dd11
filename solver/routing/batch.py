"""Many orders at once: netting at one price vector, pools included, exact in every atom.

Floating prices where the market clears, exact prices from whoever is marginal there, fills in atoms
(solver.routing.clearing). All-or-nothing orders that would be filled in part are left out and the
rest is cleared again, at most ROUNDS_MAX times; after that nothing is traded.
"""

from collections.abc import Sequence

import numpy as np

from solver.domain.ids import Address
from solver.domain.market import Pool
from solver.routing.clearing import curves
from solver.routing.clearing.marginal import kink
from solver.routing.clearing.orders import Clearing, Flags, Orders, book
from solver.routing.clearing.pricing import Attempt, settled

ROUNDS_MAX = 64
PADS = (0, 3)  # atoms above its limit that an order filled in part is priced at, so it may round


def clear(tokens: Sequence[Address], orders: Orders, pools: Sequence[Pool] = ()) -> Clearing:
    """Returns prices and fills that `check_clearing` accepts; an order's tokens are places in
    `tokens`. Orders strictly in the money are filled whole, strictly out of it not at all.

    What stays with nobody: roundings, and what pools give beyond these prices (`left`).
    """
    places = {token: place for place, token in enumerate(tokens)}
    known = curves.usable(pools, places)
    is_out = np.zeros(len(orders.amounts), np.bool_)
    for _ in range(ROUNDS_MAX):
        here = orders.without(is_out) if is_out.any() else orders
        sorted_ = book(len(tokens), here, curves.quoted(known, places))
        pieces = curves.curves(known, places, sorted_.units)
        found = kink(sorted_, pieces, np.zeros(len(tokens)))
        for pad in PADS:
            cleared, refused = settled(Attempt(tokens, here, sorted_, pieces, known, found), pad)
            if cleared is not None:
                return _spread(cleared, is_out)
        if not refused.orders and not refused.pools:
            break
        is_out[np.flatnonzero(~is_out)[list(refused.orders)]] = True
        known = [pool for pool in known if pool.address not in refused.pools]
    nothing = (0,) * is_out.size
    return Clearing((1,) * len(tokens), nothing, nothing, (), (0,) * len(tokens))


def _spread(cleared: Clearing, is_out: Flags) -> Clearing:
    """Returns the clearing with places in the whole batch."""
    dropped = tuple(np.flatnonzero(is_out).tolist())
    if not dropped:
        return cleared
    filled, received = [0] * is_out.size, [0] * is_out.size
    rows = zip(cleared.filled, cleared.received, strict=True)
    for place, row in zip(np.flatnonzero(~is_out).tolist(), rows, strict=True):
        filled[place], received[place] = row
    return cleared._replace(filled=filled, received=received, dropped=dropped)
