"""A large file on its way out: whole, or visibly not; and it holds up nobody."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.db.transaction import atomic
from django.utils import timezone

from portal.audit.models import AuditEntry
from portal.kit.ids import uuid7
from portal.kit.scope import WORKER, acting_as
from tests import psql
from tests.cast import assemble
from tests.workers.callers import CSRF, cookie, heard, seconds, serving
from tests.workers.processes import wait_until
from tests.workers.web import Web

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

ENTRIES = 25_000  # more than the sockets between us hold
LARGE_AT_ONCE = 4
LAST = b"\r\n0\r\n\r\n"  # the end of a body that is sent in pieces
IMPATIENT = {"GRANIAN_WORKERS": "1", "WEB_THREADS": "2", "BLOCK_SECONDS": "3"}
OPEN = """
select count(*) from pg_stat_activity
 where usename = 'pos_app' and xact_start is not null and pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One process with two threads, that waits three seconds for a reader."""
    with serving(tmp_path_factory.mktemp("web"), **IMPATIENT) as server:
        yield server


@pytest.fixture
def asked(web: Web) -> bytes:
    """Carol asks for a log of 25,000 entries, in bytes."""
    with acting_as(WORKER), atomic():
        everybody = assemble()
    with acting_as(WORKER), atomic():
        AuditEntry.objects.bulk_create((entry(number) for number in range(ENTRIES)), 5000)
    said = f"format=jsonl&reason=Order+7&csrfmiddlewaretoken={CSRF}"
    return (
        f"POST /audit/export/ HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n"
        f"Cookie: {cookie(everybody, 'carol')}\r\nConnection: close\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(said)}\r\n\r\n{said}"
    ).encode()


def entry(number: int) -> AuditEntry:
    """An entry of about a kilobyte."""
    return AuditEntry(
        id=uuid7(number),
        at=timezone.now(),
        event="user.signed_in",
        outcome="DONE",
        actor_kind="PERSON",
        actor_label="lin",
        subject_type="user",
        via="WEB",
        details={"factor": "authenticator" * 70},
    )


def open_transactions() -> int:
    """How many transactions are open, apart from the one that asks."""
    with psql.connect() as look:
        return int(psql.ask(look, OPEN)[0][0])


def test_a_large_file_arrives_whole(web: Web, asked: bytes) -> None:
    with web.line(asked) as line:
        said = heard(line)

    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.count(b'"user.signed_in"') == ENTRIES
    assert said.endswith(LAST)
    assert open_transactions() == 0


def test_a_reader_who_leaves_ends_the_query(web: Web, asked: bytes) -> None:
    with web.line(asked) as line:
        heard(line, until=b"user.signed_in")
        held = open_transactions()

    took = seconds(lambda: wait_until(lambda: open_transactions() == 0, what="the query ends"))

    assert held == 1
    assert took < 1.0


def test_readers_who_stall_keep_nobody_waiting_and_are_let_go(web: Web, asked: bytes) -> None:
    with ExitStack() as opened:
        stalled = [opened.enter_context(web.line(asked)) for _ in range(LARGE_AT_ONCE)]
        begun = [heard(line, until=b"user.signed_in")[:12] for line in stalled]
        held = open_transactions()
        waits = [seconds(web.wait) for _ in range(20)]
        refused = heard(opened.enter_context(web.line(asked)))
        wait_until(lambda: open_transactions() == 0, what="the queries end")
        ends = [heard(line)[-len(LAST) :] for line in stalled]

    assert begun == [b"HTTP/1.1 200"] * LARGE_AT_ONCE
    assert held == LARGE_AT_ONCE
    assert max(waits) < 1.0
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert LAST not in ends
