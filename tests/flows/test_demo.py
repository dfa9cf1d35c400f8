"""The demo and the fake fleet, as a visitor uses them."""

import base64
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.transaction import atomic
from django.test import Client
from django_otp.oath import TOTP
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from merchants.profiles.models import Merchant
from portal.audit.models import AuditEntry
from portal.kit.command import WrongUsage
from portal.kit.scope import WORKER, acting_as
from terminals.checkin.models import SignIn
from transactions.records.models import Kind, Transaction

ROLES = {
    "OWNER", "MANAGER", "CASHIER", "FINANCE", "OPERATOR", "COMPLIANCE", "AUDITOR", "ADMIN",
}  # fmt: skip
COMMITTING = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def _answer(command: str, *words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(command, *words, "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def _seed(path: Path) -> dict[str, Any]:
    (Path(configured.PORTAL_DATA) / "seed.json").unlink(missing_ok=True)
    call_command("seed_demo", "--json", str(path), stdout=io.StringIO())
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return made


def _code(secret: str) -> str:
    clock = TOTP(base64.b32decode(secret))
    clock.time = time.time()
    return f"{clock.token():06d}"


@pytest.mark.django_db
def test_the_demo_has_every_role_and_each_can_sign_in(tmp_path: Path) -> None:
    demo = _seed(tmp_path / "demo.json")

    assert {user["role"] for user in demo["users"]} == ROLES
    for user in demo["users"]:
        client = Client()
        client.post("/sign-in/", {"username": user["username"], "password": user["password"]})
        reply = client.post("/sign-in/code/", {"code": _code(user["totp_secret"])})

        if user["username"] != "yun":
            assert (reply.status_code, client.get("/security/").status_code) == (302, 200)


@pytest.mark.django_db
def test_a_second_seeding_changes_nothing(tmp_path: Path) -> None:
    first = _seed(tmp_path / "demo.json")
    entries = AuditEntry.objects.count()

    call_command("seed_demo", "--json", str(tmp_path / "again.json"), stdout=io.StringIO())

    assert json.loads((tmp_path / "again.json").read_text(encoding="utf-8")) == first
    assert AuditEntry.objects.count() == entries
    assert (tmp_path / "again.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db
def test_the_demo_stays_away_from_an_installation_in_earnest(
    tmp_path: Path, settings: Settings
) -> None:
    settings.DEVELOPMENT = False

    with pytest.raises(WrongUsage, match="DEBUG=0"):
        call_command("seed_demo", "--json", str(tmp_path / "demo.json"), stdout=io.StringIO())

    assert not (tmp_path / "demo.json").exists()
    assert Merchant.objects.count() == 0


@pytest.mark.django_db
def test_a_first_owner_is_let_in_by_hand(tmp_path: Path) -> None:
    _seed(tmp_path / "demo.json")

    granted = _answer("grant_login", "M2026000102", "--role", "OWNER", "--username", "first")

    client = Client()
    client.post("/sign-in/", {"username": "first", "password": granted["password"]})
    reply = client.post("/sign-in/code/", {"code": _code(granted["totp_secret"])})
    assert (reply.status_code, granted["merchant"]) == (302, "M2026000102")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("merchant", "username"), [("M0000000000", "nobody"), ("M2026000102", "lin")]
)
def test_no_login_for_an_unknown_merchant_or_a_taken_name(
    tmp_path: Path, merchant: str, username: str
) -> None:
    _seed(tmp_path / "demo.json")
    entries = AuditEntry.objects.count()

    with pytest.raises(CommandError):
        _answer("grant_login", merchant, "--username", username)

    assert AuditEntry.objects.count() == entries


@COMMITTING
@pytest.mark.parametrize(
    ("scenario", "end", "open_sessions"),
    [("normal", (), 4), ("flaky", (), 4), ("normal", ("--sign-out",), 0)],
)
def test_a_fleet_loses_nothing_and_doubles_nothing(
    tmp_path: Path,
    live_server: LiveServer,
    scenario: str,
    end: tuple[str, ...],
    open_sessions: int,
) -> None:
    _seed(tmp_path / "demo.json")
    with acting_as(WORKER), atomic():
        before = Transaction.objects.filter(batch_no__isnull=False).count()

    told = _answer(
        "simulate", "--url", live_server.url, "--terminals", "4", "--minutes", "0.1",
        "--scenario", scenario, "--seed", "3", "--speed", "20", *end,
    )  # fmt: skip

    assert told["surprises"] == []
    assert told["refused"] == {}
    assert told["acked_not_stored"] == 0
    assert told["transactions_stored"] == told["transactions_acked"] > 20
    with acting_as(WORKER), atomic():
        stored = Transaction.objects.filter(batch_no__isnull=False).count() - before
        assert stored == told["transactions_stored"]
        assert Transaction.objects.filter(kind=Kind.SALE, batch_no__isnull=False).exists()
        sessions = SignIn.objects.filter(code="OK", terminal__serial__startswith="SIM003")
        assert sessions.filter(signed_out_at=None).count() == open_sessions
        assert sessions.count() == 4
