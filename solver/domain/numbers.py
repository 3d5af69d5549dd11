"""Integer money. The rounding direction is in the name, so that no caller can round by accident."""

import re

from solver.domain.errors import Malformed

WAD = 10**18
PPM = 10**6
BPS = 10**4
UINT256_MAX = 2**256 - 1
INT256_MAX = 2**255 - 1
DECIMALS_MAX = 18

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,59})(\.[0-9]{1,18})?")


def mul_down(a: int, b: int, unit: int = WAD) -> int:
    """Returns a*b/unit rounded toward minus infinity."""
    return a * b // unit


def mul_up(a: int, b: int, unit: int = WAD) -> int:
    """Returns a*b/unit rounded toward plus infinity."""
    return -(-a * b // unit)


def div_down(a: int, b: int) -> int:
    """Returns a/b rounded toward minus infinity."""
    return a // b


def div_up(a: int, b: int) -> int:
    """Returns a/b rounded toward plus infinity."""
    return -(-a // b)


def parse_decimal(text: str, decimals: int = DECIMALS_MAX) -> int:
    """Returns the integer number of 10**-decimals units in a plain decimal string.

    Refuses exponents, signs other than '-', blanks, leading zeros and more places than `decimals`:
    a value that would be rounded is not the value that was meant. Raises Malformed.
    """
    if not _DECIMAL.fullmatch(text):
        raise Malformed(f"{text[:80]!r} is not a plain decimal number")
    whole, _, places = text.partition(".")
    if len(places) > decimals:
        raise Malformed(f"{text} has more than {decimals} decimal places")
    magnitude = int(whole.lstrip("-") + places.ljust(decimals, "0"))
    return -magnitude if text.startswith("-") else magnitude


def format_decimal(value: int, decimals: int = DECIMALS_MAX) -> str:
    """Returns the shortest plain decimal string of `value` units of 10**-decimals."""
    sign, magnitude = ("-" if value < 0 else ""), abs(value)
    whole, places = divmod(magnitude, 10**decimals)
    tail = str(places).rjust(decimals, "0").rstrip("0") if decimals else ""
    return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"
