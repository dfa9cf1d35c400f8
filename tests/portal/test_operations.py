"""Commands that prove the state of the whole: reconcile, scan_pan, sweep."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.transaction import atomic
from django.utils import timezone
from pytest_django import Settings

from merchants.profiles.models import Merchant
from portal.audit.actions import record
from portal.jobs.actions import enqueue, request_job, run_due
from portal.jobs.models import Job, OutboxMessage
from portal.kit.actor import Actor
from portal.kit.command import WrongUsage
from portal.kit.scope import acting_as, scope_of
from tests.cast import Cast
from transactions.risk.models import Label

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
CARD = "4" + "1" * 15


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    """An empty place for files."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.JOB_HANDLERS = {"test.write": "tests.portal.jobs.handlers.write"}
    return tmp_path / "media"


def run(*command: str) -> tuple[int, dict[str, Any]]:
    """Run a command as a person would; return its exit code and its JSON."""
    said = io.StringIO()
    code = 0
    with acting_as(None):
        try:
            call_command(*command, "--json", stdout=said)
        except SystemExit as left:
            code = int(left.code or 0)
    return code, json.loads(said.getvalue())


def breaches(name: str) -> list[str]:
    code, result = run("reconcile")
    assert code == 1
    found: list[str] = result["invariants"][name]["breaches"]
    return found


def test_a_sound_installation_reconciles(cast: Cast) -> None:
    code, result = run("reconcile")

    assert (code, result["holds"]) == (0, True)
    invariants = result["invariants"]
    assert invariants["audited_rows"]["checked"] == 9
    assert {name: f["breaches"] for name, f in invariants.items()} == {
        name: [] for name in invariants
    }


def test_a_change_that_left_no_entry_is_found(cast: Cast) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("alter table merchants_merchant disable trigger watch_rows")
        cursor.execute("alter table merchants_merchant no force row level security")
        cursor.execute("update merchants_merchant set name = 'x' where id = %s", [cast.tea.pk])
        cursor.execute("alter table merchants_merchant force row level security")
        cursor.execute("alter table merchants_merchant enable trigger watch_rows")

    assert breaches("audited_rows") == [f"merchants_merchant {cast.tea.pk}"]


def test_a_change_by_hand_in_another_time_zone_is_no_breach(cast: Cast) -> None:
    with atomic(), connections["default"].cursor() as cursor:
        cursor.execute("set local timezone = 'Asia/Shanghai'")
        Merchant.objects.update(status="SUSPENDED", suspended_at=timezone.now())

    assert run("reconcile")[0] == 0


def test_what_waits_too_long_is_found(lin: Actor) -> None:
    now = timezone.now()
    job = _job(lin)
    with atomic():
        enqueue(topic="x", effect_key="1", payload={}, now=now - timedelta(seconds=61))
        message = OutboxMessage.objects.get()
        late = now - timedelta(seconds=61)
        Job.objects.update(state="RUNNING", lease_until=late, started_at=late)

    assert breaches("queue") == [
        f"message {message.pk} is unsent",
        f"job {job.pk} is past its lease",
    ]


@atomic
def _job(actor: Actor) -> Job:
    return request_job(
        actor=actor, kind="test.write", title="x", arguments={}, effect_key="1", now=timezone.now()
    )


@pytest.mark.parametrize(
    ("case", "harm", "said"),
    [
        ("gone", Path.unlink, "file missing"),
        ("changed", lambda path: path.write_text("y"), "file differs from its sha256"),
    ],
)
def test_a_file_that_is_not_as_it_was_made_is_found(
    lin: Actor, media: Path, case: str, harm: Callable[[Path], object], said: str
) -> None:
    job = _job(lin)
    run_due(clock=timezone.now)
    assert run("reconcile")[0] == 0

    harm(next((media / "jobs").iterdir()))

    assert breaches("job_files") == [f"job {job.pk}: {said}"]


def test_the_words_for_people_name_each_breach(lin: Actor, media: Path) -> None:
    job = _job(lin)
    run_due(clock=timezone.now)
    next((media / "jobs").iterdir()).unlink()
    said = io.StringIO()

    with pytest.raises(SystemExit, match="1"):
        call_command("reconcile", stdout=said)

    assert f"job_files: 1 compared, 1 broken\n  job {job.pk}: file missing\n" in said.getvalue()


def test_no_card_number_is_found_where_there_is_none(cast: Cast, media: Path) -> None:
    media.mkdir()
    (media / "report.csv").write_text("2026-11-20,6225 **** 0417,100.00\n")

    code, result = run("scan_pan")

    assert (code, result["found"]) == (0, 0)
    assert {str(name).split("_")[0] for name in result["unread"]} == {"auth", "django"}
    assert result["files"] > 1
    assert result["columns"] > 100


@pytest.mark.parametrize(
    "text", [CARD, "４" + "１" * 15, "4111 1111 1111 1111", "4111-1111-1111-1111"]
)
def test_a_number_in_the_database_is_found_and_shown_masked(cast: Cast, text: str) -> None:
    with atomic():
        Merchant.objects.filter(pk=cast.tea.pk).update(name_en=text)

    code, result = run("scan_pan")

    assert code == 1
    places = [(hit["place"], hit["masked"]) for hit in result["places"]]
    assert ("merchants_merchant.name_en", "411111******1111") in places
    assert text not in json.dumps(result, ensure_ascii=False)


@pytest.mark.parametrize(
    ("name", "found"),
    [(f"ab{CARD}cd", 0), (f"order {CARD}", 1), (f"xy{CARD}z9", 1)],
)
def test_digits_by_chance_in_a_hexadecimal_name_are_no_number(
    noon: datetime, name: str, found: int
) -> None:
    with atomic():
        Label.objects.create(workspace="w", external_id=name, label="GENUINE", known_at=noon)

    _code, result = run("scan_pan")

    assert [hit["place"] for hit in result["places"]] == ["transactions_label.external_id"] * found


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A number in a plain file across two chunks, in a gzip and in a zip."""
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "plain.log").write_bytes(b"-" * (1024 * 1024 - 8) + CARD.encode() + b"\n")
    (folder / "log.gz").write_bytes(gzip.compress(CARD.encode()))
    with zipfile.ZipFile(folder / "book.xlsx", "w") as book:
        book.writestr("sheet1.xml", f"<c>{CARD}</c>")
    return folder


def test_files_are_read_packed_ones_too(packed: Path) -> None:
    code, result = run("scan_pan", str(packed))

    assert (code, result["columns"]) == (1, 0)
    assert sorted(hit["place"].split("given/")[1] for hit in result["places"]) == [
        "book.xlsx!sheet1.xml",
        "log.gz",
        "plain.log",
    ]


def test_a_number_in_a_uuid_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("41111111-1111-1111-8111-111111111111\n")

    assert run("scan_pan", str(tmp_path / "x.log"))[1]["found"] == 0


def test_a_sweep_is_run_by_hand(lin: Actor) -> None:
    _job(lin)

    assert run("sweep", "jobs") == (0, {"sweep": "jobs", "ran": 1})
    assert run("sweep", "jobs") == (0, {"sweep": "jobs", "ran": 0})


def test_months_are_prepared_once() -> None:
    first, second = run("sweep", "partitions"), run("sweep", "partitions")

    assert first[1]["made"] >= 0
    assert second == (0, {"sweep": "partitions", "made": 0})


def test_windows_that_are_over_are_forgotten(lin: Actor) -> None:
    assert run("sweep", "limits")[1] == {"sweep": "limits", "forgotten": 0}


def test_a_sweep_of_another_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WrongUsage, match="There is no sweep dance") as refused:
        call_command("sweep", "dance")

    assert refused.value.returncode == 2


def test_every_entry_of_the_cast_is_written_under_its_own_scope(lin: Actor) -> None:
    with acting_as(scope_of(lin)), atomic():
        entry = record(lin, "user.signed_out", "user", now=timezone.now())

    assert (entry.actor_label, entry.merchant_id) == ("lin", lin.merchant_id)
