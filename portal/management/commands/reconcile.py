"""Proves what must always be so, and says where it is not."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db.transaction import atomic
from django.utils import timezone
from django.utils.module_loading import import_string

from portal.audit.queries import compare_rows
from portal.jobs.queries import compare_queue, compare_results
from portal.kit.command import Command as BaseCommand
from portal.kit.command import NotSo
from portal.kit.finding import Finding

Reconciler = Callable[[], Finding]


class Command(BaseCommand):
    """Runs every invariant in one snapshot of its own; exit 1 if any is broken."""

    help = "Prove that keys, totals, files, queues and the audit log agree; exit 1 on a breach."

    def work(self, **_options: Any) -> dict[str, Any]:
        """Ask each reconciler what it compared and found."""
        now = timezone.now()
        reconcilers: dict[str, Reconciler] = {
            "queue": partial(compare_queue, now=now),
            "job_files": partial(compare_results, now=now),
            "audited_rows": compare_rows,
            **{name: import_string(path) for name, path in settings.RECONCILERS.items()},
        }
        found = {}
        for name, reconciler in sorted(reconcilers.items()):
            with atomic():
                found[name] = reconciler()
        result = {
            "as_of": now,
            "holds": all(finding.holds for finding in found.values()),
            "invariants": {
                name: {"checked": finding.checked, "breaches": list(finding.breaches)}
                for name, finding in found.items()
            },
        }
        if not result["holds"]:
            raise NotSo(result)
        return result

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Write one line for each invariant, and one for each breach."""
        written = []
        for name, finding in result["invariants"].items():
            count = len(finding["breaches"])
            said = "holds" if not count else f"{count} broken"
            written.append(f"{name}: {finding['checked']:,} compared, {said}")
            written += [f"  {breach}" for breach in finding["breaches"]]
        return written
