"""Who pays for a deficit that no fund covers: those who gained on the other side, in proportion.

The last resort. Nobody without a gain pays, nobody pays more than a quarter of a gain for one
event, and the sum is the deficit to the atom: what rounding leaves over goes to the largest
remainders, one atom each, the lower key first where they are equal.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.numbers import WAD
from solver.domain.typed_data import keccak

SHARE_PERCENT_MAX = 25  # of an account's gain, for one event


class Winner(NamedTuple):
    """An account on the other side: its key, its unrealised gain (atoms, > 0), and what earlier
    pages of the same event took of it already."""

    key: bytes
    gain: int
    taken: int = 0

    @property
    def room(self) -> int:
        """The most it may still pay for this event, atoms."""
        return max(self.gain * SHARE_PERCENT_MAX // 100 - self.taken, 0)


class Haircut(NamedTuple):
    """What one account pays, atoms (0 where its part is below one), beside its gain."""

    key: bytes
    gain: int
    amount: int


class Deleveraging(NamedTuple):
    """One event. `theta` = deficit / sum of gains, 1e18, down; haircuts of everybody who gained, in
    ascending order of keys: their sum is the deficit."""

    deficit: int
    theta: int
    haircuts: tuple[Haircut, ...]

    @property
    def total_gain(self) -> int:
        """Returns the sum of gains, atoms."""
        return sum(cut.gain for cut in self.haircuts)

    @property
    def root(self) -> bytes:
        """Commits to every haircut as the contract does, whatever its pages: from 0 on
        keccak(root before | key | gain | amount)."""
        root = bytes(32)
        for key, gain, amount in self.haircuts:
            words = gain.to_bytes(32, "big") + amount.to_bytes(32, "big")
            root = keccak(root + key + words)
        return root


def deleveraging(deficit: int, winners: Sequence[Winner]) -> Deleveraging:
    """Returns who pays what. Keys are distinct, the deficit is atoms, > 0.

    Raises Infeasible `deficitTooLarge` where all rooms together do not hold it: what is raised now
    is asked for now, the rest is another event's.
    """
    paying = sorted(w for w in winners if w.gain > 0)
    held = sum(w.room for w in paying)
    if deficit > held:
        raise _too_large(deficit, held)
    return _event(deficit, paying, _filled(deficit, {w.key: w for w in paying}))


def round_of(deficit: int, winners: Sequence[Winner]) -> Deleveraging:
    """Returns who pays what in one round on chain, where everybody listed pays in proportion: who
    cannot, because earlier rounds took most of the quarter, is left out, and the others pay more.

    The same as `deleveraging` in a first round. Raises Infeasible `deficitTooLarge`.
    """
    spent = 100 // SHARE_PERCENT_MAX
    paying = sorted(w for w in winners if w.gain > 0 and spent * w.taken <= w.gain)
    while (held := sum(w.room for w in paying)) >= deficit:
        total = sum(w.gain for w in paying)
        if all(deficit * w.gain // total <= w.room for w in paying):
            event = _event(deficit, paying, _filled(deficit, {w.key: w for w in paying}))
            if all(abs(c.amount * total - deficit * c.gain) < total for c in event.haircuts):
                return event
        paying = [w for w in paying if deficit * w.gain <= w.room * total]
    raise _too_large(deficit, held)


def _too_large(deficit: int, held: int) -> Infeasible:
    return Infeasible(
        "the gains on the other side do not hold the deficit within their caps",
        code="deficitTooLarge",
        data={"deficitAtoms": str(deficit), "raisableAtoms": str(held)},
    )


def _event(deficit: int, paying: Sequence[Winner], amounts: Mapping[bytes, int]) -> Deleveraging:
    total = sum(w.gain for w in paying)
    cuts = tuple(Haircut(w.key, w.gain, amounts[w.key]) for w in paying)
    return Deleveraging(deficit, deficit * WAD // total if total else 0, cuts)


def _filled(deficit: int, winners: Mapping[bytes, Winner]) -> dict[bytes, int]:
    """Water-filling: whoever's part is above the cap pays the cap, the others share the rest.

    Then largest remainder: each part is rounded down, one atom more for the largest remainders. A
    part with a remainder is below its cap, which is whole, so that the atom fits.
    """
    amounts, open_, left = dict[bytes, int](), dict(winners), deficit
    while open_:
        total = sum(w.gain for w in open_.values())
        full = [key for key, w in open_.items() if left * w.gain > w.room * total]
        for key in full:
            amounts[key] = open_.pop(key).room
        left -= sum(amounts[key] for key in full)
        if not full:
            parts = {key: divmod(left * w.gain, total) for key, w in open_.items()}
            spare = left - sum(part for part, _ in parts.values())
            order = sorted(parts, key=lambda key: (-parts[key][1], key))
            amounts |= {key: parts[key][0] + (place < spare) for place, key in enumerate(order)}
            break
    return amounts
