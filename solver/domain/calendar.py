"""Civil dates from unix seconds and back, in integers: `solver` has no clock and no datetime.

Algorithm: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days_from_civil).
"""

from solver.domain.errors import Malformed

DAY = 86_400
YEAR = 31_536_000  # 365 days: the year of every annualised figure here


def _days_from_civil(year: int, month: int, day: int) -> int:
    year -= month <= 2
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return (
        era * 146097
        + year_of_era * 365
        + year_of_era // 4
        - year_of_era // 100
        + (day_of_year - 719468)
    )


def _civil_from_days(days: int) -> tuple[int, int, int]:
    days += 719468
    era, day_of_era = divmod(days, 146097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    return year_of_era + era * 400 + (month <= 2), month, day


def day_of(seconds: int) -> str:
    """Returns the UTC day of a unix time as YYYYMMDD."""
    year, month, day = _civil_from_days(seconds // DAY)
    return f"{year:04d}{month:02d}{day:02d}"


def seconds_of_day(text: str) -> int:
    """Returns unix seconds at the start of a YYYYMMDD day. Raises Malformed."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        raise Malformed(f"{text[:20]!r} is not a YYYYMMDD day")
    seconds = _days_from_civil(int(text[:4]), int(text[4:6]), int(text[6:])) * DAY
    if day_of(seconds) != text:
        raise Malformed(f"{text} is not a day of the calendar")
    return seconds


def rfc3339(seconds: int) -> str:
    """Returns a unix time as RFC 3339 UTC, whole seconds."""
    year, month, day = _civil_from_days(seconds // DAY)
    hour, rest = divmod(seconds % DAY, 3600)
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{rest // 60:02d}:{rest % 60:02d}Z"
