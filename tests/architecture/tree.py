"""What the architecture tests read: the committed files and the syntax trees of our code."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("portal", "merchants", "terminals", "transactions")


@cache
def committed() -> tuple[Path, ...]:
    """Every file that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")
    return tuple(ROOT / name for name in listed if name and (ROOT / name).is_file())


@cache
def modules(*, tests: bool = False) -> tuple[Path, ...]:
    """Our Python modules, migrations apart."""
    tops = (*APPS, "tests") if tests else APPS
    return tuple(
        path
        for path in committed()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in tops
        and "migrations" not in path.relative_to(ROOT).parts[:-1]
    )


@cache
def syntax(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    """A path as people write it."""
    return str(path.relative_to(ROOT))
