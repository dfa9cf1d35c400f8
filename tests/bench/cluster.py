"""The bench's own PostgreSQL, with the settings the product ships, and its data sets.

One database for each size, so that sizes can be measured in turns. All lives in BENCH_DATA,
or in a temporary directory that goes with the run. What was filled before is used again as
long as neither the filling nor a migration changed and the last day is not too long ago.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from portal import embedded, servers, up
from portal.servers import Unavailable
from tests.bench import fill

PREFIX = "portal-bench-"
TEMPLATE = embedded.DATABASE
STALE_DAYS = 7
SHANGHAI = ZoneInfo("Asia/Shanghai")
# Only while a data set is written; measured with what ships.
FILLING = {"max_wal_size": "'8GB'", "maintenance_work_mem": "'256MB'"}


@dataclass(frozen=True)
class Cluster:
    """Where the servers of this run are, and how each role reaches a database."""

    data: Path

    def url(self, size: int) -> str:
        """Return the owner's URL of one size's database."""
        return embedded.database_url(self.data).replace(f"/{TEMPLATE}?", f"/{name_of(size)}?")

    def dsn(self, database: str, *, user: str = "postgres", options: str = "") -> str:
        """Return libpq's words for a connection."""
        place = f"host={embedded.socket_dir(self.data)} port={servers.POSTGRES_PORT}"
        words = f"{place} dbname={database} user={user}"
        return f"{words} options='{options}'" if options else words

    def floor_dsn(self, size: int, role: str) -> str:
        """Return the words for the application's login under one of its roles.

        ``role`` is as libpq's options say it (see ``peers.settings``).
        """
        return self.dsn(name_of(size), user="pos_app", options=role)

    def log(self, name: str) -> Path:
        """Return where a program of this run writes what it has to say."""
        folder = self.data / "logs"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{name}.log"

    def environment(self, size: int) -> dict[str, str]:
        """Return the environment of a program that works on one size."""
        return dict(os.environ) | {
            "PORTAL_DATA": str(self.data),
            "DATABASE_URL": self.url(size),
            "BROKER_URL": embedded.broker_url(self.data),
        }


def name_of(size: int) -> str:
    """Return the name of a size's database."""
    return f"bench_{size}"


def start() -> Cluster:
    """Start PostgreSQL and Valkey for as long as this process lives.

    :raises Unavailable: if that cannot be
    """
    for name in ("DATABASE_URL", "BROKER_URL", "APP_DATABASE_URL"):
        os.environ.pop(name, None)
    data = _place()
    os.environ["PORTAL_DATA"] = str(data)
    lock = embedded.claim(data, what=f"A bench (process {os.getpid()})")
    if lock is None:
        raise Unavailable(f"{data} is in use. {embedded.claimed_by(data)}")
    embedded.serve_until_exit(embedded.programs(data), data, lock)
    return Cluster(data)


def _place() -> Path:
    if kept := os.environ.get("BENCH_DATA"):
        return Path(kept).resolve()
    _forget_killed_runs()
    data = Path(tempfile.mkdtemp(prefix=PREFIX))
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    return data


def _forget_killed_runs() -> None:
    """Remove what runs that were killed left: gigabytes whose lock is free."""
    for data in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if os.access(data, os.W_OK):
            lock = embedded.claim(data, what="Removal")
            if lock is not None:
                shutil.rmtree(data, ignore_errors=True)
                lock.close()


def provide(cluster: Cluster, sizes: list[int], *, say: Callable[[str], None]) -> None:
    """Have the static files in their place, and a filled database of every size.

    :raises Unavailable: if either cannot be
    """
    static = up.collect_static(cluster.data)
    if static is not None and static.wait() != 0:
        raise Unavailable("Static files could not be collected; see above.")
    today = datetime.now(SHANGHAI).date()
    code = _fingerprint()
    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as link:
        missing = [size for size in sizes if not _kept(link, size, code)]
        if not missing:
            return
        _migrate(cluster, link, say=say)
        for name, value in FILLING.items():
            link.execute(f"alter system set {name} = {value}")
        link.execute("select pg_reload_conf()")
        for size in missing:
            began = time.monotonic()
            _clone(link, size)
            words = cluster.dsn(name_of(size))
            connect = functools.partial(psycopg.connect, words, autocommit=True)
            fill.fill(connect, rows=size, last_day=today - timedelta(days=1), say=say)
            _mark(link, size, f"{code} {today}")
            say(f"{size:,} transactions in {time.monotonic() - began:.0f} s")
        for name in FILLING:
            link.execute(f"alter system reset {name}")
        link.execute("select pg_reload_conf()")
        link.execute("checkpoint")


def version(cluster: Cluster) -> str:
    """Return PostgreSQL's own words for its version."""
    with psycopg.connect(cluster.dsn("postgres")) as link:
        return str(link.info.parameter_status("server_version"))


def _fingerprint() -> str:
    """Return one digest of what decides the content of a data set."""
    whole = hashlib.sha256(Path(fill.__file__).read_bytes())
    for path in sorted(embedded.ROOT.glob("*/migrations/*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:16]


def _kept(link: psycopg.Connection, size: int, code: str) -> bool:
    """Tell whether a database was filled to the end by this code, lately."""
    found = link.execute(
        "select shobj_description(oid, 'pg_database') from pg_database where datname = %s",
        [name_of(size)],
    ).fetchone()
    said, _space, day = str(found[0] if found else "").partition(" ")
    if said != code:
        return False
    age = datetime.now(SHANGHAI) - datetime.fromisoformat(day).replace(tzinfo=SHANGHAI)
    return age < timedelta(days=STALE_DAYS)


def _mark(link: psycopg.Connection, size: int, words: str) -> None:
    name = sql.Identifier(name_of(size))
    link.execute(sql.SQL("comment on database {} is {}").format(name, words))


def _clone(link: psycopg.Connection, size: int) -> None:
    name, template = sql.Identifier(name_of(size)), sql.Identifier(TEMPLATE)
    link.execute(sql.SQL("drop database if exists {} with (force)").format(name))
    link.execute(
        sql.SQL("create database {} template {} owner {}").format(
            name, template, sql.Identifier(embedded.OWNER)
        )
    )


def _migrate(cluster: Cluster, link: psycopg.Connection, *, say: Callable[[str], None]) -> None:
    """Make the empty database that every size begins as.

    :raises Unavailable: if a migration fails
    """
    say("Migrating …")
    name = sql.Identifier(TEMPLATE)
    link.execute(sql.SQL("drop database if exists {} with (force)").format(name))
    link.execute(
        sql.SQL("create database {} owner {}").format(name, sql.Identifier(embedded.OWNER))
    )
    command = [sys.executable, "manage.py", "migrate", "-v0", "--skip-checks"]
    command += ["--database", "owner"]
    environment = dict(os.environ) | {"PORTAL_DATA": str(cluster.data)}
    if subprocess.run(command, cwd=embedded.ROOT, env=environment, check=False).returncode:
        raise Unavailable("The bench's database could not be migrated; see above.")
