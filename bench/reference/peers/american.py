"""QuantLib's QdFp engine for American options, which our own boundary solver is held against."""

import QuantLib  # type: ignore[import-untyped]

from solver.pricing.exotics.flat import Flat, require


def american_quantlib(flat: Flat) -> float:
    """Returns the value by QuantLib's QdFp engine at high precision, the same method by others.

    QuantLib counts in days: the option is one of 365 days with rates and variance scaled, and its
    process-wide date is set to the same day each time.
    """
    require(flat)
    start, days = QuantLib.Date(1, 1, 2026), QuantLib.Actual365Fixed()
    QuantLib.Settings.instance().evaluationDate = start
    rates = (
        QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(start, rate * flat.years, days))
        for rate in (flat.dividend, flat.rate)
    )
    vol = QuantLib.BlackConstantVol(start, QuantLib.NullCalendar(), flat.deviation, days)
    spot = QuantLib.QuoteHandle(QuantLib.SimpleQuote(flat.spot))
    model = QuantLib.BlackScholesMertonProcess(
        spot, *rates, QuantLib.BlackVolTermStructureHandle(vol)
    )
    right = QuantLib.Option.Call if flat.is_call else QuantLib.Option.Put
    payoff = QuantLib.PlainVanillaPayoff(right, flat.strike)
    option = QuantLib.VanillaOption(payoff, QuantLib.AmericanExercise(start, start + 365))
    scheme = QuantLib.QdFpAmericanEngine.highPrecisionScheme()
    option.setPricingEngine(QuantLib.QdFpAmericanEngine(model, scheme))
    return float(option.NPV())
