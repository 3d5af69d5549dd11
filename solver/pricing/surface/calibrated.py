"""The surfaces a market has when no recorded chain is given: fitted once, then written down."""

from solver.domain.calendar import DAY
from solver.domain.surface import Knot, Surface

# Our fit of Deribit's chains of 2026-01-21 15:41Z, a calm day, read at round tenors; forwards stand
# at the price. Errors are those of the fit at quoted options of 10 to 90 delta.
BUILT_IN = {
    "ETH": Surface(
        (
            Knot(1 * DAY, 808_628, 28_615_340, -232_642),
            Knot(7 * DAY, 5_058_239, 61_839_668, -211_934),
            Knot(30 * DAY, 24_169_679, 116_603_903, -159_458),
            Knot(90 * DAY, 85_548_463, 211_342_006, -162_635),
            Knot(180 * DAY, 189_430_621, 288_635_521, -154_093),
            Knot(365 * DAY, 414_560_925, 395_095_524, -143_958),
        ),
        rms_ppm=5_368,
        worst_ppm=21_917,
    ),
    "BTC": Surface(
        (
            Knot(1 * DAY, 433_676, 19_620_488, -251_376),
            Knot(7 * DAY, 2_735_540, 48_924_043, -264_616),
            Knot(30 * DAY, 11_936_343, 95_771_429, -227_711),
            Knot(90 * DAY, 42_307_443, 174_646_070, -201_910),
            Knot(180 * DAY, 97_767_632, 249_807_935, -221_956),
            Knot(365 * DAY, 225_807_884, 329_195_379, -231_368),
        ),
        rms_ppm=4_329,
        worst_ppm=14_716,
    ),
}
# For any other symbol: 80 % at the money, and Gatheral-Jacquier's power law phi = 0.75 theta^-1/2.
DEFAULT = Surface(
    (
        Knot(1 * DAY, 1_753_425, 31_405_435, -150_000),
        Knot(7 * DAY, 12_273_973, 83_090_972, -150_000),
        Knot(30 * DAY, 52_602_740, 172_014_654, -150_000),
        Knot(90 * DAY, 157_808_219, 297_938_120, -150_000),
        Knot(180 * DAY, 315_616_438, 421_348_130, -150_000),
        Knot(365 * DAY, 640_000_000, 600_000_000, -150_000),
    )
)


def built_in(symbol: str) -> Surface:
    """Returns the surface of an underlying, a generic one where none is written down for it."""
    return BUILT_IN.get(symbol, DEFAULT)
