"""Prints the outcome as a table and writes it as bench.json."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from portal.embedded import ROOT
from tests.bench.figures import Row

TARGET = ROOT / "bench.json"
HEADS = ("row : peer", "size", "ours", "peer", "limit", "x peer", "x limit", "growth", "goal", "")
VERDICTS = {True: "met", False: "MISSED", None: ""}


def machine(database: str) -> dict[str, object]:
    """Return what the figures were taken on; ratios travel, figures do not."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": database,
        "load_at_end": round(os.getloadavg()[0], 2),
    }


def write(rows: Sequence[Row], *, database: str) -> Path:
    """Write bench.json and return where it is."""
    outcome = {
        "machine": machine(database),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": [row.as_json() for row in rows],
    }
    TARGET.write_text(json.dumps(outcome, indent=1, ensure_ascii=False) + "\n")
    return TARGET


def table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned text."""
    cells = [HEADS, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    lines = []
    for line in cells:
        first, *rest = line
        shown = [first.ljust(widths[0])]
        for text, width, head in zip(rest, widths[1:], HEADS[1:], strict=True):
            shown.append(text.ljust(width) if head in ("goal", "") else text.rjust(width))
        lines.append("  ".join(shown).rstrip())
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        f"{row.size:,}" if row.size else "",
        f"{_figure(row.ours)} {row.unit}",
        _figure(row.peer),
        _figure(row.limit),
        _figure(row.ratio_peer),
        _figure(row.ratio_limit),
        "" if row.exponent is None else f"{row.exponent:.2f}",
        row.goal.text(row.unit),
        VERDICTS[row.met],
    )


def _figure(value: float | None) -> str:
    """Write three significant digits."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
