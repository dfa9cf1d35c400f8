"""Keeps long-running programs alive: starts, watches, brings back, stops in order."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from portal import servers
from portal.servers import Server, Unavailable

SETTLED_SECONDS = 20.0  # one that lived this long did not fail at its start
LONGEST_PAUSE_SECONDS = 30.0
LAST_WORDS = 15  # lines of a log to show when a program does not come up
LARGEST_LOG = 10 * 1024 * 1024  # bytes; one older log is kept


class Asked(Exception):
    """Somebody asked the portal to stop."""


@dataclass
class Child:
    """One program under supervision."""

    server: Server
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    due_at: float = 0.0

    def note_death(self, now: float) -> None:
        """Decide when to start it again: at once, or later each time it fails at its start."""
        self.process = None
        self.failures = 1 if now - self.started_at > SETTLED_SECONDS else self.failures + 1
        pause = 0.0 if self.failures == 1 else 0.25 * 2**self.failures
        self.due_at = now + min(pause, LONGEST_PAUSE_SECONDS)


class Supervisor:
    """The programs of one installation, in the order in which they are started."""

    def __init__(self, *, logs: Path | None, pids: Path, say: Callable[[str], None]) -> None:
        """Keep logs in a directory (None: the terminal) and process numbers in another."""
        self.children: list[Child] = []
        self.logs, self.pids, self.say = logs, pids, say
        self.stopping = False
        self.hurry = False
        for left in pids.glob("*.pid"):  # by one that was killed
            left.unlink()
        # A death or a request writes one byte here, so that waiting costs nothing.
        self._wakes, self._woken = os.pipe()

    def listen(self) -> None:
        """Answer signals from now on."""
        for end in (self._wakes, self._woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        if self.stopping:
            self.hurry = True
            return
        raise Asked

    def run(self, server: Server, *, stdin: int = subprocess.DEVNULL) -> Child:
        """Start a program and keep it from now on; only the first start gets ``stdin``."""
        child = Child(server)
        self.children.append(child)
        self._start(child, stdin)
        return child

    def wait_ready(self, child: Child) -> None:
        """Return when a program answers.

        :raises Unavailable: if it stops or stays silent
        """
        if child.process is None:
            return
        try:
            servers.wait_ready(child.server, child.process)
        except Unavailable as reason:
            raise Unavailable(f"{reason}{self._last_words(child.server.name)}") from reason

    def _last_words(self, name: str) -> str:
        if self.logs is None:
            return ""
        path = self.logs / f"{name}.log"
        lines = path.read_text(errors="replace").rstrip().splitlines()
        return "\n".join([f" The end of {path}:", *lines[-LAST_WORDS:]])

    def _start(self, child: Child, stdin: int = subprocess.DEVNULL) -> None:
        name = child.server.name
        log = self._log(name)
        child.process = servers.start(child.server, log=log or 2, stdin=stdin)
        child.started_at = time.monotonic()
        if log:
            log.close()
        (self.pids / f"{name}.pid").write_text(f"{child.process.pid}\n")

    def _log(self, name: str) -> IO[bytes] | None:
        if self.logs is None:
            return None
        path = self.logs / f"{name}.log"
        with suppress(FileNotFoundError):
            if path.stat().st_size > LARGEST_LOG:
                path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def watch(self) -> NoReturn:
        """Bring back whatever stops, until somebody asks for the end.

        :raises Asked: then
        """
        while True:
            now = time.monotonic()
            for child in self.children:
                self._tend(child, now)
            due = [child.due_at for child in self.children if child.process is None]
            pause = max(0.0, min(due) - now) if due else None
            select.select([self._wakes], [], [], pause)
            with suppress(BlockingIOError):
                os.read(self._wakes, 4096)

    def _tend(self, child: Child, now: float) -> None:
        if child.process is not None and child.process.poll() is not None:
            self._bury(child.process)
            told = _how(child.process.returncode)
            child.note_death(now)
            where = f"; see {self.logs / child.server.name}.log" if self.logs else ""
            self.say(f"{child.server.name} stopped ({told}) and is started again{where}")
        if child.process is None and child.due_at <= now:
            self._start(child)

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """End what a dead program left behind, so that its port and files are free."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def stop(self, order: list[tuple[str, ...]]) -> None:
        """Stop everything, group after group; asked once more, by force."""
        self.stopping = True
        for names in order:
            group = [child for child in self.children if child.server.name in names]
            for child in group:
                if child.process is not None and child.process.poll() is None:
                    child.process.send_signal(child.server.stop_signal)
            deadline = time.monotonic() + servers.STOP_SECONDS
            for child in group:
                self._await_end(child, deadline)

    def _await_end(self, child: Child, deadline: float) -> None:
        if child.process is not None:
            while child.process.poll() is None:
                if self.hurry or time.monotonic() > deadline:
                    child.process.kill()
                select.select([self._wakes], [], [], 0.2)
                with suppress(BlockingIOError):
                    os.read(self._wakes, 4096)
            self._bury(child.process)
        (self.pids / f"{child.server.name}.pid").unlink(missing_ok=True)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
