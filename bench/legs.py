"""Claim: six option legs of 600 instruments at 3 venues are chosen in 300 ms, at most 1 % off.

Our search against HiGHS's mixed-integer solver on the same menu in one process on one thread: 33
scenarios, greek boxes, a loss budget, at most 6 legs. Printed: seconds of both and their ratio, how
far ours is from what HiGHS ended with and from the bound it proved (to 1e-4 where it says optimal),
our own bound, and what 0.1 lots cost beyond that. Nothing is asserted here.

    python bench/legs.py [synthetic seeds of each kind] [recorded chains] [seconds for HiGHS]
"""

import os
import pathlib
import statistics
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from bench.reference.chains import COVERED, INCOME, LOT, Task, recorded_tasks, synthetic, table
from bench.reference.peers.milp import optimum
from solver.routing.legs.search import Search
from solver.routing.legs.whole import in_lots

SHARED = pathlib.Path(
    os.environ.get("SOLVENT_SHARED", pathlib.Path(__file__).parents[2] / "shared")
)
CHAINS = SHARED / "data/options/deribit_chain_snapshots.parquet"


def measure(task: Task, seconds: float) -> tuple[float, float]:
    """Prints one line. Returns our seconds and the ratio."""
    began = time.perf_counter()
    menu = table(task).menu
    built = time.perf_counter()
    found = Search(menu).found()
    searched = time.perf_counter()
    whole = in_lots(menu, found, LOT) if found else None
    ended = time.perf_counter()
    proved = optimum(menu, seconds)
    theirs = time.perf_counter() - ended
    ours = ended - began  # the menu too
    if found is None or proved is None:
        print(f"{task.name:<28} ours {found and found.cost} HiGHS {proved and proved.cost}")
        return ours, theirs / ours
    off = (found.cost - proved.cost) / abs(proved.cost)
    most = (found.cost - proved.bound) / abs(proved.bound)
    gap = (found.cost - found.bound) / abs(found.cost)
    lots = (whole.cost - found.cost) / abs(found.cost) if whole else float("nan")
    print(
        f"{task.name:<28} {len(menu.cost):>6} columns {len(menu.fixed):>5} legs | menu "
        f"{(built - began) * 1e3:4.0f} search {(searched - built) * 1e3:4.0f} lots "
        f"{(ended - searched) * 1e3:3.0f} ms | HiGHS {theirs:5.1f} s {proved.status}, "
        f"x{theirs / ours:6.0f} | off {off:8.3%} of it, {most:7.3%} of its bound | our bound "
        f"{gap:6.2%} | lots {lots:7.3%}",
        flush=True,
    )
    return ours, theirs / ours


def main(seeds: int, chains: int, seconds: float) -> None:
    """Runs every instance once, each a new one: nothing is warm."""
    tasks = [synthetic(seed, kind) for seed in range(seeds) for kind in (COVERED, INCOME)]
    if CHAINS.is_file():
        tasks += recorded_tasks(CHAINS, chains)
    else:
        print("skipped: no recorded chains here; SOLVENT_SHARED names the folder that holds them")
    Search(table(synthetic(99, INCOME, 1, 5)).menu).found()  # imports
    rows = [measure(task, seconds) for task in tasks]
    ours, ratios = zip(*rows, strict=True)
    print(
        f"median {statistics.median(ours) * 1e3:.0f} ms, slowest {max(ours) * 1e3:.0f} ms, "
        f"median ratio {statistics.median(ratios):.0f}, n {len(rows)}"
    )


if __name__ == "__main__":
    given = sys.argv[1:]
    numbers = [int(number) for number in given] + [2, 2, 60][len(given) :]
    main(numbers[0], numbers[1], numbers[2])
