"""What no committed file may say."""

import re

from tests.architecture.tree import ROOT, committed, name

# Spelt in pieces, so that this file does not say them either.
HOSTS = re.compile(
    "|".join(
        [
            "pypi" + r"\.org",
            "pythonhosted" + r"\.org",
            "npmjs" + r"\.(org|com)",
            r"deb\." + "debian",
            "js" + "delivr",
            "unpkg" + r"\.com",
        ]
    )
)
PLACES = re.compile("|".join(["/" + "work/main", "/" + "root/", "/" + "home/[a-z]"]))
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX ", "NotImplemented" + "$"]))
TEXT = {
    ".py",
    ".md",
    ".html",
    ".css",
    ".js",
    ".toml",
    ".txt",
    ".lock",
    ".sh",
    ".po",
    ".cfg",
    ".yml",
    ".yaml",
    ".json",
    ".svg",
    ".sql",
    "",
}


def _saying(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name(path)}:{number}"
        for path in committed()
        if path.suffix in TEXT
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert _saying(HOSTS) == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    assert _saying(PLACES) == []


def test_nothing_is_marked_unfinished() -> None:
    assert _saying(UNFINISHED) == []


def test_the_locks_name_no_host_and_pin_every_wheel_by_hash() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text(encoding="utf-8")

        assert "://" not in text
        assert text.count("==") <= text.count("--hash=sha256:")
