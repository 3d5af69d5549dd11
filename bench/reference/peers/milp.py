"""The peer of the leg search: the same menu as one mixed-integer program for HiGHS."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix, eye, hstack, vstack

from solver.routing.legs.menu import Menu, normal, trimmed

GAP, SECONDS = 1e-4, 90.0


class Proved(NamedTuple):
    """What HiGHS ended with: cost, what it proved no choice to be below, and in which words."""

    cost: float
    bound: float
    status: str

    @property
    def gap(self) -> float:
        """Relative; at most GAP when it is proved."""
        return (self.cost - self.bound) / max(abs(self.cost), 1e-12)


def optimum(menu: Menu, seconds: float = SECONDS) -> Proved | None:
    """Returns HiGHS's answer on one thread to a gap of 1e-4; None where it found none. It is given
    the menu as our own search has it: trimmed, every row, level and cost in its own unit.
    """
    menu, _, unit = normal(trimmed(menu))
    count, legs = len(menu.cost), len(menu.fixed)
    whole = np.maximum(np.bincount(menu.leg, menu.size, minlength=legs), 1e-9)
    link = coo_matrix((1 / whole[menu.leg], (menu.leg, np.arange(count))), shape=(legs, count))
    units = np.maximum(np.abs(menu.rows * menu.size).max(axis=1, initial=0.0), 1e-9)
    rows = vstack(
        [
            hstack(
                [
                    coo_matrix(menu.rows / units[:, None]),
                    coo_matrix((len(menu.low), legs)),
                    coo_matrix((menu.spare / units)[:, None]),
                ]
            ),
            hstack([link, -eye(legs), coo_matrix((legs, 1))]),
            coo_matrix(np.concatenate((np.zeros(count), np.ones(legs), [0.0]))),
        ]
    ).tocsr()
    low = np.concatenate((menu.low / units, np.full(legs + 1, -np.inf)))
    high = np.concatenate((menu.high / units, np.zeros(legs), [menu.legs_max]))
    found = milp(
        np.concatenate((menu.cost, menu.fixed, [menu.spare_cost])),
        constraints=LinearConstraint(rows, low, high),
        bounds=Bounds(0, np.concatenate((menu.size, np.ones(legs), [menu.spare_max]))),
        integrality=np.concatenate((np.zeros(count), np.ones(legs), [0.0])),
        options={"mip_rel_gap": GAP, "time_limit": seconds},
    )
    if found.x is None:
        return None
    status = "optimal" if found.status == 0 else "time ran out"
    return Proved(float(found.fun) * unit, float(found.mip_dual_bound) * unit, status)
