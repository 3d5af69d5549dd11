"""The backtest as one picture: what each day's move was, what was asked for it, and what broke.

matplotlib is no part of the service: it comes with the extra `reports` and is loaded here alone.
"""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from app.backtest.margin import Backtest
from solver.domain.errors import Refused
from solver.margin.predictive.coverage import OVERSHOOT_MAX, STEP_FACTOR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MOVE, CHARGE, PLAIN, BREACH = "#22303c", "#b9c4cd", "#1f5fa8", "#e08a1e", "#c22f2f"
DPI = 150


def draw(found: Sequence[Backtest], path: pathlib.Path) -> None:
    """Writes a PNG with one row a history. Raises Refused without matplotlib."""
    require_matplotlib()
    figure = _figure(len(found))
    grid = figure.add_gridspec(len(found), 2, width_ratios=(4.2, 1))
    for row, each in enumerate(found):
        _moves(figure.add_subplot(grid[row, 0]), each)
        _step(figure.add_subplot(grid[row, 1]), each)
    figure.savefig(path, dpi=DPI)


def require_matplotlib() -> None:
    """Raises Refused without matplotlib: better before the work than after it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        detail = "drawing needs matplotlib: install the extra `reports`, or pass --no-draw"
        raise Refused(detail, code="reportsMissing") from None


def _figure(rows: int) -> "Figure":
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    mpl.rcParams["font.size"] = 9
    figure = Figure(figsize=(14, 0.6 + 4.1 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _moves(axes: "Axes", each: Backtest) -> None:
    judged = slice(each.first, len(each.days.number))
    day: Any = each.days.number[judged].astype("datetime64[D]")
    moves, charge = 100 * np.abs(each.days.returns[judged]), 100 * each.charges.charge[judged]
    axes.vlines(day, 0, moves, color=MOVE, linewidth=0.7, label="|daily move|")
    plain = 100 * each.peer[judged]
    axes.plot(day, plain, color=PLAIN, linewidth=0.9, alpha=0.8, label="plain FHS-EWMA")
    floor = 100 * each.charges.floor[judged]
    axes.fill_between(
        day, 0.9 * floor, 1.6 * floor, color=CHARGE, alpha=0.08, linewidth=0, label="floor to cap"
    )
    axes.plot(day, charge, color=CHARGE, linewidth=1.6, label="charge C")
    broke = moves > charge
    axes.plot(day[broke], moves[broke], "o", color=BREACH, markersize=4.5, label="breach, |r| / C")
    for at in np.flatnonzero(broke):
        is_late = at > 0.85 * len(day)
        axes.annotate(
            f"{day[at]}  {moves[at] / charge[at]:.2f}",
            (day[at], moves[at]),
            xytext=(-6 if is_late else 6, 7),
            textcoords="offset points",
            ha="right" if is_late else "left",
            color=BREACH,
            fontsize=8,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.85, "lw": 0},
        )
    axes.set_ylim(0, 1.12 * max(moves.max(), plain.max(), charge.max()))
    axes.set_xlim(day[0], day[-1])
    axes.set_ylabel("% in a day")
    verdict = "accepted" if each.passed else "NOT accepted"
    told = f"{each.coverage.breaches} of {each.coverage.days} days breached"
    cover = f"coverage {100 * (1 - each.coverage.breaches / each.coverage.days):.2f} %"
    _title(
        axes,
        f"{each.name}, {each.span[0]} to {each.span[1]}: {verdict} · {cover} · {told}",
    )
    axes.legend(loc="upper right", ncols=5, frameon=False, fontsize=8)


def _step(axes: "Axes", each: Backtest) -> None:
    days = np.arange(len(each.response))
    axes.axhspan(
        STEP_FACTOR, STEP_FACTOR * (1 + OVERSHOOT_MAX), color=PLAIN, alpha=0.15, linewidth=0
    )
    axes.axhline(STEP_FACTOR, color=INK, linewidth=0.8, linestyle=":")
    axes.plot(days, each.response, color=CHARGE, linewidth=1.6)
    axes.annotate(
        "25 % above the new level",
        (days[-1], STEP_FACTOR * (1 + OVERSHOOT_MAX)),
        xytext=(-4, -11),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color=INK,
    )
    axes.set_xlim(0, days[-1])
    axes.set_ylim(0.8, STEP_FACTOR * (1 + OVERSHOOT_MAX) + 0.25)
    axes.set_xlabel("days after")
    axes.set_ylabel("charge / old level")
    _title(axes, "volatility x 3, for good")


def _title(axes: "Axes", text: str) -> None:
    axes.set_title(text, loc="left", color=INK, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6eaed", linewidth=0.6)
    axes.set_axisbelow(True)
