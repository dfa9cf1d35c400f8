"""Files of transactions: guarded, exact, audited, refused where the filter is not understood."""

import csv
import io
import json
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from merchants.profiles.models import Store
from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, MissingPermission
from portal.kit.scope import acting_as, scope_of
from terminals.fleet.models import Terminal
from tests.claims import unchanged
from tests.transactions.rows import built, put
from transactions.records.actions.exports import Export, FileForm, UnusableFilter, export
from transactions.records.rules.columns import FILE_COLUMNS, exported, shown
from transactions.records.rules.filters import parse

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def written(
    actor: Actor, now: datetime, form: FileForm = FileForm.CSV, **query: str
) -> tuple[Export, bytes]:
    asked = parse({name: [text] for name, text in query.items()}, today=now.date())
    target = io.BytesIO()
    with acting_as(scope_of(actor)):
        done = export(actor=actor, asked=asked, form=form, target=target, now=now)
    return done, target.getvalue()


@pytest.fixture
def _two(a1041: Terminal, noon: datetime) -> None:
    """A sale, and an hour later a refund of part of it."""
    put([
        built(a1041, 1, occurred_at=noon - timedelta(hours=1), amount_minor=1234),
        built(a1041, 2, occurred_at=noon, kind="REFUND", amount_minor=234, operator_no=""),
    ])  # fmt: skip


@pytest.mark.usefixtures("_two")
def test_a_csv_opens_in_a_spreadsheet_and_in_a_program(lin: Actor, noon: datetime) -> None:
    done, body = written(lin, noon)

    assert body.startswith(b"\xef\xbb\xbf")
    assert body.count(b"\r\n") == 3
    lines = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert tuple(lines[0]) == FILE_COLUMNS
    assert [(line["kind"], line["amount"], line["net"]) for line in lines] == [
        ("REFUND", "2.34", "-2.34"),
        ("SALE", "12.34", "12.34"),
    ]
    assert lines[0]["occurred_at"] == "2026-11-20T12:00:00+08:00"
    assert lines[0]["rrn"] == "261120000002\t"
    assert lines[0]["card"] == "622588******0417"
    assert (done.rows, done.size) == (2, len(body))
    assert done.sha256 == sha256(body).hexdigest()
    assert [(s.sales_minor, s.refunds_minor) for s in done.sums] == [(1234, 234)]


@pytest.mark.usefixtures("_two")
def test_json_lines_carry_plain_values(lin: Actor, noon: datetime) -> None:
    done, body = written(lin, noon, FileForm.JSONL, kind="SALE")

    lines = [json.loads(line) for line in body.splitlines()]
    assert done.rows == len(lines) == 1
    assert tuple(lines[0]) == FILE_COLUMNS
    assert (lines[0]["rrn"], lines[0]["operator_no"]) == ("261120000001", "01")
    assert (lines[0]["amount"], lines[0]["batch_no"]) == ("12.34", 1)


def test_a_formula_in_a_name_is_not_run(a1041: Terminal, lin: Actor, noon: datetime) -> None:
    Store.objects.filter(pk=a1041.store_id or 0).update(name="=HYPERLINK(1)")
    put([built(a1041, 1, occurred_at=noon)])

    _done, body = written(lin, noon)

    assert b",'=HYPERLINK(1)," in body


@pytest.mark.usefixtures("_two")
def test_an_export_is_in_the_log_with_its_filter_and_rows(lin: Actor, noon: datetime) -> None:
    written(lin, noon, kind="REFUND", q="amount:>1")

    entry = AuditEntry.objects.get(event="transaction.exported")
    assert (entry.actor_label, entry.merchant_id) == ("lin", lin.merchant_id)
    assert entry.details == {"filter": "kind=REFUND&min=1.01", "format": "csv", "rows": 1}


@pytest.mark.usefixtures("_two")
def test_who_may_not_export_gets_nothing(mei: Actor, noon: datetime) -> None:
    with unchanged(), pytest.raises(MissingPermission):
        written(mei, noon)


@pytest.mark.usefixtures("_two")
def test_a_filter_that_was_not_understood_is_not_exported(lin: Actor, noon: datetime) -> None:
    with unchanged(), pytest.raises(UnusableFilter, match="min"):
        written(lin, noon, min="lots")


def test_the_columns_of_a_file_follow_those_on_the_screen() -> None:
    assert exported(shown(["at", "rrn"], staff=False)) == (
        "occurred_at", "rrn", "currency", "amount", "net",
    )  # fmt: skip
    assert "merchant_code" in exported(shown([], staff=True))
    assert "merchant_code" not in exported(shown([], staff=False))
    assert shown(["nonsense"], staff=False) == shown([], staff=False)
