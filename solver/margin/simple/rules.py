"""The arithmetic of contracts/src/MarginRules.sol and Asians.sol for one instrument, by integers.

Prices are 1e18. Every price of one unit is rounded here, against the account; products and sums are
exact. Change a line only together with the contract: a differential test compares both.
"""

from math import isqrt
from typing import NamedTuple

from solver.domain.instrument import ASIAN_KINDS, FIXINGS, Instrument, Kind
from solver.domain.numbers import PPM, WAD, div_up, mul_up
from solver.domain.risk import Fixing

PER_SECOND_WAD2 = 5_046_770_138_631_891_672_021_935_673  # 1e36 / (2 pi * 31,536,000), up

INITIAL_PERCENT = 15
INITIAL_FLOOR_PERCENT = 13
MAINTENANCE_PERCENT = 9
PUT_INITIAL_PERCENT = 105
NAKED_INITIAL_PERCENT = 120
NAKED_MAINTENANCE_PERCENT = 110
BAND_PERCENT = 3


class ShortUnit(NamedTuple):
    """What one short option is marked at and requires, the mark included. 1e18, up."""

    mark: int
    initial: int
    maintenance: int


class AsianUnit(NamedTuple):
    """What one Asian option is worth at least and at most, and its figures when short. 1e18."""

    lowest: int
    highest: int
    short: ShortUnit


def intrinsic(instrument: Instrument, price: int) -> int:
    """Returns the payoff at `price`."""
    if instrument.kind is Kind.CALL:
        return max(price - instrument.strike, 0)
    return max(instrument.strike - price, 0)


def time_value(price: int, sigma_cap_ppm: int, seconds_left: int) -> int:
    """Returns S * sigma * sqrt(T / 2 pi), up: what any option is worth above intrinsic at most."""
    if seconds_left <= 0:
        return 0
    return div_up(price * sigma_cap_ppm * _sqrt_up(seconds_left * PER_SECOND_WAD2), WAD * PPM)


def scaled(flat: int, instrument: Instrument, price: int) -> int:
    """Returns the time value of a put below the money by its chord, flat * K / S; else `flat`."""
    if instrument.kind is Kind.CALL or instrument.strike >= price:
        return flat
    return div_up(flat * instrument.strike, price)


def option_range(
    instrument: Instrument,
    price: int,
    sigma_cap_ppm: int,
    time: int,
    fixing: Fixing | None = None,
) -> tuple[int, int]:
    """Returns (intrinsic, intrinsic + most time value) at `price`; `fixing` is what an Asian
    option's series has averaged, None for nothing."""
    if instrument.kind in ASIAN_KINDS:
        known = fixing or Fixing(instrument.expiry, 0, 0)
        unit = asian_unit(instrument, known, price, sigma_cap_ppm, time)
        return unit.lowest, unit.highest
    flat = time_value(price, sigma_cap_ppm, instrument.expiry - time)
    low = intrinsic(instrument, price)
    return low, low + scaled(flat, instrument, price)


def price_band(
    instrument: Instrument,
    price: int,
    sigma_cap_ppm: int,
    time: int,
    fixing: Fixing | None = None,
) -> tuple[int, int]:
    """Returns the least and highest price that the chain lets a fill have (`PriceBand`); `fixing`
    as in `option_range`."""
    slack = price * BAND_PERCENT // 100
    if instrument.kind is Kind.PERP:
        return price - slack, price + slack
    low, high = option_range(instrument, price, sigma_cap_ppm, time, fixing)
    return max(low - slack, 0), high + slack


def short_unit(instrument: Instrument, price: int, flat: int) -> ShortUnit:
    """Returns the figures of one short option; `flat` is `time_value` of its series."""
    strike, is_call = instrument.strike, instrument.kind is Kind.CALL
    worth = intrinsic(instrument, price) + scaled(flat, instrument, price)
    mark = min(worth, price if is_call else strike)
    out_of_the_money = max(strike - price if is_call else price - strike, 0)
    return _charged(mark, price, out_of_the_money, is_call=is_call)


def asian_unit(
    instrument: Instrument, fixing: Fixing, price: int, sigma_cap_ppm: int, time: int
) -> AsianUnit:
    """Returns the figures of one Asian option while the feed is at `price` (Asians.sol).

    Moneyness is that of A, which the mean comes to if the price stays (up for calls, down for
    puts); time value comes from the open fixings alone; charges are of the whole price.
    """
    strike, is_call = instrument.strike, instrument.kind is Kind.ASIAN_CALL
    left = FIXINGS - fixing.fixed
    total = fixing.total + left * price
    mean = div_up(total, FIXINGS) if is_call else total // FIXINGS
    inside, outside = max(mean - strike, 0), max(strike - mean, 0)
    lowest, out_of_the_money = (inside, outside) if is_call else (outside, inside)
    flat = time_value(price, sigma_cap_ppm, instrument.expiry - time)
    highest = lowest + div_up(flat * left, FIXINGS)
    mark = min(highest, mean if is_call else strike)
    short = _charged(mark, price, out_of_the_money, is_call=is_call)
    return AsianUnit(lowest, highest, short)


def _charged(mark: int, price: int, out_of_the_money: int, *, is_call: bool) -> ShortUnit:
    initial = max(mul_up(price, INITIAL_PERCENT, 100) - out_of_the_money, 0)
    initial = mark + max(initial, mul_up(price, INITIAL_FLOOR_PERCENT, 100))
    maintenance = mul_up(price, MAINTENANCE_PERCENT, 100)
    if is_call:
        return ShortUnit(mark, initial, mark + maintenance)
    maintenance = mark + max(maintenance, mul_up(mark, MAINTENANCE_PERCENT, 100))
    return ShortUnit(mark, max(initial, mul_up(maintenance, PUT_INITIAL_PERCENT, 100)), maintenance)


def _sqrt_up(number: int) -> int:
    root = isqrt(number)
    return root + (root * root < number)
