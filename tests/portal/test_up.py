"""The portal as one command: it comes up, stays up, and goes away without a trace."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from portal import embedded, schedule, up
from portal.celery import app
from tests.surroundings import surroundings

WAIT_SECONDS = 60.0
CHILDREN = ("postgres", "valkey", "web", "worker", "beat")
DEMO = {
    "base_url": "http://127.0.0.1:1",
    "users": [
        {"role": "owner", "username": "lin", "password": "a-b-c", "totp_secret": "JBSW"},
        {"role": "owner", "username": "wu", "password": "x-y-z", "totp_secret": "ZZZZ"},
        {"role": "auditor", "username": "anna", "password": "d-e-f", "totp_secret": "KRUG"},
    ],
}


class Portal:
    """One supervisor on a data directory of its own."""

    def __init__(self, data: Path, **environment: str) -> None:
        named = {"DATABASE_URL": "", "BROKER_URL": "", "PORT": "", "PORTAL_DATA": str(data)}
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.up"],
            env=surroundings(**(named | environment)),
            cwd=embedded.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def first_words(self) -> str:
        """Return what it says until it is up."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        return "".join(lines)

    def last_words(self) -> str:
        """Return what it says until it ends."""
        return self.process.communicate(timeout=WAIT_SECONDS)[0]

    def url(self) -> str:
        """Return where it says it is."""
        return embedded.claimed_by(self.data).rpartition(" ")[2]

    def serves(self) -> bool:
        """Tell whether a page comes."""
        host, _colon, port = self.url().removeprefix("http://").strip("/").rpartition(":")
        return up.page_answers(host, int(port))

    def pid(self, child: str) -> int:
        """Return the number of one of its processes; 0 while there is none."""
        with suppress(FileNotFoundError, ValueError):
            return int((self.data / "run" / f"{child}.pid").read_text())
        return 0

    def connections(self) -> int:
        """Count how often the worker has found the broker."""
        return (self.data / "logs" / "worker.log").read_text().count("Connected to redis")

    def family(self) -> set[int]:
        """Return the supervisor and everything it brought about."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parents[int(stat.parent.name)] = int(
                    stat.read_text().rpartition(")")[2].split()[1]
                )
        family = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return family


def alive(pids: set[int]) -> set[int]:
    """Return those of the processes that still run."""
    running = set()
    for pid in pids:
        with suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                running.add(pid)
    return running


def until(so: Callable[[], bool]) -> None:
    """Wait for something to become so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose path is too long for a socket, with demo accounts made."""
    long = tmp_path_factory.mktemp("portal") / ("long-" * 20)
    long.mkdir()
    (long / "demo.json").write_text(json.dumps(DEMO))
    return long


@pytest.fixture(scope="module")
def portal(data: Path) -> Iterator[Portal]:
    """A portal that has been up once before, so that this start has nothing to prepare."""
    first = Portal(data)
    assert "Preparing the database" in first.first_words()
    first.process.send_signal(signal.SIGINT)
    assert "Stopping" in first.last_words()
    again = Portal(data)
    yield again
    again.process.kill()
    again.last_words()
    shutil.rmtree(embedded.socket_dir(data), ignore_errors=True)


def test_a_second_start_prepares_nothing_and_says_who_may_sign_in(portal: Portal) -> None:
    said = portal.first_words().split("\n")

    assert portal.serves()
    assert said == [
        "",
        f"Countinghouse (账房)   {portal.url()}",
        "",
        "Role     Sign-in name  Password  Authenticator secret",
        "owner    lin           a-b-c     JBSW",
        "auditor  anna          d-e-f     KRUG",
        "",
        "Ctrl-C stops it.",
        "",
    ]
    known = json.loads((portal.data / "demo.json").read_text())
    assert known == DEMO | {"base_url": portal.url().rstrip("/")}


def test_a_second_portal_on_the_same_data_says_where_the_first_is(portal: Portal) -> None:
    second = Portal(portal.data)

    assert portal.url() in second.last_words()
    assert second.process.returncode == 1
    assert portal.serves()


@pytest.mark.parametrize("child", CHILDREN)
def test_a_killed_child_is_brought_back(portal: Portal, child: str) -> None:
    until(lambda: portal.connections() > 0)
    connections, before = portal.connections(), portal.pid(child)
    os.kill(before, signal.SIGKILL)

    until(lambda: portal.pid(child) not in {0, before})
    until(portal.serves)
    until(lambda: embedded.answers(portal.data))
    if child in {"valkey", "worker"}:
        until(lambda: portal.connections() > connections)


def test_a_killed_process_of_the_web_server_is_brought_back(portal: Portal) -> None:
    workers = Path(f"/proc/{portal.pid('web')}/task/{portal.pid('web')}/children")
    before = workers.read_text().split()
    os.kill(int(before[0]), signal.SIGKILL)

    until(lambda: before[0] not in workers.read_text().split())
    until(lambda: len(workers.read_text().split()) == len(before))
    assert portal.serves()


def test_a_killed_supervisor_leaves_no_process(portal: Portal) -> None:
    family = portal.family()
    assert len(family) > len(CHILDREN)

    portal.process.send_signal(signal.SIGKILL)

    until(lambda: alive(family) == set())


def test_asked_to_stop_while_it_starts_it_leaves_nothing_either(portal: Portal) -> None:
    until(lambda: portal.process.poll() is not None)
    third = Portal(portal.data)
    until(lambda: third.pid("postgres") != 0 and embedded.answers(third.data))
    family = third.family()
    third.process.send_signal(signal.SIGTERM)

    assert "Stopping" in third.last_words()
    assert (third.process.returncode, alive(family)) == (0, set())
    assert [child for child in CHILDREN if third.pid(child)] == []


def test_a_port_asked_for_but_taken_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = Portal(tmp_path, PORT=str(port))
        said = refused.last_words()

    assert said == f"PORT={port} cannot be used: another program listens there.\n"
    assert refused.process.returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_with_no_port_asked_for_the_next_free_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PORT", raising=False)
    first = up.choose_port()
    with socket.create_server(("127.0.0.1", first)):
        assert up.choose_port() > first


def test_a_database_of_somebody_elses_gets_no_demo_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere/x")
    up.seed(tmp_path, "http://127.0.0.1:8000")

    assert list(tmp_path.iterdir()) == []


def test_every_line_of_the_timetable_names_a_task_and_the_queue_it_is_served_from() -> None:
    app.loader.import_default_modules()
    wrong = []
    for name, line in schedule.BEAT.items():
        task = app.tasks.get(line["task"])
        queue = line.get("options", {}).get("queue", app.conf.task_default_queue)
        own = getattr(task, "queue", None) or app.conf.task_default_queue
        if task is None or queue != own or queue not in up.QUEUES.split(","):
            wrong.append(name)

    assert wrong == []
