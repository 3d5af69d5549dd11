"""The report of a stress replay: Markdown for people, JSON for machines, the same figures."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.stress.suite import WindowResult
from solver.domain.health import STATES
from solver.margin.contagion import Outcome

DEVIATIONS = """\
Prices between the recorded highs and lows are drawn, users and their books are made up, makers hold
four times their initial margin and more than the twenty slots that the chain allows. Nobody
deposits during a crash, no option expires in it, and the warning by probability of a breach, which
moves no money, is left out.

Closing in steps supposes that every user signed protection. Users who did not are sold by auction
alone: that row stands beside the others and is **held to no bound**. Steps are in proportion to the
book, not the cheapest program; they survive four deviations of a minute by the greater of the
forecast and the last ten minutes, where the service takes the forecast, and stop where a minute of
them moves the price by 3 %. Makers take what is bankrupt, five minutes untaken and beyond the fund
without hedging it.

The baseline closes everything of an account at the market at once; 1.5 times what that loses is a
goal, which the verdict does not hang on. Only three faults have a baseline of their own, and in
that of shallow books makers themselves run dry, so its ratio flatters us. The cap on steps was
chosen on the falls of 2021 and 2024: there the ratios are not out of sample. A storm ends ten
minutes after its worst: what is still for sale then is counted by neither. Faults "alone" hold
prices flat; inside a crash a stable coin's fall does change who loses. Re-margining is timed in
seconds of the thread's own processor time, the collector off, before anybody is judged exactly."""


def markdown(
    found: Sequence[WindowResult],
    missing: Sequence[tuple[str, str]],
    pictures: Iterable[str],
    *,
    accounts: int,
    seed: int,
) -> str:
    """Returns the report. `missing` are windows and why they were not replayed."""
    verdict = "all checks passed" if all(each.passed for each in found) else "CHECKS FAILED"
    lines = [
        "# Stress and contagion replay",
        "",
        f"{accounts:,} users on {len(found)} recorded windows, seed {seed}: **{verdict}**.",
        "",
    ]
    lines += [f"- Not replayed: {name}: {why}." for name, why in missing]
    named = list(pictures)
    for place, each in enumerate(found):
        lines += ["", f"## {each.stage.name}", ""]
        lines += [f"![{each.stage.name}]({named[place]})", ""] if place < len(named) else []
        lines += [*_summary(each), "", *_checks(each), "", *_faults(each)]
    return "\n".join([*lines, "", "## What is not as in life", "", DEVIATIONS, ""])


def document(found: Sequence[WindowResult], missing: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Returns the same figures as JSON."""
    windows = {}
    for each in found:
        replays = [*each.outcomes, *each.baselines, each.auction, *each.alone]
        windows[each.stage.name] = {
            "passed": each.passed,
            "openInterest": each.population.interest,
            "checks": [check._asdict() | {"passed": check.passed} for check in each.checks],
            "replays": [_row(outcome) for outcome in replays],
            "liquidationBuckets": dict(zip(each.crowd.moves, each.crowd.shares, strict=True)),
        }
    return {"passed": all(each.passed for each in found), "windows": windows, "missing": missing}


def _row(outcome: Outcome) -> dict[str, Any]:
    last = outcome.ticks[-1]
    return {
        "stage": outcome.stage,
        "fault": outcome.faults.name,
        "policy": outcome.faults.policy,
        "ticks": len(outcome.ticks),
        "liquidated": len(outcome.liquidated),
        "sold": last.sold,
        "badDebt": outcome.bad_debt,
        "deleveraged": outcome.deleveraged,
        "deleveragings": outcome.events,
        "waitingMost": outcome.waiting,
        "pending": outcome.pending,
        "fees": outcome.fees,
        "fund": last.fund,
        "slowestRemarginSeconds": outcome.seconds,
        "leastMakerCover": outcome.makers,
        "amplification": beyond(outcome),
        "states": dict(zip(STATES, last.states, strict=True)),
    }


def beyond(outcome: Outcome) -> float:
    """Returns how far the market that suffered most traded below its recorded low, as a share."""
    markets = range(len(outcome.ticks[0].traded))
    lows = [
        min(tick.traded[m] for tick in outcome.ticks)
        / min(tick.recorded[m] for tick in outcome.ticks)
        for m in markets
    ]
    return 1 - min(lows)


def _summary(each: WindowResult) -> list[str]:
    path, population = each.stage.path, each.population
    falls = (
        f"{symbol} {100 * (path[:, m].min() / path[0, m] - 1):.1f} %"
        for m, symbol in enumerate(each.stage.symbols)
    )
    risks = (
        f"{symbol} {risk.spot_initial / 1e4:.1f} % (re-estimate {later.spot_initial / 1e4:.1f} %)"
        for symbol, risk, later in zip(
            each.stage.symbols, each.stage.risks, each.stage.later, strict=True
        )
    )
    hours = len(path) / 60
    return [
        f"{hours:.0f} hours in ticks of a minute; to the low {', '.join(falls)}. Open interest "
        f"${population.interest / 1e6:,.1f}M, fund ${population.fund / 1e12:,.2f}M. Spot range in "
        f"force: {', '.join(risks)}."
    ]


def _checks(each: WindowResult) -> list[str]:
    rows = ["| check | figure | at most | |", "|---|--:|--:|---|"]
    for check in each.checks:
        missed = "**missed**" if check.is_goal else "**FAIL**"
        verdict = "pass" if check.passed else missed
        figure, bound = (_shown(value, check.unit) for value in (check.value, check.bound))
        rows.append(f"| {check.name} | {figure} | {bound} | {verdict} |")
    return rows


def _faults(each: WindowResult) -> list[str]:
    base = {outcome.faults.name: outcome for outcome in each.baselines}
    rows = [
        "| fault | liquidated | sold, of OI | bad debt | all at once | by deleveraging | below the "
        "recorded low | slowest re-margining |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for outcome in (*each.outcomes, each.auction):
        peer = base.get(outcome.faults.name)
        share = len(outcome.liquidated) / each.population.users
        cells = (
            outcome.faults.name,
            f"{len(outcome.liquidated):,} ({100 * share:.1f} %)",
            f"{100 * outcome.ticks[-1].sold / outcome.interest:.1f} %",
            _debt(outcome),
            "" if peer is None else _debt(peer),
            f"${outcome.deleveraged:,.0f} in {outcome.events}" if outcome.events else "none",
            f"{100 * beyond(outcome):.1f} %",
            f"{1000 * outcome.seconds:.0f} ms",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _debt(outcome: Outcome) -> str:
    return f"${outcome.bad_debt:,.0f} ({1e4 * outcome.bad_debt / outcome.interest:.1f} bp)"


def _shown(value: float, unit: str) -> str:
    if unit == "$":
        return f"${value:,.0f}"
    shown = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    return f"{shown} {unit}".strip()
