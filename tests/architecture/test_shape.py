"""The size of things, and who may write."""

import ast

import pytest

from tests.architecture.tree import APPS, ROOT, modules, name, syntax

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
EDGES = ("views", "api", "forms", "tasks")
CLOCKS = ("now", "today", "utcnow")


def test_no_module_is_longer_than_it_can_be_read() -> None:
    long = {
        name(p): count
        for p in modules(tests=True)
        if (count := len(p.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
    }

    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name(path)}:{node.name}": length
        for path in modules(tests=True)
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }

    assert long == {}


def _kind(parts: tuple[str, ...]) -> str:
    return next((p.removesuffix(".py") for p in parts if p.removesuffix(".py") in EDGES), "")


def test_the_edges_never_touch_a_table() -> None:
    touches = [
        f"{name(path)}:{node.lineno}"
        for path in modules()
        if _kind(path.relative_to(ROOT).parts)
        for node in ast.walk(syntax(path))
        if (isinstance(node, ast.Attribute) and node.attr in ("objects", "_default_manager"))
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("save", "bulk_create", "full_clean")
        )
    ]

    assert touches == []


@pytest.mark.parametrize("layer", ["actions", "queries", "rules", "models"])
def test_nothing_below_the_edges_reads_the_clock(layer: str) -> None:
    reads = [
        f"{name(path)}:{node.lineno}"
        for path in modules()
        if layer in {p.removesuffix(".py") for p in path.relative_to(ROOT).parts}
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("timezone", "datetime", "date", "time")
    ]

    assert reads == []


def test_no_import_hides_inside_a_function() -> None:
    hidden = [
        f"{name(path)}:{inner.lineno}"
        for path in modules(tests=True)
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.FunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]

    assert hidden == []


def test_the_rules_are_pure() -> None:
    impure = [
        f"{name(path)}: {module}"
        for path in modules()
        if "rules" in {p.removesuffix(".py") for p in path.relative_to(ROOT).parts}
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.ImportFrom | ast.Import)
        for module in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
        if module.startswith(("django.db.transaction", "django.http", "django.conf", "celery"))
        or module.endswith((".actions", ".queries", ".views"))
    ]

    assert impure == []


def test_every_package_says_what_it_is_or_is_empty() -> None:
    silent = [
        name(path)
        for path in modules()
        if path.name != "__init__.py" and not ast.get_docstring(syntax(path))
    ]

    assert silent == []
    assert APPS == ("portal", "merchants", "terminals", "transactions")
