"""One window as a picture: the fall, who came to harm in it, and what each fault made it cost."""

import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from app.backtest.draw import require_matplotlib
from app.stress.suite import WindowResult
from solver.domain.calendar import rfc3339
from solver.domain.health import BANKRUPT, CLOSED, LIQUIDATING, REDUCE_ONLY, STATES, WARNING
from solver.margin.contagion import Outcome
from solver.margin.contagion.checks import BUCKET_SHARE_MAX

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "require_matplotlib"]

INK, PALE, GRID = "#22303c", "#b9c4cd", "#e6eaed"
MARKETS = ("#e08a1e", "#1f5fa8")
SHADES = (
    (WARNING, "#f4dfae"), (REDUCE_ONLY, "#eaa94b"), (LIQUIDATING, "#d1552f"),
    (BANKRUPT, "#6d1313"), (CLOSED, "#8b97a1"),
)  # fmt: skip
OURS, AT_ONCE, BREACH = "#1f5fa8", "#c9a26b", "#c22f2f"
DPI = 130


def draw(result: WindowResult, path: pathlib.Path) -> None:
    """Writes a PNG. Raises Refused without matplotlib."""
    require_matplotlib()
    figure = _figure()
    grid = figure.add_gridspec(3, 2, width_ratios=(1.7, 1), height_ratios=(1.25, 1, 1))
    prices = figure.add_subplot(grid[0, 0])
    _prices(prices, result)
    _states(figure.add_subplot(grid[1, 0], sharex=prices), result)
    _open(figure.add_subplot(grid[2, 0], sharex=prices), result)
    _debts(figure.add_subplot(grid[:2, 1]), result)
    _buckets(figure.add_subplot(grid[2, 1]), result)
    verdict = "all checks passed" if result.passed else "NOT all checks passed"
    figure.suptitle(
        f"{result.stage.name}: {result.population.users:,} users, "
        f"${result.population.interest / 1e6:,.0f}M of open interest, {verdict}",
        x=0.01, ha="left", color=INK, fontsize=13,
    )  # fmt: skip
    figure.savefig(path, dpi=DPI)


def _figure() -> "Figure":
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    mpl.rcParams["font.size"] = 9
    figure = Figure(figsize=(15, 9.5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _hours(outcome: Outcome) -> Any:
    return np.arange(len(outcome.ticks)) / 60


def _prices(axes: "Axes", result: WindowResult) -> None:
    base, thin = result.outcomes[0], result.outcomes[2]
    hours = _hours(base)
    for m, (symbol, color) in enumerate(zip(result.stage.symbols, MARKETS, strict=True)):
        recorded = np.array([tick.recorded[m] for tick in base.ticks])
        low = np.array([tick.traded[m] for tick in thin.ticks])
        axes.plot(hours, 100 * recorded / recorded[0], color=color, linewidth=1.3, label=symbol)
        axes.plot(
            hours, 100 * low / recorded[0], color=color, linewidth=0.8, linestyle=":",
            label=f"{symbol}, depth to 2 %",
        )  # fmt: skip
    first, last = (tick / 60 for tick in result.stage.storm)
    axes.axvspan(first, last, color=BREACH, alpha=0.06, linewidth=0)
    axes.annotate(
        "storm: the faults' hours", (first, 1), xycoords=("data", "axes fraction"),
        xytext=(4, -12), textcoords="offset points", color=BREACH, fontsize=8,
    )  # fmt: skip
    unsure = np.array([any(s != "OK" for s in tick.oracle) for tick in base.ticks])
    axes.fill_between(
        hours, 0, 0.035, where=list(unsure), transform=axes.get_xaxis_transform(), color=INK,
        alpha=0.6, linewidth=0, label="oracle not sure",
    )  # fmt: skip
    axes.set_xlim(hours[0], hours[-1])
    least, most = axes.get_ylim()
    axes.set_ylim(least - 0.3 * (most - least), most + 0.06 * (most - least))
    axes.set_ylabel("% of the first price")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.04), ncols=3, frameon=False, fontsize=8)
    _plain(axes, "The fall as recorded, and as forced selling makes it where depth is gone")


def _states(axes: "Axes", result: WindowResult) -> None:
    base = result.outcomes[0]
    share = 100 / result.population.users
    rows = [[share * tick.states[STATES.index(s)] for tick in base.ticks] for s, _ in SHADES]
    names = ["warning", "reduce only", "liquidating", "bankrupt", "closed"]
    axes.stackplot(_hours(base), rows, labels=names, colors=[color for _, color in SHADES])
    axes.set_ylabel("% of users")
    axes.legend(loc="upper left", ncols=5, frameon=False, fontsize=8)
    axes.set_ylim(0, 1.25 * max(map(sum, zip(*rows, strict=True))) + 0.1)
    _plain(axes, "Who is not well, without faults (a price that is not sure raises initial margin)")


def _open(axes: "Axes", result: WindowResult) -> None:
    shown = ((result.outcomes[0], OURS, "-"), (result.baselines[0], AT_ONCE, "-"),
             (result.auction, BREACH, "--"))  # fmt: skip
    names = ("in steps, then auction", "all at once", "auction alone")
    for (outcome, color, style), name in zip(shown, names, strict=True):
        sold = [100 * tick.sold / outcome.interest for tick in outcome.ticks]
        axes.plot(_hours(outcome), sold, color=color, linestyle=style, label=name)
    axes.set_ylabel("% of open interest")
    axes.set_xlabel(f"hours from {rfc3339(result.stage.start)[:16].replace('T', ' ')} UTC")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    _plain(axes, "Sold by force, in all")


def _debts(axes: "Axes", result: WindowResult) -> None:
    peers = {each.faults.name: each for each in result.baselines}
    rows = [*result.outcomes, result.auction][::-1]
    places = np.arange(len(rows))
    ours = [_points(each) for each in rows]
    names = [each.faults.name for each in rows]
    axes.barh(places + 0.18, ours, 0.36, color=OURS, label="in steps, then auction")
    known = [(place, _points(peers[n])) for place, n in zip(places, names, strict=True)
             if n in peers]  # fmt: skip
    axes.barh(
        [place - 0.18 for place, _ in known], [points for _, points in known], 0.36,
        color=AT_ONCE, label="all at once",
    )  # fmt: skip
    labelled = [(place + 0.18, points) for place, points in zip(places, ours, strict=True)]
    for place, points in labelled + [(place - 0.18, points) for place, points in known]:
        axes.annotate(
            f"{points:,.1f}", (max(points, 0.1), place), xytext=(3, 0),
            textcoords="offset points", va="center", fontsize=7.5, color=INK,
        )  # fmt: skip
    axes.set_yticks(places, names)
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(0, 4 * max(1.0, *ours, *(points for _, points in known)))
    axes.set_xlabel("basis points of open interest, logarithmic above 1")
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    _plain(axes, "Bad debt: what the fund and deleveraging paid", axis="x")


def _points(outcome: Outcome) -> float:
    return 1e4 * outcome.bad_debt / outcome.interest


def _buckets(axes: "Axes", result: WindowResult) -> None:
    moves = 100 * np.array(result.crowd.moves)
    shares = 100 * np.array(result.crowd.shares)
    centres = moves - 0.25 * np.sign(moves)
    axes.bar(centres, shares, 0.5, color=OURS)
    bound = 100 * BUCKET_SHARE_MAX
    axes.axhline(bound, color=BREACH, linewidth=1, linestyle="--")
    axes.annotate(
        f"at most {bound:.0f} %", (moves.min(), bound), xytext=(2, 3),
        textcoords="offset points", color=BREACH, fontsize=8,
    )  # fmt: skip
    axes.set_ylim(0, 1.25 * bound)
    axes.set_xlabel("move of all prices, %")
    axes.set_ylabel("% of open interest")
    _plain(axes, "Where liquidations stand at the start, in 0.5 % buckets")


def _plain(axes: "Axes", title: str, axis: str = "y") -> None:
    axes.set_title(title, loc="left", color=INK, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=axis, color=GRID, linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
