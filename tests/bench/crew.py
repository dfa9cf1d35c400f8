"""The processes that do the work: ours, the peers, the prepared statements.

Each answers one JSON line a request (see ``pages`` and ``floor``), so that every contender
has a warm process and a connection of its own, and none pays for another's modules.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from portal import servers
from portal.embedded import ROOT
from tests.bench.cluster import Cluster

LAST_LINES = 15
OURS, PEERS = "portal.settings", "tests.bench.peers.settings"


class Failed(Exception):
    """A contender did not do its work, so there is nothing to compare."""


def last_words(log: Path) -> str:
    """Return the end of a log, for somebody who asks why."""
    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    return "\n".join([f"The end of {log}:", *lines])


class Process:
    """A program that answers a JSON line with a JSON line."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, log: Path
    ) -> None:
        """Start it; what it says besides its answers goes into a log."""
        command = servers.guarded([sys.executable, "-m", *arguments], on_parent_death="TERM")
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Return the answer to one request.

        :raises Failed: if it is not the work asked for
        """
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise Failed("no pipe")
        with suppress(BrokenPipeError):  # then there is no answer either
            to.write(json.dumps(request) + "\n")
            to.flush()
        line = back.readline()
        if not line:
            raise Failed(f"A process ended with {self._process.wait()}. {last_words(self._log)}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise Failed(f"{answer['failed']}\n{answer['body']}")
        return answer

    def call(self, function: str, **arguments: object) -> Any:
        """Return what a function gives inside the process.

        :raises Failed: if it gives nothing
        """
        return self.ask({"call": function, "arguments": arguments})["result"]

    def stop(self) -> None:
        """Close the pipe, which ends the program, and wait for it."""
        with suppress(BrokenPipeError):
            if self._process.stdin:
                self._process.stdin.close()
        self._process.wait(servers.STOP_SECONDS)


@dataclass(frozen=True)
class Page:
    """A page of one site as a contender: asked again and again by somebody signed in."""

    process: Process
    path: str
    cookie: str = ""

    def __call__(self, times: int, /) -> list[float]:
        """Return the seconds of each answer."""
        answer = self.process.ask({"path": self.path, "cookie": self.cookie, "times": times})
        seconds: list[float] = answer["seconds"]
        return seconds

    def read(self) -> str:
        """Return the page itself."""
        request = {"path": self.path, "cookie": self.cookie, "times": 1, "page": True}
        return str(self.process.ask(request)["page"])


@dataclass(frozen=True)
class Statement:
    """A prepared statement as a contender."""

    process: Process
    sql: str
    parameters: tuple[object, ...] = ()

    def __call__(self, times: int, /) -> list[float]:
        """Return the seconds of each run, its rows fetched."""
        request = {"sql": self.sql, "parameters": self.parameters, "times": times}
        seconds: list[float] = self.process.ask(request)["seconds"]
        return seconds


@dataclass
class Crew:
    """Every process of this run, started when first needed and stopped at its end."""

    cluster: Cluster
    running: dict[tuple[object, ...], Process] = field(default_factory=dict)

    def ours(self, size: int) -> Process:
        """The product."""
        return self._get(("ours", size), ["tests.bench.pages", OURS], size, {})

    def peer(self, size: int, role: str) -> Process:
        """The peers' site, whose connection holds one role's rights and no more."""
        more = {"BENCH_ROLE": role}
        return self._get(("peer", size, role), ["tests.bench.pages", PEERS], size, more)

    def floor(self, size: int, role: str) -> Process:
        """Prepared statements under one role."""
        words = self.cluster.floor_dsn(size, role)
        return self._get(("floor", size, role), ["tests.bench.floor", words], size, {})

    def _get(
        self, key: tuple[object, ...], command: list[str], size: int, more: dict[str, str]
    ) -> Process:
        if key not in self.running:
            name = " ".join(str(part) for part in key).translate(str.maketrans(" =", "__"))
            self.running[key] = Process(
                command, self.cluster.environment(size) | more, log=self.cluster.log(name)
            )
        return self.running[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_trouble: object) -> None:
        for process in self.running.values():
            process.stop()
