"""Signing in for the business day, and out."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from merchants.profiles.models import Merchant
from merchants.staff.models import TerminalOperator
from portal.audit.models import AuditEntry
from terminals.checkin.models import SignIn
from terminals.checkin.rules.business_day import SHANGHAI, business_date
from terminals.fleet.models import Terminal
from terminals.management.simulator.device import HEALTHY, Device, Reply
from tests.cast import Cast
from tests.device import OPERATOR_NO, PASSWORD, activate, make_operator, refusals, send

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

WRONG = "not-the-password-1"


@pytest.fixture
def device(cast: Cast) -> Device:
    """A terminal of Noodle House in use, with operator 21."""
    make_operator(cast.noodle)
    return activate("A1041000", merchant=cast.noodle, store=cast.noodle_store)


def _try(device: Device, password: str = PASSWORD, **changes: Any) -> Reply:
    return send(device.sign_in(changes.pop("operator_no", OPERATOR_NO), password, **changes))


def _kept() -> list[tuple[str, int | None]]:
    return list(SignIn.objects.order_by("pk").values_list("code", "batch_no"))


def _failures() -> int:
    return TerminalOperator.objects.get(number=OPERATOR_NO).failures


def test_a_terminal_signs_in_until_four_hours_after_the_business_day(device: Device) -> None:
    reply = _try(device)

    today = business_date(SignIn.objects.get().at)
    assert reply.status == 200
    assert {name: reply.body[name] for name in ("code", "batch_no", "business_date")} == {
        "code": "OK",
        "batch_no": 1,
        "business_date": today.isoformat(),
    }
    row = SignIn.objects.get()
    assert row.expires_at is not None
    local = row.expires_at.astimezone(SHANGHAI)
    assert (local.date(), local.hour, local.minute) == (today + timedelta(days=1), 4, 0)
    assert reply.body["last_sign_in"] is None
    entry = AuditEntry.objects.get(event="terminal.signed_in")
    assert (entry.actor_kind, entry.details) == (
        "TERMINAL",
        {"operator_no": OPERATOR_NO, "batch_no": 1},
    )


def test_the_same_message_gets_the_same_answer_and_does_nothing_twice(device: Device) -> None:
    request = device.sign_in(OPERATOR_NO, PASSWORD)

    first, second = send(request), send(request)

    assert (second.status, second.body) == (first.status, first.body)
    assert _kept() == [("OK", 1)]
    assert AuditEntry.objects.filter(event="terminal.signed_in").count() == 1


def test_another_message_under_the_same_id_is_refused(device: Device) -> None:
    _try(device, signin_id="a" * 32)

    reply = _try(device, signin_id="a" * 32, battery_pct=79)

    assert (reply.status, reply.code) == (422, "KEY_REUSED")
    assert _kept() == [("OK", 1)]


def test_who_is_signed_in_already_gets_the_same_session(device: Device) -> None:
    first = _try(device)
    device.learn_sign_in(first)

    second = _try(device)

    assert second.body["code"] == "ALREADY_SIGNED_IN"
    for name in ("session_id", "batch_no", "expires_at", "business_date"):
        assert second.body[name] == first.body[name]
    assert _kept() == [("OK", 1), ("ALREADY_SIGNED_IN", None)]


def test_signing_in_again_after_signing_out_opens_a_new_batch(device: Device) -> None:
    device.learn_sign_in(_try(device))
    out = send(device.sign_out())

    again = _try(device)

    assert (out.status, out.body["batch_no"]) == (200, 1)
    assert (again.body["code"], again.body["batch_no"]) == ("OK", 2)
    assert again.body["last_sign_in"]["operator_no"] == "2***"


def test_signing_out_twice_gives_the_same_answer(device: Device) -> None:
    device.learn_sign_in(_try(device))

    first, second = send(device.sign_out()), send(device.sign_out())

    assert first.body == second.body
    assert AuditEntry.objects.filter(event="terminal.signed_out").count() == 1


def test_a_session_of_another_terminal_cannot_be_closed(device: Device, cast: Cast) -> None:
    device.learn_sign_in(_try(device))
    other = activate("B2000000", merchant=cast.noodle, store=cast.noodle_store)
    other.session_id = device.session_id

    assert send(other.sign_out()).code == "NOT_SIGNED_IN"
    assert SignIn.objects.get(code="OK").signed_out_at is None


def test_a_wrong_password_is_counted_and_the_fifth_locks(device: Device) -> None:
    for left in (4, 3, 2, 1, 0):
        reply = _try(device, WRONG)
        assert (reply.status, reply.code, reply.body["attempts_left"]) == (
            403,
            "OPERATOR_PASSWORD_WRONG",
            left,
        )

    reply = _try(device)

    assert (reply.status, reply.code) == (403, "OPERATOR_LOCKED")
    assert 840 < reply.body["retry_after_s"] <= 900
    assert [details["code"] for _event, _kind, details in refusals()] == [
        *["OPERATOR_PASSWORD_WRONG"] * 5,
        "OPERATOR_LOCKED",
    ]
    assert SignIn.objects.filter(session_id__isnull=False).count() == 0


def test_a_lock_ends_after_fifteen_minutes(device: Device) -> None:
    TerminalOperator.objects.update(locked_until=timezone.now() - timedelta(seconds=1))

    assert _try(device).status == 200


def test_the_right_password_forgets_the_wrong_ones(device: Device) -> None:
    _try(device, WRONG)
    assert _failures() == 1

    _try(device)

    assert _failures() == 0


def test_sending_a_wrong_password_again_costs_one_try(device: Device) -> None:
    request = device.sign_in(OPERATOR_NO, WRONG)

    first, second = send(request), send(request)

    assert (first.code, first.body) == ("OPERATOR_PASSWORD_WRONG", second.body)
    assert _failures() == 1


def test_a_number_that_nobody_has_sounds_like_a_wrong_password(device: Device) -> None:
    wrong = _try(device, WRONG)
    nobody = _try(device, WRONG, operator_no="77")

    assert (nobody.status, nobody.body) == (wrong.status, wrong.body)


@pytest.mark.parametrize(
    ("number", "password"), [("01", "0000"), ("00", "123456"), ("99", "12345678"), ("21", "21")]
)
def test_a_password_that_everybody_knows_is_refused_unread(
    number: str, password: str, device: Device
) -> None:
    reply = _try(device, password, operator_no=number)

    assert (reply.status, reply.code) == (403, "DEFAULT_PASSWORD_FORBIDDEN")
    assert _failures() == 0


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"self_test": HEALTHY | {"printer": "fault"}}, "DEVICE_FAULT", {"parts": ["printer"]}),
        ({"battery_pct": 14}, "BATTERY_LOW", {"battery_pct": 14}),
    ],
)
def test_a_device_in_bad_condition_is_told_before_any_password_is_read(
    change: dict[str, Any], code: str, told: dict[str, Any], device: Device
) -> None:
    reply = _try(device, WRONG, **change)

    assert (reply.status, reply.code) == (409, code)
    assert reply.body | told == reply.body
    assert _failures() == 0


def test_a_low_battery_that_is_charging_will_do(device: Device) -> None:
    assert _try(device, battery_pct=3, charging=True).status == 200


def test_a_suspended_terminal_is_told_why(device: Device) -> None:
    Terminal.objects.update(
        status="SUSPENDED", suspended_at=timezone.now(), suspended_reason="ARREARS"
    )

    reply = _try(device, WRONG)

    assert (reply.status, reply.code, reply.body["reason"]) == (
        403,
        "TERMINAL_SUSPENDED",
        "ARREARS",
    )
    assert reply.body["title"] == "The terminal is suspended: Fees in arrears."
    assert _failures() == 0


def test_a_suspended_merchants_terminal_does_not_sign_in(device: Device) -> None:
    Merchant.objects.update(status="SUSPENDED", suspended_at=timezone.now())

    assert _try(device).code == "MERCHANT_INACTIVE"


def test_an_old_challenge_is_answered_with_the_new_one_under_the_same_id(device: Device) -> None:
    before = device.challenge
    device.learn_heartbeat(send(device.heartbeat()))
    now, device.challenge = device.challenge, before

    stale = _try(device, signin_id="a" * 32)
    device.challenge = stale.body["challenge"]
    again = _try(device, signin_id="a" * 32)

    assert (stale.status, stale.code, stale.body["challenge"]) == (409, "CHALLENGE_STALE", now)
    assert again.status == 200
    assert refusals() == [
        (
            "terminal.sign_in_refused",
            "TERMINAL",
            {"code": "CHALLENGE_STALE", "operator_no": OPERATOR_NO},
        )
    ]


def test_who_is_further_behind_is_not_helped_on(device: Device) -> None:
    copied = device.challenge
    for _ in range(2):
        device.learn_heartbeat(send(device.heartbeat()))

    reply = _try(device, challenge=copied)

    assert (reply.status, reply.code) == (409, "CHALLENGE_STALE")
    assert device.challenge not in json.dumps(reply.body)


def test_a_wrong_clock_is_set_and_the_same_id_tried_again(device: Device) -> None:
    before = timezone.now()
    late = (before - timedelta(minutes=6)).isoformat()

    skewed = _try(device, signin_id="a" * 32, sent_at=late)

    assert (skewed.status, skewed.code) == (409, "CLOCK_SKEW")
    assert before <= datetime.fromisoformat(skewed.body["server_time"]) <= timezone.now()
    assert _try(device, signin_id="a" * 32).status == 200


def test_a_terminal_that_lost_its_batch_is_told_ours(device: Device) -> None:
    device.learn_sign_in(_try(device))
    send(device.sign_out())

    lost = _try(device, signin_id="a" * 32, batch_no=7)
    found = _try(device, signin_id="a" * 32, batch_no=lost.body["batch_no"])

    assert (lost.status, lost.code, lost.body["batch_no"]) == (409, "BATCH_MISMATCH", 1)
    assert (found.body["code"], found.body["batch_no"]) == ("OK", 2)


def test_the_password_appears_in_no_row_no_entry_and_no_answer(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    replies = [_try(device, WRONG), _try(device)]

    kept = json.dumps([reply.body for reply in replies]) + caplog.text
    kept += str(list(SignIn.objects.values())) + str(list(AuditEntry.objects.values()))
    assert WRONG not in kept
    assert PASSWORD not in kept
