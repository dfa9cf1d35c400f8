"""The servers and secrets of an installation that was given none."""

import os
import pwd
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from portal import embedded, servers
from portal.servers import Server, Unavailable
from tests.surroundings import surroundings

WAIT_SECONDS = 20.0
# Another process that needs the database, says so, and leaves when told.
COMMAND = """
import sys
from portal import embedded
embedded.ensure(embedded.data_dir())
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory that nobody has used."""
    return tmp_path / "data"


@pytest.fixture
def running(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A PostgreSQL of our own."""
    with serving(embedded.postgres(data, throw_away=True)) as process:
        yield process
    embedded.tidy(data)


@contextmanager
def serving(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """Have a server answer inside the block."""
    process = servers.start(server)
    try:
        servers.wait_ready(server, process)
        yield process
    finally:
        servers.stop(server, process)


def until(so: Callable[[], bool]) -> None:
    """Wait for something to become so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def backends(data: Path) -> list[int]:
    """Return the processes that have files of this cluster as their working directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == data / "pg":
                found.append(int(process.name))
    return found


def do(data: Path, statement: str) -> None:
    """Run a statement as the owner of the database."""
    with psycopg.connect(embedded.database_url(data).replace("postgres:", "postgresql:")) as link:
        link.execute(statement.encode())


def ask(data: Path, question: str) -> list[tuple[object, ...]]:
    """Return the rows that the owner of the database gets."""
    with psycopg.connect(embedded.database_url(data).replace("postgres:", "postgresql:")) as link:
        return link.execute(question.encode()).fetchall()


def command(data: Path) -> subprocess.Popen[str]:
    """Start another process that needs the database."""
    named = {"DATABASE_URL": "", "BROKER_URL": "", "PORTAL_DATA": str(data)}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        env=surroundings(**named),
        cwd=embedded.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    """Wait for a process to say something."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_database_has_an_owner_who_is_no_superuser(
    data: Path, running: subprocess.Popen[bytes]
) -> None:
    assert running.poll() is None
    assert ask(
        data,
        "select rolcanlogin, rolcreatedb, rolcreaterole, rolsuper, rolbypassrls"
        " from pg_roles where rolname = current_user",
    ) == [(True, True, True, False, False)]
    assert ask(
        data,
        "select datname, pg_encoding_to_char(encoding), datcollate from pg_database"
        " where datdba = (select oid from pg_roles where rolname = 'pos_owner')",
    ) == [("countinghouse", "UTF8", "C")]


def test_the_database_opens_no_port_and_only_its_user_may_enter(
    data: Path, running: subprocess.Popen[bytes]
) -> None:
    shown = ("listen_addresses", "unix_socket_permissions", "data_checksums", "max_connections")

    assert [ask(data, f"show {name}")[0][0] for name in shown] == ["", "0700", "on", "60"]
    assert embedded.socket_dir(data).stat().st_mode & 0o777 == 0o700
    runs_as = Path(f"/proc/{running.pid}").stat().st_uid
    nobody = pwd.getpwnam("nobody").pw_uid
    assert runs_as == (nobody if os.geteuid() == 0 else os.geteuid())


def test_what_was_acknowledged_survives_the_loss_of_the_server(data: Path) -> None:
    server = embedded.postgres(data)
    with serving(server) as process:
        do(data, "create table kept (n int)")
        do(data, "insert into kept values (41), (42)")
        process.kill()
        process.wait()
    until(lambda: backends(data) == [])

    with serving(server):
        assert ask(data, "select n from kept order by n") == [(41,), (42,)]


def test_data_of_another_major_version_is_refused_with_what_to_do(data: Path) -> None:
    embedded.postgres(data)
    (data / "pg" / "PG_VERSION").write_text("12\n")

    with pytest.raises(Unavailable, match="was made by PostgreSQL 12, the programs here are"):
        embedded.postgres(data)


def test_a_set_up_that_was_cut_short_is_done_again(data: Path) -> None:
    (data / "pg.new").mkdir(parents=True)
    (data / "pg.new" / "PG_VERSION").write_text("18\n")

    embedded.postgres(data)

    assert (data / "pg" / "global" / "pg_control").exists()
    assert not (data / "pg.new").exists()


def test_a_pid_file_whose_number_another_program_now_has_is_no_obstacle(data: Path) -> None:
    embedded.postgres(data)
    record = data / "pg" / "postmaster.pid"
    record.write_text(f"{os.getpid()}\n")
    embedded.postgres(data)
    assert not record.exists()

    record.write_text("4194305\n")  # of nobody: PostgreSQL itself must judge this one
    embedded.postgres(data)
    assert record.exists()


def test_a_folder_without_the_programs_is_named_in_the_refusal(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_PG_BIN", str(tmp_path))

    with pytest.raises(Unavailable, match="Set DATABASE_URL, or PORTAL_PG_BIN"):
        embedded.postgres(data)


@pytest.mark.parametrize(
    ("case", "name"),
    [("short", "d"), ("with a space", "d d"), ("too long", "d" * 90), ("a comma", "d,d")],
)
def test_any_path_can_hold_the_data(case: str, name: str, tmp_path: Path) -> None:
    data = tmp_path / name
    sockets = embedded.socket_dir(data)

    assert (sockets == data / "run") == (case in {"short", "with a space"})
    assert len(os.fsencode(sockets)) <= embedded.LONGEST_SOCKET_DIR
    assert urlsplit(embedded.database_url(data)).username == "pos_owner"


def test_secrets_are_made_once_private_and_the_same_for_all_who_ask_at_once(data: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: embedded.secret_key(data), range(8)))
        brokers = set(pool.map(lambda _: embedded.broker_url(data), range(8)))

    assert (len(keys), len(brokers)) == (1, 1)
    assert len(keys.pop()) > 60
    for kept in (data / "secret_key", data / "valkey" / "endpoint"):
        assert kept.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in data.iterdir()) == ["secret_key", "valkey"]


def test_the_broker_moves_when_its_port_is_taken(data: Path) -> None:
    before = embedded.broker_url(data)
    with socket.create_server(("127.0.0.1", urlsplit(before).port or 0)):
        server = embedded.valkey(data)
        after = embedded.broker_url(data)
        port, password = urlsplit(after).port or 0, urlsplit(after).password or ""

        with serving(server):
            assert port != urlsplit(before).port
            assert servers.valkey_answers(port, password)
            assert not servers.valkey_answers(port, "guess")


def test_a_command_brings_its_own_servers_and_a_second_one_shares_them(data: Path) -> None:
    first, second = command(data), command(data)
    assert [first_line(first), first_line(second)] == ["ready", "ready"]
    postmaster = int((data / "pg" / "postmaster.pid").read_text().split()[0])
    owner = next(p for p in (first, second) if str(p.pid) in embedded.claimed_by(data))
    guest = second if owner is first else first

    assert owner.stdin is not None
    owner.stdin.close()  # the owner is done, but its guest is not
    assert ask(data, "select 1") == [(1,)]
    guest.communicate("\n", timeout=WAIT_SECONDS)

    assert owner.wait(WAIT_SECONDS) == 0
    assert not Path(f"/proc/{postmaster}").exists()
    assert owner.stdout is not None
    owner.stdout.close()


def test_a_killed_command_takes_its_servers_with_it(data: Path) -> None:
    process = command(data)
    assert first_line(process) == "ready"
    postmaster = int((data / "pg" / "postmaster.pid").read_text().split()[0])
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=WAIT_SECONDS)

    until(lambda: not Path(f"/proc/{postmaster}").exists())


def test_a_command_does_not_start_what_the_environment_names(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere/x")
    monkeypatch.setenv("BROKER_URL", "")
    assert [server.name for server in embedded.programs(data)] == ["valkey"]

    monkeypatch.setenv("BROKER_URL_FILE", "/run/secrets/broker")
    assert embedded.programs(data) == []


def test_pdf_libraries_unpacked_without_root_are_found_beside_the_environment(
    tmp_path: Path,
) -> None:
    (tmp_path / "portal").mkdir()
    script = shutil.copy(embedded.ROOT / "portal" / "bootstrap.py", tmp_path / "portal")
    unpacked = tmp_path / ".venv" / "sys"
    assert runpy.run_path(str(script))["pdf_environment"]() == {}

    (unpacked / "etc" / "fonts").mkdir(parents=True)
    (unpacked / "etc" / "fonts" / "fonts.conf").write_text("<fontconfig/>")
    (unpacked / "usr" / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
    found = runpy.run_path(str(script))["pdf_environment"]()

    assert found["LD_LIBRARY_PATH"].split(os.pathsep)[0] == f"{unpacked}/usr/lib/x86_64-linux-gnu"
    assert found["FONTCONFIG_PATH"] == f"{unpacked}/etc/fonts"


def test_an_environment_made_elsewhere_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "portal").mkdir()
    script = shutil.copy(embedded.ROOT / "portal" / "bootstrap.py", tmp_path / "portal")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    here = runpy.run_path(str(script))

    here["write_stamp"](some_lock="1")
    assert here["read_stamp"]()["some_lock"] == "1"
    moved = tmp_path.with_name("moved")
    tmp_path.rename(moved)

    assert runpy.run_path(str(moved / "portal" / "bootstrap.py"))["read_stamp"]() == {}
    moved.rename(tmp_path)
