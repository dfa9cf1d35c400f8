"""The servers and secrets of one installation that was given none.

Used where DATABASE_URL, BROKER_URL or SECRET_KEY is unset. Everything lives in one data
directory: ``pg/`` and ``valkey/`` hold the data, ``run/`` the socket, ``logs/`` what the
processes say; ``lock`` belongs to whoever runs the servers. Nothing here imports Django.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import secrets
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from portal import servers
from portal.servers import Server, Unavailable

ROOT = Path(__file__).resolve().parent.parent
OWNER = "pos_owner"
DATABASE = "countinghouse"
PATIENCE_SECONDS = 20.0  # for servers that somebody else is starting, or bringing back
LONGEST_SOCKET_DIR = 88  # bytes: sun_path holds 107, and "/.s.PGSQL.5432.lock" comes after

# One statement a line: that is how the single-user server reads them.
FIRST_STATEMENTS = f"""\
CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE NOSUPERUSER NOBYPASSRLS
CREATE DATABASE {DATABASE} OWNER {OWNER}
"""
_relied_on: dict[Path, IO[str]] = {}


def data_dir() -> Path:
    """Return the directory that holds everything this installation writes."""
    return Path(os.environ.get("PORTAL_DATA") or ROOT / ".data").resolve()


def socket_dir(data: Path) -> Path:
    """Return the directory of PostgreSQL's socket, elsewhere when the path cannot name one.

    It may be too long for the kernel; and a comma means several hosts to the client.
    """
    wanted = data / "run"
    if len(os.fsencode(wanted)) <= LONGEST_SOCKET_DIR and not set(str(wanted)) & set(',"'):
        return wanted
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"portal-{digest}"


def database_url(data: Path) -> str:
    """Return the URL under which the owner of the embedded database connects.

    It is libpq's form for a socket; the port is stated because PGPORT may say another.
    """
    host = quote(str(socket_dir(data)), safe="")
    return f"postgres://{OWNER}@/{DATABASE}?host={host}&port={servers.POSTGRES_PORT}"


def broker_url(data: Path) -> str:
    """Return the URL of the embedded broker; its port and password are chosen once."""
    return _kept(data / "valkey" / "endpoint", _new_endpoint)


def secret_key(data: Path) -> str:
    """Return the signing key of this installation, made on first use."""
    return _kept(data / "secret_key", lambda: secrets.token_urlsafe(64))


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read a private one-line file; make it first, whole or not at all, when absent."""
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(make() + "\n")
    with suppress(FileExistsError):  # another process was first: its word stands
        os.link(draft, path)
    Path(draft).unlink()
    return path.read_text().strip()


def _new_endpoint() -> str:
    return f"redis://:{secrets.token_urlsafe(24)}@127.0.0.1:{_free_port()}/0"


def _free_port() -> int:
    """Pick a free port below the range from which the kernel takes outgoing ones.

    :raises Unavailable: if a hundred in a row are taken
    """
    for _attempt in range(100):
        port = 20000 + secrets.randbelow(12000)
        if not _taken(port):
            return port
    raise Unavailable("No free port between 20000 and 32000 for Valkey.")


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def postgres(data: Path, *, throw_away: bool = False) -> Server:
    """Return PostgreSQL for this data directory, made on first use.

    :raises Unavailable: if there is no PostgreSQL, or it cannot read the data
    """
    return servers.postgres(
        data / "pg", socket_dir(data), first=FIRST_STATEMENTS, throw_away=throw_away
    )


def valkey(data: Path) -> Server:
    """Return Valkey for this data directory, on another port if its own was taken.

    :raises Unavailable: if there is no Valkey
    """
    if _taken(urlsplit(broker_url(data)).port or 0):
        (data / "valkey" / "endpoint").unlink()
    return servers.valkey(data / "valkey", broker_url(data))


def answers(data: Path) -> bool:
    """Tell whether the embedded PostgreSQL takes connections now."""
    return servers.postgres_answers(data / "pg", socket_dir(data))


def claim(data: Path, *, what: str) -> IO[str] | None:
    """Take the right to run the servers of this directory; None if somebody has it.

    It lasts as long as the returned file stays open, and ends with the process.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (data / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.truncate(0)
    lock.write(what)
    lock.flush()
    return lock


def claimed_by(data: Path) -> str:
    """Return what the present owner said it is."""
    return (data / "lock").read_text().strip()


def ensure(data: Path) -> None:
    """Have the embedded servers answer for as long as this process lives.

    With the portal up a process uses its servers. A command run by hand starts them, and stops
    them when it ends, after every other command that came to rely on them. Cheap once done.

    :raises Unavailable: if they cannot be had
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answers(data):
        if lock := claim(data, what=f"A command (process {os.getpid()})"):
            serve_until_exit(programs(data), data, lock)
            return
        if time.monotonic() > deadline:
            raise Unavailable(f"{claimed_by(data)} holds {data}, but its database is silent.")
        time.sleep(0.02)
    if data not in _relied_on:
        users = _relied_on.setdefault(data, _users(data))
        fcntl.flock(users, fcntl.LOCK_SH)


def programs(data: Path, *, throw_away: bool = False) -> list[Server]:
    """Return the servers that the environment does not name, the database first.

    :raises Unavailable: if one is not to be had
    """
    wanted = []
    if not given("DATABASE_URL"):
        wanted.append(postgres(data, throw_away=throw_away))
    if not given("BROKER_URL"):
        wanted.append(valkey(data))
    return wanted


def given(name: str) -> bool:
    """Tell whether the environment states this value, itself or as a file."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def serve_until_exit(
    wanted: list[Server], data: Path, lock: IO[str], *, outstay: bool = True
) -> None:
    """Run servers for the holder of the lock and stop them when this process ends.

    ``outstay``: not before the last other process that relies on them has ended.
    :raises Unavailable: if one does not come up
    """
    running: list[tuple[Server, subprocess.Popen[bytes]]] = []
    begun, never = threading.Event(), threading.Event()

    def begin() -> None:
        try:
            running.extend((server, servers.start(server)) for server in wanted)
        finally:
            begun.set()
        never.wait()

    # The kernel ends them with the thread that starts them, so that one must last.
    threading.Thread(target=begin, daemon=True).start()
    owner = os.getpid()

    def leave() -> None:
        if os.getpid() != owner:  # a fork of ours ends: the servers are not its to stop
            return
        if held := _relied_on.pop(data, None):
            held.close()
        with _users(data) as users:
            fcntl.flock(users, fcntl.LOCK_EX if outstay else fcntl.LOCK_UN)
        for server, process in reversed(running):
            servers.stop(server, process)
        tidy(data)
        lock.close()

    begun.wait()
    atexit.register(leave)
    if len(running) < len(wanted):
        raise Unavailable(f"{wanted[len(running)].name} could not be started.")
    for server, process in running:
        servers.wait_ready(server, process)


def tidy(data: Path) -> None:
    """Remove the socket's directory if it stands apart from the data; the servers are gone."""
    if socket_dir(data) != data / "run":
        with suppress(OSError):  # absent, or in use again
            socket_dir(data).rmdir()


def _users(data: Path) -> IO[str]:
    return (data / "users").open("a")
