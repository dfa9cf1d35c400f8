"""``export_transactions --from --to -o F``: exactly the rows of a filter, with their totals."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.utils import timezone

from portal.kit.command import Command as PortalCommand
from portal.kit.command import Progress, refuse, system
from portal.kit.money import plain
from transactions.intake.queries import ids_of_workspace
from transactions.records.actions.exports import Export, FileForm, UnusableFilter, export
from transactions.records.forms import said
from transactions.records.queries.sums import Sums
from transactions.records.rules.filters import CHOICES, Asked, parse

# option of the command: parameter of the page
OPTIONS = {
    "merchant": "merchant",
    "since": "from",
    "until": "to",
    "period": "period",
    "terminal": "terminal",
    "store": "store",
    "operator": "operator",
    "lowest": "min",
    "highest": "max",
    "search": "q",
}


class Command(PortalCommand):
    """Write the transactions of a filter into a file; filters are those of the page."""

    help = (
        "Write the transactions that the same filters show on the page, newest first, with"
        " row count, sums and SHA-256. Days are days in Shanghai, both included."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file and the filters."""
        parser.add_argument("-o", "--output", type=Path, required=True, metavar="F")
        parser.add_argument(
            "--format", dest="form", choices=[form.value for form in FileForm], default="csv"
        )
        parser.add_argument("--workspace", default="", help="only what was imported under it")
        parser.add_argument("--merchant", default="", help="merchant number")
        parser.add_argument("--from", dest="since", default="", help="first day, 2026-11-01")
        parser.add_argument("--to", dest="until", default="", help="last day, 2026-11-30")
        parser.add_argument("--period", default="", help="today, or 7d for the last seven days")
        parser.add_argument("--terminal", default="", help="serial number")
        parser.add_argument("--store", default="", help="store code")
        parser.add_argument("--operator", default="", help="operator number")
        parser.add_argument("--min", dest="lowest", default="", help="lowest amount")
        parser.add_argument("--max", dest="highest", default="", help="highest amount")
        parser.add_argument("--q", dest="search", default="", help="what the search box takes")
        for name, codes in CHOICES.items():
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, dest=name, action="append", default=[], choices=codes)

    def work(self, **options: Any) -> dict[str, Any]:
        """Write the file; it appears whole or not at all."""
        asked = _asked(options)
        among = ids_of_workspace(options["workspace"]) if options["workspace"] else None
        progress, count = Progress("rows written"), 0

        def tick(rows: int) -> None:
            nonlocal count
            count += rows
            if count % 1000 == 0:
                progress.tick(count)

        with _whole(options["output"]) as file:
            try:
                done = export(
                    actor=system(
                        "export_transactions",
                        "transaction.export",
                        "transaction.read",
                        "merchant.read",
                        "terminal.read",
                    ),
                    asked=asked,
                    form=FileForm(options["form"]),
                    target=file,
                    now=timezone.now(),
                    among=among,
                    progress=tick,
                )
            except UnusableFilter:
                refuse(_problems(asked))
        return _result(options["output"], done)


def _asked(options: dict[str, Any]) -> Asked:
    query = {parameter: [options[name]] for name, parameter in OPTIONS.items() if options[name]}
    query |= {name: options[name] for name in CHOICES}
    days = {"from", "to", "period"}
    if options["workspace"] and not days & set(query):
        # a workspace is bounded by itself, and mostly older than a month
        query["from"] = ["2000-01-01"]
    return parse(query, today=timezone.localdate())


def _problems(asked: Asked) -> str:
    return "; ".join(
        f"{name}: {said(problem, text)}" for name, (problem, text) in asked.problems.items()
    )


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Write beside the place and move there at the end."""
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(path)
    except OSError as broken:
        refuse(str(broken))
    finally:
        draft.unlink(missing_ok=True)


def _result(path: Path, done: Export) -> dict[str, Any]:
    return {
        "file": str(path),
        "rows": done.rows,
        "totals": [_totals(one) for one in done.sums],
        "bytes": done.size,
        "sha256": done.sha256,
    }


def _totals(one: Sums) -> dict[str, str]:
    return {
        "currency": one.currency,
        "sales": plain(one.sales_minor, one.currency),
        "refunds": plain(one.refunds_minor, one.currency),
        "net": plain(one.net_minor, one.currency),
    }
