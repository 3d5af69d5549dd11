"""Which contracts and makers fill the exposures: the best lots, completed to the last digit.

Maximise net credit less the gas of each maker used.
"""

from solver.domain.errors import Infeasible, Unavailable
from solver.domain.intent import NO_SLIPPAGE_LIMIT
from solver.domain.numbers import WAD, format_decimal
from solver.domain.program import Exposure, Program
from solver.domain.route import Fill
from solver.domain.snapshot import Snapshot
from solver.routing.certify.rows import offers
from solver.routing.legs.columns import bounds_of
from solver.routing.legs.contracts import narrowed_lots
from solver.routing.legs.elastic import clash_data
from solver.routing.lots import MILLI, Ground, Offer, best_lots, offers_of
from solver.routing.rounding import LOT


def best_fills(program: Program, snapshot: Snapshot, ground: Ground) -> tuple[Fill, ...]:
    """Returns the fills. Raises Infeasible saying which limit no fills meet, and by how much;
    Unavailable `solveTimeout` when the work allowed ran out first.
    """
    table = offers_of(program, snapshot)
    for exposure in program.exposures:
        _check_depth(program, exposure, table, snapshot)
    lots = narrowed_lots(program, snapshot, ground, table)
    if lots is None:
        raise _infeasible(program, snapshot, ground, table)
    fills = [_fill(o, count * LOT) for o, count in zip(table, lots, strict=True) if count]
    return tuple(_exact(program, table, fills))


def _exact(program: Program, table: list[Offer], fills: list[Fill]) -> list[Fill]:
    """Completes quantities that are no whole number of lots: at a level that is used, where it has
    room, else at the best other level of the same contract and side.
    """
    for exposure in program.exposures:
        own = [index for index, fill in enumerate(fills) if fill.leg == exposure.leg]
        rest = exposure.quantity_min - sum(abs(fills[index].quantity) for index in own)
        if rest <= 0:
            continue
        used = {_level_of(fills[index]): index for index in own}
        contract = {(place[0], fills[index].quantity > 0) for place, index in used.items()}
        roomy = [
            offer
            for offer in table
            if offer.exposure is exposure
            and contract <= {(offer.ladder.instrument, offer.sign > 0)}
            and offer.level.quantity - _taken(fills, used.get(_place_of(offer))) >= rest
        ]
        if not roomy:
            raise _thin(exposure, exposure.quantity_min - rest)
        best = min(roomy, key=lambda o: (_place_of(o) not in used, o.sign * o.level.price))
        index = used.get(_place_of(best))
        if index is None:
            fills.append(_fill(best, rest))
        else:
            fills[index] = _fill(best, abs(fills[index].quantity) + rest)
    return fills


def _fill(offer: Offer, quantity: int) -> Fill:
    instrument, level = offer.ladder.instrument, offer.level
    signed, maker = offer.sign * quantity, offer.ladder.maker
    return Fill(offer.exposure.leg, instrument, signed, level.price, maker, level.quote_index)


def _taken(fills: list[Fill], index: int | None) -> int:
    return 0 if index is None else abs(fills[index].quantity)


def _place_of(offer: Offer) -> tuple[object, ...]:
    """Returns what tells one level of a leg from another."""
    level = offer.level
    return offer.ladder.instrument, level.price, offer.ladder.maker, level.quote_index


def _level_of(fill: Fill) -> tuple[object, ...]:
    return fill.instrument, fill.price, fill.maker, fill.quote_index


def _check_depth(
    program: Program, exposure: Exposure, table: list[Offer], snapshot: Snapshot
) -> None:
    """Says what is missing when no single contract has the depth the leg asks for."""
    depth: dict[tuple[int, int], int] = {}
    for offer in table:
        if offer.exposure is exposure:
            key = (offer.ladder.instrument, offer.sign)
            depth[key] = depth.get(key, 0) + offer.level.quantity
    deepest = max(depth.values(), default=0)
    if deepest >= exposure.quantity_min:
        return
    free = offers(program, exposure._replace(limit_price=0), snapshot)
    prices = [sign * level.price for _, sign, level in free] if exposure.limit_price else []
    if not prices:
        raise _thin(exposure, deepest)
    told = {
        **_depths(exposure, deepest),
        "limitPrice": format_decimal(exposure.limit_price),
        "best": format_decimal(abs(min(prices))),
    }
    detail = f"leg {exposure.leg}: too little is offered within the limit price"
    raise Infeasible(detail, code="legPrice", data=told)


def _thin(exposure: Exposure, available: int) -> Infeasible:
    detail = f"leg {exposure.leg}: makers offer less than it needs"
    return Infeasible(detail, code="thinBook", data=_depths(exposure, available))


def _depths(exposure: Exposure, available: int) -> dict[str, object]:
    return {
        "leg": exposure.leg,
        "required": format_decimal(exposure.quantity_min),
        "available": format_decimal(available),
    }


def _infeasible(
    program: Program, snapshot: Snapshot, ground: Ground, table: list[Offer]
) -> Infeasible:
    """Returns the error for the bound without which fills exist, with its numbers; an error that
    names none when the work ran out before one was found.
    """
    bps, clash = program.limits.max_slippage_bps, _clash(program, snapshot, ground)
    free = program._replace(limits=program.limits._replace(max_slippage_bps=NO_SLIPPAGE_LIMIT))
    try:
        lots = best_lots(free, snapshot, ground, table) if bps != NO_SLIPPAGE_LIMIT else None
        if lots is not None:
            loss = sum(o.loss * n for o, n in zip(table, lots, strict=True)) // MILLI + ground.loss
            told = {"limitBps": bps, "lossAtoms": str(loss), **clash}
            return Infeasible("no fills stay within the slippage bound", code="slippage", data=told)
        unboxed = free._replace(delta=None)
        if program.delta and best_lots(unboxed, snapshot, ground, table) is not None:
            told = {
                "target": format_decimal(program.delta.target),
                "tolerance": format_decimal(program.delta.tolerance),
                "held": format_decimal(ground.delta // WAD),
                **clash,
            }
            return Infeasible("no fills bring the delta into its range", code="delta", data=told)
    except Unavailable:
        return Infeasible("no fills satisfy the signed limits together", data=clash)
    return Infeasible("no fills meet the legs' ranges together", code="legQuantity", data=clash)


def _clash(program: Program, snapshot: Snapshot, ground: Ground) -> dict[str, object]:
    """Returns the limits that clash whatever contracts are taken, and how far each must give; empty
    where they clash only because an exposure is one contract, in whole lots.
    """
    limits = clash_data(program, bounds_of(program, snapshot, ground))
    return {"limits": limits} if limits else {}
