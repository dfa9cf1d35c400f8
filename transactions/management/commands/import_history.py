"""``import_history TX LABELS --workspace W``: labelled history in, each line accounted for."""

import csv
import re
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.utils import timezone

from portal.kit.command import Command as PortalCommand
from portal.kit.command import Progress, refuse, system
from transactions.intake.actions.history import Imported, Rejection, import_history
from transactions.intake.actions.history_files import Unreadable, encoding_of, lines_of
from transactions.intake.rules.history import Unfit

WORKSPACE = re.compile(r"[A-Za-z0-9_.-]{1,32}", re.ASCII)
LISTED = 100


class Command(PortalCommand):
    """Take in a file of transactions and one of labels (CSV, plain or gzip, UTF-8 or GBK)."""

    help = (
        "Take labelled transactions into a workspace. Lines that are not as agreed are refused"
        " with their number; running it again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the files, the workspace and what may be made."""
        parser.add_argument("transactions", type=Path, metavar="TX")
        parser.add_argument("labels", type=Path, metavar="LABELS", nargs="?")
        parser.add_argument("--workspace", required=True, help="the name these records go by")
        parser.add_argument(
            "--create-missing",
            action="store_true",
            help="make merchants, stores and (retired) terminals that are not known",
        )
        parser.add_argument(
            "--rejects", type=Path, metavar="F", help="write every refused line's number here"
        )

    def work(self, **options: Any) -> dict[str, Any]:
        """Import, and say what became of every line."""
        workspace = options["workspace"]
        if not WORKSPACE.fullmatch(workspace):
            refuse("--workspace must be 1 to 32 letters, digits or _.-")
        began = time.monotonic()
        files = [path for path in (options["transactions"], options["labels"]) if path]
        listed: list[Rejection] = []
        with ExitStack() as stack:
            encodings = [_encoding(path) for path in files]
            lines = [
                stack.enter_context(lines_of(path, encoding))
                for path, encoding in zip(files, encodings, strict=True)
            ]
            reject = stack.enter_context(_rejects(options["rejects"], listed))
            try:
                done = import_history(
                    actor=system("import_history", "history.import"),
                    workspace=workspace,
                    transactions=lines[0],
                    labels=lines[1] if lines[1:] else None,
                    create_missing=options["create_missing"],
                    now=timezone.now(),
                    reject=reject,
                    progress=Progress("lines read").tick,
                )
            except Unfit as unfit:
                refuse(str(unfit))
        seconds = time.monotonic() - began
        return _result(workspace, encodings, done, listed, seconds)

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Write the result for a person."""
        said = []
        for name in ("transactions", "labels"):
            if result[name]:
                figures = ", ".join(f"{count:,} {word}" for word, count in result[name].items())
                said.append(f"{name} ({result['encodings'][name]}): {figures}")
        said.append(", ".join(f"{n:,} {what} made" for what, n in result["created"].items()))
        said += [
            f"{each['file']} line {each['line']}: {each['field']} {each['why']}"
            for each in result["rejections"]
        ]
        said.append(f"{result['seconds']} s, {result['rows_per_second']:,} lines a second")
        return said


def _encoding(path: Path) -> str:
    try:
        return encoding_of(path)
    except (OSError, Unreadable) as broken:
        refuse(str(broken))


@contextmanager
def _rejects(path: Path | None, listed: list[Rejection]) -> Iterator[Any]:
    """Keep the first refusals for the result, and all of them in a file where one is named."""
    with ExitStack() as stack:
        writer = None
        if path is not None:
            file = stack.enter_context(path.open("w", newline="", encoding="utf-8"))
            writer = csv.writer(file)
            writer.writerow(["file", "line", "field", "why"])

        def reject(rejection: Rejection) -> None:
            if len(listed) < LISTED:
                listed.append(rejection)
            if writer is not None:
                writer.writerow(asdict(rejection).values())

        yield reject


def _result(
    workspace: str,
    encodings: list[str],
    done: Imported,
    listed: list[Rejection],
    seconds: float,
) -> dict[str, Any]:
    def figures(taken: Any) -> dict[str, int] | None:
        if taken is None:
            return None
        return {
            "in": taken.lines,
            "new": taken.new,
            "changed": 0,
            "unchanged": taken.unchanged,
            "conflicting": taken.conflicting,
            "rejected": taken.rejected,
        }

    lines = done.transactions.lines + (done.labels.lines if done.labels else 0)
    rows = figures(done.transactions) or {}
    return {
        "workspace": workspace,
        **rows,
        "transactions": rows,
        "labels": figures(done.labels),
        "created": {
            "merchants": done.merchants,
            "stores": done.stores,
            "terminals": done.terminals,
        },
        "encodings": dict(zip(("transactions", "labels"), encodings, strict=False)),
        "rejections": [asdict(each) for each in listed],
        "seconds": round(seconds, 2),
        "rows_per_second": int(lines / seconds) if seconds else 0,
    }
