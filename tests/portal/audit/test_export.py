"""The file of the log: exactly the filter, one snapshot, itself an entry."""

import csv
import io
import json
import resource
from datetime import datetime, timedelta

import pytest
from django.db import connections
from django.db.transaction import atomic
from django.test import Client
from django.utils import timezone

from portal.audit import queries
from portal.audit.actions import FileForm, export, record
from portal.audit.models import AuditEntry
from portal.audit.rules.searches import Search
from portal.kit.actor import Actor, MissingPermission
from portal.kit.ids import uuid7
from portal.kit.scope import acting_as, scope_of
from tests.cast import Cast
from tests.door import open_session

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
EVIL = "=cmd|' /C calc'!A0"


@atomic
def exports() -> list[dict[str, object]]:
    entries = AuditEntry.objects.filter(event="audit.exported").order_by("at")
    return [entry.details for entry in entries]


@atomic
def write(actor: Actor, now: datetime, *, reason: str = "x") -> None:
    record(actor, "terminal.suspended", "terminal", now=now, reason="RISK", because=reason)


def proven(cast: Cast, name: str) -> Client:
    client = Client()
    open_session(client, cast.user(name), proven=("audit.export",))
    return client


def body_of(response: object) -> bytes:
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def test_the_file_holds_the_filter_and_the_log_says_so(cast: Cast, olga: Actor) -> None:
    now = timezone.now()
    for number in range(3):
        write(olga, now - timedelta(minutes=number), reason=f"case {number}")
    client = proven(cast, "carol")

    response = client.post(
        "/audit/export/?event=terminal.suspended",
        {"format": "jsonl", "reason": "Order 7 of the regulator"},
    )
    lines = [json.loads(line) for line in body_of(response).splitlines()]

    assert [line["details"]["because"] for line in lines] == ["case 0", "case 1", "case 2"]
    assert {line["actor_label"] for line in lines} == {"olga"}
    assert list(lines[0]) == list(queries.COLUMNS)
    today = timezone.localdate()
    assert exports() == [
        {
            "filter": f"event=terminal.suspended&since={today - timedelta(days=6)}&until={today}",
            "format": "jsonl",
            "reason": "Order 7 of the regulator",
            "rows": 3,
        }
    ]
    assert response["Content-Disposition"].endswith('.jsonl"')
    assert response["Cache-Control"] == "no-store"


def test_no_cell_of_the_csv_is_a_formula(cast: Cast, lin: Actor) -> None:
    write(lin, timezone.now(), reason=EVIL)
    with atomic():
        AuditEntry.objects.create(
            id=uuid7(0),
            at=timezone.now(),
            event="terminal.suspended",
            outcome="DONE",
            actor_kind="PERSON",
            actor_label=EVIL,
            subject_type="terminal",
            via="WEB",
            subject_label="@SUM(1)",
        )

    response = proven(cast, "carol").post(
        "/audit/export/?event=terminal.suspended", {"format": "csv", "reason": "drill"}
    )
    rows = list(csv.reader(io.StringIO(body_of(response).decode("utf-8-sig"))))

    assert rows[0] == list(queries.COLUMNS)
    assert len(rows) == 3
    cells = [cell for row in rows for cell in row if cell]
    assert [cell for cell in cells if cell[0] in "=+-@\t\r\n"] == []
    assert "'" + EVIL in cells


def test_what_is_written_after_the_count_is_not_in_the_file(
    cast: Cast, carol: Actor, lin: Actor, noon: datetime
) -> None:
    write(lin, noon)
    day = Search(since=noon.date(), until=noon.date(), events=("terminal.suspended",))
    with acting_as(scope_of(carol)):
        rows = export(actor=carol, search=day, form=FileForm.CSV, reason="drill", now=noon)

    write(lin, noon)
    read = list(rows)
    rows.close()

    assert (rows.count, len(read)) == (1, 1)
    assert exports()[0]["rows"] == 1


def test_without_a_fresh_proof_nothing_leaves(cast: Cast, carol: Actor, noon: datetime) -> None:
    client = Client()
    open_session(client, cast.user("carol"))

    response = client.post("/audit/export/", {"format": "csv", "reason": "drill"})

    assert response.status_code == 403
    assert not response.streaming
    assert exports() == []


@pytest.mark.parametrize(
    ("who", "refusal"), [("olga", MissingPermission), ("lin", MissingPermission)]
)
def test_nobody_else_exports(
    cast: Cast, who: str, refusal: type[Exception], noon: datetime
) -> None:
    with pytest.raises(refusal):
        export(actor=cast.actor(who), search=Search(), form=FileForm.CSV, reason="x", now=noon)

    assert exports() == []


@pytest.mark.parametrize("reason", ["", "abc", " "])
def test_without_a_reason_the_form_comes_back(cast: Cast, reason: str) -> None:
    response = proven(cast, "ada").post("/audit/export/", {"format": "csv", "reason": reason})

    assert response.status_code == 422
    assert exports() == []


def test_a_file_that_nobody_reads_gives_its_connection_back(
    cast: Cast, carol: Actor, noon: datetime
) -> None:
    response = proven(cast, "carol").post("/audit/export/", {"format": "csv", "reason": "drill"})

    held = open_transactions()
    response.close()

    assert (held, open_transactions()) == (1, 0)
    assert len(exports()) == 1


def open_transactions() -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and state = 'idle in transaction'"
        )
        return int(cursor.fetchone()[0])


def test_memory_does_not_grow_with_the_rows(cast: Cast, carol: Actor, noon: datetime) -> None:
    made = [
        AuditEntry(
            id=uuid7(number),
            at=noon,
            event="user.signed_in",
            outcome="DONE",
            actor_kind="PERSON",
            actor_label="lin",
            subject_type="user",
            via="WEB",
            details={"factor": "authenticator" * 20},
        )
        for number in range(60_000)
    ]
    with atomic():
        AuditEntry.objects.bulk_create(made, batch_size=5000)
    del made
    search = Search(since=noon.date(), until=noon.date(), events=("user.signed_in",))
    with acting_as(scope_of(carol)):
        rows = export(actor=carol, search=search, form=FileForm.CSV, reason="drill", now=noon)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    count = sum(1 for _row in rows)
    rows.close()

    assert count == 60_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024
