"""The line between the apps, and the tree that it stands in."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT, committed, name

FOLDERS = {
    ".ci",
    "merchants",
    "portal",
    "static",
    "templates",
    "terminals",
    "tests",
    "transactions",
}


def test_no_import_crosses_the_line() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert found.returncode == 0, found.stdout


def test_the_folders_at_the_top_are_the_fixed_ones() -> None:
    tops = {
        path.relative_to(ROOT).parts[0]
        for path in committed()
        if len(path.relative_to(ROOT).parts) > 1
    }

    assert tops == FOLDERS


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty_words = {
        "utils.py",
        "helpers.py",
        "common.py",
        "core.py",
        "services.py",
        "managers.py",
        "signals.py",
        "exceptions.py",
        "admin.py",
        "misc.py",
        "base_utils.py",
    }

    assert [name(p) for p in committed() if p.name in empty_words] == []
