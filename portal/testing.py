"""The pytest plugin that gives the tests real servers of their own.

pytest-django reads the settings before any conftest.py, so this is a plugin, named in
``addopts``: by then the environment points at a throw-away PostgreSQL and Valkey, unless
DATABASE_URL or BROKER_URL name others. Subprocesses of the tests inherit it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from portal import embedded
from portal.servers import Unavailable

PREFIX = "portal-test-"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> None:
    """Start the servers before the settings are read.

    :raises pytest.UsageError: if a server cannot be had
    """
    if {"-h", "--help", "--version"} & set(args) or "PYTEST_XDIST_WORKER" in os.environ:
        return
    _forget_killed_runs()
    data = Path(tempfile.mkdtemp(prefix=PREFIX))
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    os.environ["PORTAL_DATA"] = str(data)
    lock = embedded.claim(data, what=f"A test run (process {os.getpid()})")
    if lock is None:
        raise pytest.UsageError(f"{data} is in use.")
    try:
        wanted = embedded.programs(data, throw_away=True)
        embedded.serve_until_exit(wanted, data, lock, outstay=False)
    except Unavailable as reason:
        raise pytest.UsageError(str(reason)) from reason


def _forget_killed_runs() -> None:
    """Remove what runs that were killed left: their lock is free."""
    for data in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if (data / "lock").exists() and os.access(data, os.W_OK):
            lock = embedded.claim(data, what="Removal")
            if lock is not None:
                shutil.rmtree(data, ignore_errors=True)
                lock.close()


def chromium() -> str | None:
    """Return the path of this machine's Chromium, if there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a browser where none is installed, and say so by the count."""
    if chromium():
        return
    out = [item for item in items if "browser" in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in out]
    config.hook.pytest_deselected(items=out)


def pytest_report_header() -> str | None:
    """Say which tests will not run."""
    return None if chromium() else "no Chromium: tests that open a page are left out"
