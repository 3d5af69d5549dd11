"""The surfaces a market has when no recorded chain is given: fitted once, then written down."""

from solver.domain.surface import Surface, flat

DEFAULT = flat(650_000)
BUILT_IN: dict[str, Surface] = {}


def built_in(symbol: str) -> Surface:
    """Returns the surface of an underlying, a generic one where none is written down for it."""
    return BUILT_IN.get(symbol, DEFAULT)
