"""Takes a maker's list of serial numbers (CSV) into the register."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db.transaction import atomic
from django.utils import timezone

from portal.kit.command import Command as BaseCommand
from portal.kit.command import refuse, system
from terminals.fleet.actions import registry
from terminals.fleet.rules.maker_lists import FLAGS, Remark, Unreadable, explain

SHOWN = 20
MOST_BYTES = 64 * 1024 * 1024


class Command(BaseCommand):
    """Imports good lines, says of every other line why not; a second run changes nothing."""

    help = (
        "Take a maker's list of serial numbers (CSV) into the register. Lines that cannot be"
        " taken are named with their number; the others are imported all the same."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare FILE, --maker and --dry-run."""
        parser.add_argument("file", type=Path, help="the list, CSV in UTF-8 or GBK")
        parser.add_argument(
            "--maker", default="", help="the maker, where the file has no column for it"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change and change nothing"
        )

    def work(self, **options: Any) -> dict[str, Any]:
        """Hand the list in and, unless it is a dry run, take it in."""
        file: Path = options["file"]
        actor = system("import_registry", "registry.import", "registry.read")
        now = timezone.now()
        try:
            if file.stat().st_size > MOST_BYTES:
                refuse(f"{file} is larger than {MOST_BYTES // 1024 // 1024} MB.")
            content = file.read_bytes()
        except OSError as missing:
            refuse(f"{file} cannot be read: {missing.strerror}.")
        try:
            with atomic():
                handed = registry.hand_in(
                    actor=actor,
                    file_name=file.name,
                    content=content,
                    maker=options["maker"],
                    now=now,
                )
                if not options["dry_run"]:
                    handed = registry.take_in(handed, actor=actor, now=now)
        except Unreadable as bad:
            refuse(f"{file}: {explain(bad)}")
        remarks = registry.read_remarks(handed)
        return {
            "file": file.name,
            "sha256": handed.sha256,
            "encoding": handed.encoding,
            "imported": not options["dry_run"],
            "lines": handed.lines,
            "new": handed.new,
            "changed": handed.changed,
            "known": handed.known,
            "flagged": handed.flagged,
            "rejected": handed.rejected,
            "rejects": [_told(r) for r in remarks if r.code not in FLAGS],
            "flags": [_told(r) for r in remarks if r.code in FLAGS],
        }

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Write the counts, then the first rejected and flagged lines."""
        counts = ("lines", "new", "changed", "known", "flagged", "rejected")
        said = [f"{result['file']} ({result['encoding']})"]
        said.append(", ".join(f"{name} {result[name]:,}" for name in counts))
        noted = result["rejects"] + result["flags"]
        said += [f"line {r['line']}: {r['reason']} {r['cell']}".rstrip() for r in noted[:SHOWN]]
        if len(noted) > SHOWN:
            said.append(f"and {len(noted) - SHOWN:,} more lines")
        if not result["imported"]:
            said.append("dry run: the register is as it was")
        return said


def _told(remark: Remark) -> dict[str, Any]:
    return {
        "line": remark.line,
        "code": remark.code.value,
        "reason": str(remark.code.label),
        "cell": remark.cell,
    }
