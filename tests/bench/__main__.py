"""``make bench``: measures the product beside its peers and physical limits.

Starts a PostgreSQL and a Valkey of its own, fills three data sets, measures everything in
turns, prints a table and writes bench.json. A goal that is missed is printed as such; only
work that could not be done is a failure. QUICK=1 takes small data sets; BENCH_DATA keeps
them for the next run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

from portal.servers import Unavailable
from tests.bench import cluster, report, rows_doors, rows_pages, rows_stack, runs
from tests.bench.crew import Crew, Failed
from tests.bench.figures import Row
from tests.bench.setting import Setting

FULL = [800_000, 2_500_000, 8_000_000]
QUICK = [50_000, 200_000, 800_000]
GROUPS: dict[str, Callable[[Setting], list[Row]]] = {
    "first": rows_pages.first_page,
    "deep": rows_pages.deep_page,
    "search": rows_pages.searches,
    "staff": rows_pages.everyones,
    "beats": rows_doors.heartbeats,
    "sales": rows_doors.sales,
    "stack": rows_stack.stack,
}


def main() -> int:
    """Measure what is asked for; 1 if any of it could not be measured."""
    asked = _asked()
    sizes = sorted(asked.sizes or (QUICK if os.environ.get("QUICK") == "1" else FULL))
    rows: list[Row] = []
    troubles: list[str] = []
    try:
        place = cluster.start()
        needed = [name for name in asked.only if name != "stack"]
        cluster.provide(place, sizes if needed else [], say=tell)
        with Crew(place) as crew:
            quietly = tell if asked.verbose else _nothing
            setting = Setting(place, crew, sizes, asked.repeats, quietly)
            for name in asked.only:
                tell(f"Measuring: {name} …")
                try:
                    rows += GROUPS[name](setting)
                except Failed as failure:
                    troubles.append(f"{name}: {failure}")
    except Unavailable as trouble:
        tell(str(trouble))
        return 1
    written = report.write(rows, database=cluster.version(place))
    sys.stdout.write(f"{report.table(rows)}\n\n{_verdict(rows)} Written: {written}\n")
    for text in troubles:
        tell(f"NOT MEASURED: {text}")
    return 1 if troubles else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--sizes", nargs="+", type=int, metavar="ROWS")
    parser.add_argument("--repeats", type=int, default=runs.REPEATS)
    parser.add_argument("--verbose", action="store_true", help="tell every sample")
    return parser.parse_args()


def _verdict(rows: list[Row]) -> str:
    missed = sum(row.met is False for row in rows)
    met = sum(row.met is True for row in rows)
    return f"{met} goals met, {missed} MISSED." if missed else f"All {met} goals met."


def tell(text: str) -> None:
    """Say how far it is, with the time, on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _nothing(_text: str) -> None:
    """Say nothing."""


if __name__ == "__main__":
    sys.exit(main())
