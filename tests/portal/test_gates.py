"""SEC-01, SEC-02 and SEC-30: what other programs must say of the code before it is served."""

import json
import re
import secrets
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.architecture.tree import APPS, ROOT, modules, name
from tests.surroundings import surroundings

WAIT_SECONDS = 300
MOST_EXCEPTIONS = 5
EXCEPTION = re.compile(r"# nosec B\d{3}(, B\d{3})*\s+#.* - \w.{8,}")
# What is older than this has a hole that was published, or loses messages.
FLOORS = {
    "django": SpecifierSet(">=5.2.17"),  # CVE-2026-15307, -15337, -15830, -15920
    "weasyprint": SpecifierSet(">=70.0"),  # CVE-2026-55073: the fetcher was not always asked
    "kombu": SpecifierSet(">=5.4"),  # a worker hung when Redis came back
}
PRODUCTION = {"DEBUG": "0", "ALLOWED_HOSTS": "portal.example"}
Process = subprocess.Popen[str]


def start(*command: str, **environment: str) -> Process:
    """Start a program on this tree with this Python."""
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=surroundings(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def programs() -> Iterator[dict[str, Process]]:
    """All of them, started at once because each takes seconds."""
    check = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    begun = {
        "bandit": start("-m", "bandit", "-r", *APPS, "-ll", "-ii", "-f", "json", "-q"),
        "check": start(*check, SECRET_KEY=secrets.token_urlsafe(64), **PRODUCTION),
        "careless": start(*check, SECRET_KEY="a" * 60, **PRODUCTION),
    }
    yield begun
    for program in begun.values():
        program.kill()
        program.communicate()


def exceptions() -> list[str]:
    """Every comment in our code that takes a line out of the scan."""
    found = []
    for path in (path for path in modules() if "nosec" in path.read_text(encoding="utf-8")):
        with tokenize.open(path) as file:
            found += [
                f"{name(path)}:{token.start[0]} {token.string}"
                for token in tokenize.generate_tokens(file.readline)
                if token.type == tokenize.COMMENT and "nosec" in token.string
            ]
    return found


@pytest.mark.parametrize("package", FLOORS)
def test_nothing_older_than_its_floor_is_installed_asked_for_or_locked(package: str) -> None:
    asked = {Requirement(line).name.lower(): Requirement(line) for line in _wanted("project")}
    pinned = [
        number
        for lock in ROOT.glob("requirements*.lock")
        for number in re.findall(rf"(?mi)^{package}==([^\s;]+)", lock.read_text(encoding="utf-8"))
    ]

    assert FLOORS[package].contains(version(package))
    assert len(pinned) >= 1
    assert [number for number in pinned if not FLOORS[package].contains(number)] == []
    lowest = next(part.version for part in asked[package].specifier if part.operator == ">=")
    assert FLOORS[package].contains(lowest)


def test_what_is_installed_meets_every_requirement_that_is_stated() -> None:
    wanted = [Requirement(line) for line in (*_wanted("project"), *_wanted("test"))]
    unmet = [
        f"{need.name} {version(need.name)}, wanted {need.specifier}"
        for need in wanted
        if not need.specifier.contains(version(need.name), prereleases=True)
    ]

    assert len(wanted) >= 30
    assert unmet == []


def _wanted(part: str) -> list[str]:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines: list[str] = (
        stated["project"]["dependencies"]
        if part == "project"
        else stated["dependency-groups"][part]
    )
    return lines


def test_exceptions_from_the_scan_are_few_and_each_says_what_and_why() -> None:
    assert len(exceptions()) <= MOST_EXCEPTIONS
    assert [comment for comment in exceptions() if not EXCEPTION.search(comment)] == []


def test_the_settings_of_a_deployment_raise_no_concern(programs: dict[str, Process]) -> None:
    said, complaints = programs["check"].communicate(timeout=WAIT_SECONDS)

    assert (complaints, programs["check"].returncode) == ("", 0)
    assert said.strip() == "System check identified no issues (0 silenced)."


def test_a_deployment_whose_key_can_be_guessed_is_refused(programs: dict[str, Process]) -> None:
    _said, complaints = programs["careless"].communicate(timeout=WAIT_SECONDS)

    assert programs["careless"].returncode == 1
    assert "portal.E001" in complaints or "security.W009" in complaints


def test_the_scan_for_known_mistakes_finds_none(programs: dict[str, Process]) -> None:
    said, _warnings = programs["bandit"].communicate(timeout=WAIT_SECONDS)
    report = json.loads(said)

    assert [
        f"{found['filename']}:{found['line_number']} {found['test_id']}"
        for found in report["results"]
    ] == []
    assert report["errors"] == []
    assert report["metrics"]["_totals"]["loc"] > 10_000
