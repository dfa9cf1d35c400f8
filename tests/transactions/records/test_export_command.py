"""``export_transactions``: the same filters as the page, figures that equal the file."""

import csv
import io
import json
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from portal.audit.models import AuditEntry
from portal.kit.command import WRONG_USAGE
from terminals.fleet.models import Terminal
from tests.transactions.intake.test_history import line, taken_in
from tests.transactions.rows import built, put

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


@pytest.fixture
def _book(a1041: Terminal, b2052: Terminal, noon: datetime) -> None:
    """Ten sales and a refund of Noodle House over eleven days, one sale of Tea House."""
    put([
        *[built(a1041, n, occurred_at=noon - timedelta(days=n)) for n in range(10)],
        built(a1041, 50, occurred_at=noon, kind="REFUND", amount_minor=2500),
        built(b2052, 60, occurred_at=noon),
    ])  # fmt: skip


def run(path: Path, *arguments: str) -> tuple[dict[str, Any], bytes]:
    out = io.StringIO()
    call_command("export_transactions", "-o", str(path), "--json", *arguments, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found, path.read_bytes()


@pytest.mark.usefixtures("_book")
def test_figures_equal_the_file(tmp_path: Path) -> None:
    days = ["--from", "2026-11-15", "--to", "2026-11-20"]
    result, body = run(tmp_path / "t.csv", "--merchant", "M1000000001", *days)

    lines = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert result["rows"] == len(lines) == 7
    assert result["sha256"] == sha256(body).hexdigest()
    assert result["totals"] == [
        {"currency": "CNY", "sales": "600.00", "refunds": "25.00", "net": "575.00"}
    ]
    assert sum(Decimal(one["net"]) for one in lines) == Decimal("575.00")
    assert AuditEntry.objects.get(event="transaction.exported").details["rows"] == 7


@pytest.mark.usefixtures("_book")
@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        (["--from", "2026-11-20", "--to", "2026-11-20"], 3),
        (["--from", "2026-11-01", "--kind", "REFUND"], 1),
        (["--from", "2026-11-01", "--kind", "REFUND", "--kind", "SALE", "--min", "100"], 11),
        (["--from", "2026-11-01", "--terminal", "N9A052052"], 1),
        (["--from", "2026-11-01", "--q", "amount:<100"], 1),
        (["--from", "2026-11-01", "--status", "DECLINED"], 0),
    ],
)
def test_the_filters_are_those_of_the_page(
    tmp_path: Path, arguments: list[str], rows: int
) -> None:
    result, body = run(tmp_path / "t.jsonl", "--format", "jsonl", *arguments)

    assert result["rows"] == rows
    assert len(body.splitlines()) == rows


@pytest.mark.usefixtures("_book")
def test_a_workspace_holds_what_was_imported_under_it(tmp_path: Path) -> None:
    taken_in([line(), line(external_id="x2", type="refund", amount="7.17")])

    result, _body = run(tmp_path / "t.csv", "--workspace", "demo")
    nothing, _body = run(tmp_path / "t.csv", "--workspace", "other")

    assert (result["rows"], result["totals"][0]["net"]) == (2, "270.00")
    assert (nothing["rows"], nothing["totals"]) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--min", "lots"], "min: "),
        (["--from", "yesterday"], "from: "),
        (["--format", "xlsx"], "invalid choice"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage_and_writes_nothing(
    tmp_path: Path, arguments: list[str], why: str
) -> None:
    with pytest.raises(CommandError, match=why) as refused:
        run(tmp_path / "t.csv", *arguments)

    assert refused.value.returncode in (1, WRONG_USAGE)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run(tmp_path / "nowhere" / "t.csv")
