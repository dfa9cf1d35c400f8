"""The one shape of our management commands: exit codes, --json, the worker's scope."""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader

from portal.kit.actor import Actor, ActorKind
from portal.kit.scope import WORKER, acting_as

DONE, NOT_SO, WRONG_USAGE = 0, 1, 2
BEHIND = (
    "The database is not at this version of the program. Run: manage.py migrate --database owner"
)


class NotSo(Exception):
    """The thing the command asked about is not so (exit 1); ``result`` is still printed."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__("not so")
        self.result = result


class WrongUsage(CommandError):
    """The command's words are off (exit 2)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=WRONG_USAGE)


class Progress:
    """Progress on stderr: a bar on a terminal, a line a second elsewhere."""

    def __init__(self, label: str, total: int | None = None) -> None:
        self.label, self.total = label, total
        self.said_at = 0.0

    def tick(self, done: int) -> None:
        """Say how far the work is, at most once a second."""
        now = time.monotonic()
        if now - self.said_at < 1:
            return
        self.said_at = now
        of = f" of {self.total:,}" if self.total else ""
        end = "\r" if sys.stderr.isatty() else "\n"
        sys.stderr.write(f"{self.label}: {done:,}{of}{end}")
        sys.stderr.flush()


class Command(BaseCommand):
    """Base of every command: subclasses write ``work`` and return a JSON-able result."""

    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Add --json to every command."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        self.add_json(parser)
        return parser

    def add_json(self, parser: ArgumentParser) -> None:
        """Declare ``--json``: one JSON object on stdout and nothing else there."""
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print one JSON object"
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Run the work as the system, print the result, set the exit code.

        :raises CommandError: if the database has not been brought to this version
        """
        code = DONE
        with acting_as(WORKER):
            try:
                result = self.work(**options)
            except NotSo as not_so:
                result, code = not_so.result, NOT_SO
            except DatabaseError as trouble:
                if _is_behind():
                    raise CommandError(BEHIND, returncode=NOT_SO) from trouble
                raise
        if options.get("as_json"):
            self.stdout.write(json.dumps(result, ensure_ascii=False, default=str))
        else:
            for line in self.lines(result):
                self.stdout.write(line)
        if code:
            sys.exit(code)

    def work(self, **options: Any) -> dict[str, Any]:
        """Do it and return the result."""
        raise NotImplementedError(type(self).__name__)

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Write the result for a person."""
        return [f"{name}: {value}" for name, value in result.items()]


def _is_behind() -> bool:
    """Ask whether a migration is missing, as the owner: the application's login may be too."""
    try:
        loader = MigrationLoader(connections["owner"])
    except DatabaseError:
        return False
    return bool(set(loader.disk_migrations) - set(loader.applied_migrations))


def system(label: str, *permissions: str) -> Actor:
    """Return the system as an actor with just the permissions a command needs."""
    return Actor(
        kind=ActorKind.SYSTEM, label=label, permissions=frozenset(permissions), via="COMMAND"
    )


def refuse(message: str) -> NoReturn:
    """End the command for wrong usage.

    :raises WrongUsage: always
    """
    raise WrongUsage(message)
