"""Runs the whole portal on one machine: ``python -m portal.up``, which ``make run`` calls.

In order: PostgreSQL and Valkey (unless the environment names others), migrations, static files,
demo accounts on the first start, the web server, the worker, the timetable. Ctrl-C stops them
in the opposite order; whatever dies is brought back; and should this process be killed, the
kernel tells the others to end.
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any

from portal import bootstrap, embedded, servers
from portal.embedded import ROOT
from portal.servers import Server, Unavailable
from portal.supervisor import Asked, Supervisor

QUEUES = "default,poll,report,fraud,pdf"
STOP_ORDER = [("beat",), ("web", "worker"), ("valkey", "postgres")]
FIRST_PORT = 8000
PORTS_TRIED = 100
COMMAND_SECONDS = 10.0  # how long a command run by hand may hold the servers before we give up
PAGE_SECONDS = 60.0
# The person's own GRANIAN_… settings win.
WEB = {
    "GRANIAN_WORKERS": "2",
    "GRANIAN_BACKPRESSURE": "4096",  # lines held by one process: the slow ones must not fill it
    "GRANIAN_WEBSOCKETS": "false",
    "GRANIAN_RESPAWN_FAILED_WORKERS": "true",
    "GRANIAN_RESPAWN_INTERVAL": "0.5",
    "GRANIAN_HTTP1_HEADER_READ_TIMEOUT": "10000",
    "GRANIAN_WORKERS_KILL_TIMEOUT": "10",
}


def main() -> int:
    """Run the portal until somebody asks it to stop."""
    data = embedded.data_dir()
    try:
        lock = take_over(data)
        port = choose_port()
    except Unavailable as reason:
        print(reason, file=sys.stderr)
        return 1
    url = f"http://{host()}:{port}"
    tell_owner(lock, f"The portal (process {os.getpid()}) runs at {url}/")
    for folder in ("logs", "run", "media"):
        (data / folder).mkdir(mode=0o700, exist_ok=True)
    logs = None if os.environ.get("V") == "1" else data / "logs"
    supervisor = Supervisor(logs=logs, pids=data / "run", say=tell)
    supervisor.listen()
    try:
        bring_up(supervisor, data, url)
        supervisor.watch()
    except Asked:
        tell("Stopping …")
        return 0
    except Unavailable as reason:
        print(reason, file=sys.stderr)
        return 1
    finally:
        supervisor.stop(STOP_ORDER)
        embedded.tidy(data)


def tell(text: str) -> None:
    """Say something to the person at the terminal, at once."""
    print(text, flush=True)


def host() -> str:
    """Return the address to serve on; another machine sees the portal only when asked."""
    return os.environ.get("HOST") or "127.0.0.1"


def take_over(data: Path) -> IO[str]:
    """Return the lock of this data directory.

    :raises Unavailable: if somebody holds it
    """
    deadline = time.monotonic() + COMMAND_SECONDS
    while (lock := embedded.claim(data, what="The portal is starting")) is None:
        holder = embedded.claimed_by(data)
        if not holder.startswith("A command") or time.monotonic() > deadline:
            raise Unavailable(f"Already running in {data}. {holder}")
        time.sleep(0.1)
    return lock


def tell_owner(lock: IO[str], text: str) -> None:
    """Write into the lock who holds it, for whoever comes second."""
    lock.truncate(0)
    lock.write(text)
    lock.flush()


def choose_port() -> int:
    """Return the port of PORT, or the first free one from 8000 on.

    :raises Unavailable: if it is taken
    """
    if asked := os.environ.get("PORT"):
        if not asked.isdecimal() or not _free(int(asked)):
            raise Unavailable(f"PORT={asked} cannot be used: another program listens there.")
        return int(asked)
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if _free(port):
            return port
    raise Unavailable(f"No free port from {FIRST_PORT} on. Set PORT.")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host(), port))
        except (OSError, OverflowError):
            return False
    return True


def bring_up(supervisor: Supervisor, data: Path, url: str) -> None:
    """Start everything and say where it is.

    :raises Unavailable: if a part does not come up
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("BASE_URL", url)
    # A second arena for each thread would double the memory of mostly idle processes.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    os.environ.update(bootstrap.pdf_environment(), PORTAL_DATA=str(data))
    # The web server lists them once, as it loads, so they must be there before it does.
    static = collect_static(data)
    if static is not None and static.wait() != 0:
        raise Unavailable("Static files could not be collected; see above.")
    held, gate = os.pipe()
    web = supervisor.run(web_server(url), stdin=held)
    os.close(held)
    for child in [supervisor.run(server) for server in embedded.programs(data)]:
        supervisor.wait_ready(child)
    migrate(data)
    seed(data, url)
    os.close(gate)  # everything is ready for the page
    supervisor.wait_ready(web)
    # Only now, so that the first page does not compete with them for the processor.
    supervisor.run(worker())
    supervisor.run(beat(data))
    tell(welcome(data, url))


def manage(*arguments: str) -> list[str]:
    """Return the command line of a management command."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return list(servers.guarded(command, on_parent_death="TERM"))


def fingerprint(paths: Iterable[Path]) -> str:
    """Return one digest of many files, and of the packages in use."""
    whole = hashlib.sha256()
    for path in [ROOT / "requirements.lock", *sorted(paths)]:
        if path.is_file():
            whole.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return whole.hexdigest()


def migrate(data: Path) -> None:
    """Bring the database to the code, unless it was the last time and nobody touched it.

    :raises Unavailable: if a migration fails
    """
    code = fingerprint(ROOT.glob("*/migrations/*.py"))
    stamp = data / "migrated"
    if not embedded.given("DATABASE_URL"):
        with suppress(FileNotFoundError):
            if stamp.read_text() == f"{code} {_history(data)}":
                return
    tell("Preparing the database …")
    if subprocess.run(manage("migrate", "--database", "owner", "-v", "0"), check=False).returncode:
        raise Unavailable("The database could not be migrated; see above.")
    if not embedded.given("DATABASE_URL"):
        stamp.write_text(f"{code} {_history(data)}")


def _history(data: Path) -> str:
    """Return what tells this database and its applied migrations from any other."""
    question = "select count(*), max(id), max(applied) from django_migrations"
    psql = str(servers.postgres_bin() / "psql")
    target = ["-h", str(embedded.socket_dir(data)), "-p", str(servers.POSTGRES_PORT)]
    answer = subprocess.run(
        [psql, *target, "-U", embedded.OWNER, "-d", embedded.DATABASE, "-XAtc", question],
        check=False,
        capture_output=True,
        text=True,
        env=servers.bare_environment(),
    )
    return answer.stdout.strip() or "unknown"


def collect_static(data: Path) -> subprocess.Popen[bytes] | None:
    """Begin to collect the static files if any has changed."""
    stamp = data / "static" / ".stamp"
    code = fingerprint((ROOT / "static").rglob("*"))
    with suppress(FileNotFoundError):
        if stamp.read_text() == code:
            return None
    tell("Collecting static files …")
    command = manage("collectstatic", "--no-input", "-v", "0")
    mark = ["sh", "-c", '"$@" && printf %s "$0" > "$PORTAL_DATA/static/.stamp"', code]
    return subprocess.Popen([*mark, *command])


def seed(data: Path, url: str) -> None:
    """Make the demo accounts on the first start, where it is ours to fill: not in production."""
    demo = data / "demo.json"
    if demo.exists():
        known = json.loads(demo.read_text())
        if known.get("base_url") != url:
            demo.write_text(json.dumps(known | {"base_url": url}, ensure_ascii=False, indent=1))
        return
    if embedded.given("DATABASE_URL") or os.environ.get("DEBUG", "1") != "1":
        return
    tell("Making demo accounts …")
    command = manage("seed_demo", "--json", str(demo))
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        tell("There are no demo accounts; see above.")


def web_server(url: str) -> Server:
    """Return the web server."""
    address = url.removeprefix("http://")
    name, _colon, port = address.rpartition(":")
    command = [sys.executable, "-m", "portal.serve", "--interface", "asginl", "--host", name]
    return Server(
        name="web",
        command=servers.guarded(
            [*command, "--port", port, "portal.asgi:application"], on_parent_death="KILL"
        ),
        stop_signal=signal.SIGTERM,
        ready=functools.partial(page_answers, name, int(port)),
        environment=WEB | os.environ | {"HOLD": "1"},
        folder=str(ROOT),
    )


def worker() -> Server:
    """Return the worker.

    Orphaned, it ends at once, and its pool with it: asked politely it would first wait for a
    broker that is gone. What it was doing is delivered again.
    """
    queues = ["-Q", QUEUES, "-c", "2", "--prefetch-multiplier", "1", "-l", "INFO"]
    alone = ["--without-gossip", "--without-mingle"]
    command = ["-m", "celery", "-A", "portal", "worker", *queues, *alone]
    return python("worker", command, on_parent_death="KILL")


def beat(data: Path) -> Server:
    """Return the timetable."""
    return python("beat", ["-m", "portal.beat", str(data / "beat")], on_parent_death="TERM")


def python(name: str, arguments: list[str], *, on_parent_death: str) -> Server:
    """Return a program of ours that needs no time to be ready."""
    return Server(
        name=name,
        command=servers.guarded([sys.executable, *arguments], on_parent_death=on_parent_death),
        stop_signal=signal.SIGTERM,
        ready=lambda: True,
        environment=dict(os.environ),
        folder=str(ROOT),
    )


def page_answers(name: str, port: int) -> bool:
    """Tell whether the portal serves its health page."""
    with (
        suppress(OSError, http.client.HTTPException),
        closing(http.client.HTTPConnection(name, port, timeout=5)) as link,
    ):
        link.request("GET", "/healthz")
        return link.getresponse().status == http.client.OK
    return False


def welcome(data: Path, url: str) -> str:
    """Return what to show once the portal serves: its address, and who may sign in."""
    lines = ["", f"Countinghouse (账房)   {url}/", ""]
    with suppress(FileNotFoundError, ValueError, KeyError):
        lines += [*accounts(json.loads((data / "demo.json").read_text())["users"]), ""]
    return "\n".join([*lines, "Ctrl-C stops it."])


def accounts(users: list[dict[str, Any]]) -> list[str]:
    """Return a table with one demo account of each role."""
    heads = ("role", "username", "password", "totp_secret")
    rows = [("Role", "Sign-in name", "Password", "Authenticator secret")]
    seen: set[str] = set()
    for user in users:
        if user["role"] not in seen:
            seen.add(user["role"])
            rows.append(tuple(str(user.get(head) or "-") for head in heads))  # type: ignore[arg-type]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
