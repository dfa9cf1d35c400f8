"""Rows about the stack as a whole: how soon it serves again, and what it holds while idle."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from portal import servers
from portal.embedded import ROOT
from tests.bench import load
from tests.bench.crew import Failed
from tests.bench.figures import Goal, Row, median
from tests.bench.setting import Setting

PAGE = "/sign-in/"
FIRST_START_SECONDS = 300.0
IDLE_SECONDS = 20.0
POLL_SECONDS = 0.01


def stack(setting: Setting) -> list[Row]:
    """Start the whole portal on a prepared directory, then leave it alone and weigh it."""
    data = setting.cluster.data / "stack"
    portal = Stack(data)
    portal.start()  # makes the database and the demo accounts
    portal.stop()
    starts = []
    for _ in range(setting.repeats):
        starts.append(portal.start())
        setting.say(f"start {starts[-1]:.2f} s")
        portal.stop()
    portal.start()
    time.sleep(IDLE_SECONDS)
    idle = portal.memory_mb()
    portal.stop()
    return [
        Row("second start to the first page", 0, "s", median(starts), goal=Goal(most=3)),
        Row("idle memory of the stack (PSS)", 0, "MB", idle, goal=Goal(most=450)),
    ]


class Stack:
    """``python -m portal.up`` on a data directory of its own."""

    def __init__(self, data: Path) -> None:
        self.port = load.free_port()
        self.data = data
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start everything and return the seconds until the sign-in page answers.

        :raises Failed: if it does not
        """
        environment = {"PORTAL_DATA": str(self.data), "PORT": str(self.port)}
        command = [sys.executable, "-m", "portal.up"]
        began = time.monotonic()
        self.process = subprocess.Popen(
            servers.guarded(command, on_parent_death="TERM"),
            cwd=ROOT,
            env=dict(os.environ) | environment,
            stdout=subprocess.DEVNULL,
        )
        while not _answers(self.port):
            if self.process.poll() is not None:
                raise Failed(f"The portal ended with {self.process.returncode}; see above.")
            if time.monotonic() - began > FIRST_START_SECONDS:
                self.stop()
                raise Failed(f"The portal does not answer {PAGE} with 200.")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began

    def stop(self) -> None:
        """Ask it to stop and wait until all of it is gone."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(2 * servers.STOP_SECONDS)

    def memory_mb(self) -> float:
        """Return the memory of all its processes, shared pages divided among their users."""
        if self.process is None:
            raise Failed("The portal does not run.")
        return sum(map(_pss_kb, family(self.process.pid))) / 1024


def family(pid: int) -> Iterator[int]:
    """Yield a process and everything that descends from it."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name may hold anything; what follows the last parenthesis may not.
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(status.parent.name))
    waiting = [pid]
    while waiting:
        waiting += parents.get(waiting[0], [])
        yield waiting.pop(0)


def _pss_kb(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _answers(port: int) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        link.request("GET", PAGE)
        return link.getresponse().status == http.client.OK
    return False
