"""Runs one line of the timetable now."""

from argparse import ArgumentParser
from typing import Any

from django.utils.module_loading import import_string

from portal.kit.command import Command as BaseCommand
from portal.kit.command import refuse
from portal.schedule import BEAT


class Command(BaseCommand):
    """Does by hand, or for cron, what the timetable does: the same sweep, without a broker."""

    help = f"Run one sweep now: {', '.join(sorted(BEAT))}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the name of the sweep."""
        parser.add_argument("name", help="a line of the timetable, see above")

    def work(self, **options: Any) -> dict[str, Any]:
        """Call the task as a function.

        :raises WrongUsage: if the timetable has no such line
        """
        name: str = options["name"]
        if name not in BEAT:
            refuse(f"There is no sweep {name}. Known: {', '.join(sorted(BEAT))}.")
        outcome: dict[str, int] = import_string(BEAT[name]["task"])()
        return {"sweep": name, **outcome}
