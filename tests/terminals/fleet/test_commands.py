"""import_registry and verify_serial, as an operator at a terminal runs them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.audit.models import AuditEntry
from terminals.fleet.models import RegisteredSerial

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def _run(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command(*words, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def _json(*words: str) -> tuple[int, dict[str, Any]]:
    code, text = _run(*words, "--json")
    return code, json.loads(text)


@pytest.fixture
def makers_list(tmp_path: Path) -> Path:
    """Three lines, of which one cannot be taken."""
    file = tmp_path / "makers.csv"
    text = "型号,序列号\r\nA920,0820000001\r\nA920,08*\r\nA920,0820000002\r\n"
    file.write_bytes(text.encode("gb18030"))
    return file


def test_a_list_is_imported_and_a_second_run_changes_nothing(makers_list: Path) -> None:
    code, first = _json("import_registry", str(makers_list), "--maker", "PAX")
    again = _json("import_registry", str(makers_list), "--maker", "PAX")[1]

    assert code == 0
    assert [first[name] for name in ("lines", "new", "changed", "known", "rejected")] == [
        3,
        2,
        0,
        0,
        1,
    ]
    assert (first["encoding"], first["imported"], first["flags"]) == ("GBK", True, [])
    assert [(r["line"], r["code"], r["cell"]) for r in first["rejects"]] == [
        (3, "BAD_SERIAL", "08*")
    ]
    assert [again[name] for name in ("new", "changed", "known", "rejected")] == [0, 0, 2, 1]
    assert RegisteredSerial.objects.count() == 2
    assert AuditEntry.objects.filter(event="registry.imported", via="COMMAND").count() == 2


def test_a_dry_run_leaves_the_register_as_it_was(makers_list: Path) -> None:
    code, text = _run("import_registry", str(makers_list), "--maker", "PAX", "--dry-run")

    assert code == 0
    assert "new 2" in text
    assert "line 3: " in text
    assert "dry run" in text
    assert RegisteredSerial.objects.count() == 0


@pytest.mark.parametrize("words", [[], ["--maker", ""]])
def test_a_list_without_a_maker_is_wrong_usage(makers_list: Path, words: list[str]) -> None:
    with pytest.raises(CommandError, match="maker") as wrong:
        _run("import_registry", str(makers_list), *words)

    assert wrong.value.returncode == 2
    assert RegisteredSerial.objects.count() == 0


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read") as wrong:
        _run("import_registry", str(tmp_path / "nothing.csv"))

    assert wrong.value.returncode == 2


def test_a_genuine_serial_ends_with_0_and_another_with_1(makers_list: Path) -> None:
    _run("import_registry", str(makers_list), "--maker", "PAX")

    good, listed = _json("verify_serial", "0820000001")
    bad, unknown = _json("verify_serial", "O82000000I")
    other, mismatch = _json("verify_serial", "0820000001", "--maker", "PAX", "--model", "Q20L")

    assert (good, listed["verdict"], listed["confidence"]) == (
        0,
        "GENUINE_NOT_ACTIVATED",
        "RECORD",
    )
    assert [e["code"] for e in listed["evidence"]] == ["LISTED", "NOT_ACTIVATED"]
    assert set(listed["evidence"][0]) == {"source", "code", "fact", "weight", "observed_at"}
    assert (bad, unknown["verdict"], unknown["meant"]) == (1, "UNKNOWN", ["0820000001"])
    assert (other, mismatch["verdict"]) == (1, "MODEL_MISMATCH")
    assert {"as_of", "register_version", "rule_version"} <= set(listed)


def test_the_verdict_reads_well(makers_list: Path) -> None:
    _run("import_registry", str(makers_list), "--maker", "PAX")

    code, text = _run("verify_serial", "0820000002")

    assert code == 0
    assert text.splitlines()[0] == "0820000002: GENUINE_NOT_ACTIVATED (RECORD)"
    assert text.splitlines()[2].startswith("  + ")


def test_a_card_number_is_wrong_usage() -> None:
    with pytest.raises(CommandError, match="card number") as wrong:
        _run("verify_serial", "4" + "1" * 15)

    assert wrong.value.returncode == 2
    assert AuditEntry.objects.filter(event="terminal.verified").count() == 0
