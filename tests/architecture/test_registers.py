"""Lists that must agree: events, tasks, commands."""

import re

import pytest
from celery import current_app
from django.utils.module_loading import import_string

from portal.audit.events import EVENTS
from portal.schedule import BEAT
from tests.architecture.tree import APPS, ROOT, modules

BY_TRIGGER = {"row.insert", "row.update", "row.delete"}


def test_every_event_is_written_somewhere_and_tested() -> None:
    code = "\n".join(p.read_text(encoding="utf-8") for p in modules() if p.name != "events.py")
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("*.py"))
    silent = {event for event in EVENTS if event not in BY_TRIGGER and f'"{event}"' not in code}
    untested = {event for event in EVENTS if event not in tests}

    assert silent == set()
    assert untested == set()


@pytest.mark.parametrize("line", BEAT.values(), ids=BEAT.keys())
def test_every_line_of_the_timetable_names_a_task(line: dict[str, str]) -> None:
    task = import_string(line["task"])

    assert task.name == line["task"]
    assert task.name in current_app.tasks


def test_every_command_has_a_test() -> None:
    commands = {
        path.stem
        for app in APPS
        for path in (ROOT / app / "management/commands").glob("[a-z]*.py")
    }
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("*.py"))

    assert {command for command in commands if not re.search(rf"\b{command}\b", tests)} == set()
