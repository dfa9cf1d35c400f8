"""Both aliases of the database, by hand: awake when asked, and open to psql."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from portal import embedded
from portal.kit.command import BEHIND
from tests import psql
from tests.surroundings import surroundings
from tests.workers.processes import environment

EMPTY = "test_never_migrated"
SALE = (
    "external_id,occurred_at,card_token,terminal_serial,merchant_code,amount,currency,type,status\n"
    "x1,2025-01-31T23:30:00+08:00,c_a173af60bcbf,N9A362275,M70E9ACA3E8,277.17,CNY,sale,approved\n"
)
COMMANDS = {
    "seed_demo": ("seed_demo", "--json", "{folder}/demo.json"),
    "simulate": ("simulate", "--url", "http://127.0.0.1:9", "--terminals", "1"),
    "reconcile": ("reconcile", "--json"),
    "import_history": ("import_history", "{folder}/sales.csv", "--workspace", "w"),
    "verify_serial": ("verify_serial", "A0000001"),
}


def manage(*words: str, **named: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as a person would, in surroundings of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        check=False,
        cwd=embedded.ROOT,
        env=named,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def asleep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An installation of its own, whose servers run only while a command needs them."""
    data = tmp_path_factory.mktemp("asleep")
    yield surroundings(PORTAL_DATA=str(data), DATABASE_URL="", BROKER_URL="")
    embedded.tidy(data)


def test_each_alias_wakes_the_servers_and_opens_psql(asleep: dict[str, str]) -> None:
    before = manage("reconcile", **asleep)
    migrated = manage("migrate", "--database", "owner", "-v", "0", **asleep)
    said = {
        alias: manage("dbshell", "--database", alias, "--", "-XAtc", "select user", **asleep)
        for alias in ("owner", "default")
    }

    assert (before.returncode, before.stderr) == (1, f"CommandError: {BEHIND}\n")
    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert {alias: done.stdout for alias, done in said.items()} == {
        "owner": "pos_owner\n",
        "default": "pos_app\n",
    }
    assert not embedded.answers(Path(asleep["PORTAL_DATA"]))


@pytest.fixture(scope="module")
def empty(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, str]]:
    """A database without a table, and the surroundings that name it."""
    with django_db_blocker.unblock(), psql.connect("owner") as link:
        link.autocommit = True
        link.execute(f"create database {EMPTY}".encode())
        named = environment()
        there = named["DATABASE_URL"].replace(f"/{link.info.dbname}?", f"/{EMPTY}?")
        yield {**named, "DATABASE_URL": there}
        link.execute(f"drop database {EMPTY} with (force)".encode())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_was_never_migrated_is_said_in_a_sentence(
    command: str, empty: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "sales.csv").write_text(SALE)
    done = manage(*(word.format(folder=tmp_path) for word in COMMANDS[command]), **empty)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"CommandError: {BEHIND}"
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sales.csv"]
