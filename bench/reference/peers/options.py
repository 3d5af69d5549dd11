"""QuantLib-Python and vollib over many options: their own calls in a plain loop, inputs converted
to Python's numbers beforehand."""

import math
from collections.abc import Callable

from bench.reference.options import Floats, Options

Loop = Callable[[], list[float]]


def quantlib_greeks(options: Options) -> Callable[[], object]:
    """Returns a run of BlackCalculator: price, delta, gamma, vega, theta and rho."""
    import QuantLib  # type: ignore[import-untyped]

    rows = [
        (QuantLib.Option.Call if c else QuantLib.Option.Put, F, K, v * math.sqrt(T), D, T)
        for F, K, T, v, c, D in _rows(options)
    ]

    def run() -> None:
        for right, F, K, deviation, D, T in rows:
            found = QuantLib.BlackCalculator(QuantLib.PlainVanillaPayoff(right, K), F, deviation, D)
            (
                found.value(), found.deltaForward(), found.gammaForward(), found.vega(T),
                found.theta(F, T), found.rho(T),
            )  # fmt: skip

    return run


def vollib_greeks(options: Options) -> Callable[[], object]:
    """Returns a run of py_vollib's Black: price, delta, gamma, vega, theta and rho."""
    from py_vollib.black import black  # type: ignore[import-untyped]
    from py_vollib.black.greeks import analytical  # type: ignore[import-untyped]

    rows = [
        ("c" if c else "p", F, K, T, -math.log(D) / T, v) for F, K, T, v, c, D in _rows(options)
    ]

    names = ("delta", "gamma", "vega", "theta", "rho")
    greeks = [getattr(analytical, name) for name in names]

    def run() -> None:
        for row in rows:
            black(*row)
            for greek in greeks:
                greek(*row)

    return run


def quantlib_implied(options: Options, prices: Floats) -> Loop:
    """Returns a run of blackFormulaImpliedStdDev, at an accuracy of 1e-12, from a guess of 0.3."""
    import QuantLib

    rows = [
        (QuantLib.Option.Call if c else QuantLib.Option.Put, K, F, price, D, math.sqrt(T))
        for (F, K, T, _, c, D), price in zip(_rows(options), prices.tolist(), strict=True)
    ]

    def run() -> list[float]:
        solve = QuantLib.blackFormulaImpliedStdDev
        return [
            solve(right, K, F, price, D, 0.0, 0.3, 1e-12, 200) / root
            for right, K, F, price, D, root in rows
        ]

    return run


def vollib_implied(options: Options, prices: Floats) -> Loop:
    """Returns a run of py_vollib's Black implied volatility (Jaeckel's algorithm)."""
    from py_vollib.black import implied_volatility as peer

    rows = [
        (price, F, K, -math.log(D) / T, T, "c" if c else "p")
        for (F, K, T, _, c, D), price in zip(_rows(options), prices.tolist(), strict=True)
    ]
    return lambda: [peer.implied_volatility(*row) for row in rows]


def _rows(options: Options) -> list[tuple[float, float, float, float, bool, float]]:
    return list(zip(*(column.tolist() for column in options), strict=True))
