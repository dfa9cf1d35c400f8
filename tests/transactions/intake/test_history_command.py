"""``import_history``: files of any make, figures on stdout, refusals in a file, exit codes."""

import csv
import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from portal.kit.command import WRONG_USAGE
from tests.transactions.intake.test_history import HEADER, LABELS, line
from transactions.intake.actions.history_files import Unreadable, encoding_of, lines_of
from transactions.records.models import Transaction

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def packed(path: Path, lines: Iterable[str], encoding: str = "utf-8") -> Path:
    body = "\r\n".join(lines).encode(encoding)
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)
    return path


def run(*arguments: str | Path, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command(
        "import_history",
        *map(str, arguments),
        workspace="demo",
        as_json=True,
        stdout=out,
        **options,
    )
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_a_file_of_any_make_is_taken_in(tmp_path: Path, suffix: str, encoding: str) -> None:
    header = f"{HEADER},remark"
    rows = [line(external_id=f"x{n}") + ",面馆" for n in range(3)]
    file = packed(tmp_path / f"tx{suffix}", [header, *rows], encoding)

    result = run(file, create_missing=True)

    assert {name: result[name] for name in ("in", "new", "changed", "unchanged", "rejected")} == {
        "in": 3, "new": 3, "changed": 0, "unchanged": 0, "rejected": 0,
    }  # fmt: skip
    assert result["encodings"]["transactions"] == ("gbk" if encoding == "gbk" else "utf-8-sig")
    assert Transaction.objects.count() == 3


def test_one_bad_line_among_five_thousand_costs_itself_alone(tmp_path: Path) -> None:
    rows = [line(external_id=f"x{n}") for n in range(5000)]
    rows[2500] = line(external_id="bad", amount="12.345")
    file = packed(tmp_path / "tx.csv", [HEADER, *rows])

    first, second = run(file, create_missing=True), run(file, create_missing=True)

    why = "is not a plain decimal of this currency"
    assert (first["new"], first["rejected"]) == (4999, 1)
    assert first["rejections"] == [
        {"file": "transactions", "line": 2502, "field": "amount", "why": why}
    ]
    assert (second["new"], second["unchanged"], second["rejected"]) == (0, 4999, 1)
    assert Transaction.objects.count() == 4999


def test_refusals_are_listed_in_a_file_of_their_own(tmp_path: Path) -> None:
    file = packed(tmp_path / "tx.csv", [HEADER, *[line(amount="x") for _ in range(150)]])
    labels = packed(tmp_path / "labels.csv", [LABELS, "x1,fraud,soon,"])

    result = run(file, labels, create_missing=True, rejects=tmp_path / "rejects.csv")

    with (tmp_path / "rejects.csv").open(newline="", encoding="utf-8") as rejects:
        listed = list(csv.DictReader(rejects))
    assert len(result["rejections"]) == 100
    assert len(listed) == 151
    assert listed[150] == {
        "file": "labels", "line": "2", "field": "known_at", "why": "is not an ISO 8601 time",
    }  # fmt: skip
    assert (result["transactions"]["rejected"], result["labels"]["rejected"]) == (150, 1)


def test_a_person_reads_what_became_of_the_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = packed(tmp_path / "tx.csv", [HEADER, line(), line(type="gift")])

    call_command("import_history", str(file), workspace="demo", create_missing=True)

    said = capsys.readouterr().out
    assert "transactions (utf-8-sig): 2 in, 1 new, 0 changed, 0 unchanged" in said
    assert "transactions line 3: type is not a kind of transaction" in said


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("tx.csv", b"\xff\xff\x81", "neither UTF-8 nor GBK"),
        ("tx.csv.gz", gzip.compress(b"x" * 1000)[:-20], "broken gzip"),
        ("tx.csv", b"external_id,amount\n", "header: lacks occurred_at"),
    ],
)
def test_a_file_that_cannot_be_read_is_wrong_usage(
    tmp_path: Path, name: str, body: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(body)

    with pytest.raises(CommandError, match=why) as refused:
        run(tmp_path / name)

    assert refused.value.returncode == WRONG_USAGE


def test_a_file_that_is_not_there_and_a_strange_workspace_are_wrong_usage(tmp_path: Path) -> None:
    file = packed(tmp_path / "tx.csv", [HEADER])

    with pytest.raises(CommandError, match="No such file"):
        run(tmp_path / "nothing.csv")
    with pytest.raises(CommandError, match="--workspace must be"):
        call_command("import_history", str(file), workspace="a b")


def test_lines_are_read_one_by_one(tmp_path: Path) -> None:
    file = packed(tmp_path / "tx.csv.gz", ["ä", "b", ""])

    assert encoding_of(file) == "utf-8-sig"
    with lines_of(file, "utf-8-sig") as lines:
        assert list(lines) == ["ä", "b"]
    (tmp_path / "bad").write_bytes(b"\xff\x00\xff")
    with pytest.raises(Unreadable):
        encoding_of(tmp_path / "bad")
