"""Workers as the product starts them, against the database and the broker of the tests."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from django.conf import settings

from tests.architecture.tree import ROOT
from tests.surroundings import surroundings

DEADLINE_SECONDS = 60.0


def environment(**over: str) -> dict[str, str]:
    """The tests' environment, with the database that pytest made."""
    owner = settings.DATABASES["owner"]
    host, port = owner["HOST"], owner["PORT"]
    login = quote(owner["USER"]) + (f":{quote(owner['PASSWORD'])}" if owner["PASSWORD"] else "")
    place = f"{quote(str(host), safe='')}" if not str(host).startswith("/") else ""
    socket = f"?host={quote(str(host), safe='')}&port={port}" if not place else ""
    url = f"postgres://{login}@{place}{f':{port}' if place else ''}/{owner['NAME']}{socket}"
    return surroundings(**{"DATABASE_URL": url, "JOB_LEASE_SECONDS": "2", **over})


class Worker:
    """One worker with a timetable of its own; ``kill`` is the plug pulled out."""

    def __init__(self, folder: Path, *, slots: int = 2, **over: str) -> None:
        folder.mkdir(exist_ok=True)
        self.log = folder / "worker.log"
        self.environment = environment(JOB_SLOTS=str(slots), **over)
        command = ["-m", "celery", "-A", "tests.workers.app", "worker", "-c", "2", "-l", "INFO"]
        command += ["-B", "-s", str(folder / "beat"), "--without-gossip", "--without-mingle"]
        self.command = [sys.executable, *command]
        self.start()

    def start(self) -> None:
        """Start it, or bring it back as the supervisor does."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def bring_back(self) -> None:
        """Start it again if it has ended by itself."""
        if self.process.poll() is not None:
            self.kill()
            self.start()

    def kill(self) -> None:
        """End the worker and its children at once, with no chance to tidy up."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ready(self) -> bool:
        """Say whether it has connected and waits for work."""
        assert self.process.poll() is None, self.log.read_text()
        return " ready." in self.log.read_text()


@contextmanager
def working(folder: Path, *, slots: int = 2, **over: str) -> Iterator[Worker]:
    """A worker for the length of a block."""
    worker = Worker(folder, slots=slots, **over)
    try:
        wait_until(worker.ready, what="the worker is ready", log=worker.log)
        yield worker
    finally:
        worker.kill()


def wait_until(true: Callable[[], object], *, what: str, log: Path | None = None) -> None:
    """Return once it is so.

    :raises AssertionError: if that takes a minute
    """
    until, pause = time.monotonic() + DEADLINE_SECONDS, threading.Event()
    while not true():
        said = log.read_text()[-3000:] if log is not None else ""
        assert time.monotonic() < until, f"waited in vain: {what}\n{said}"
        pause.wait(0.05)
