"""What every door refuses before it listens: size, signature, time, key, JSON, card data."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.audit.models import AuditEntry
from portal.kit.pan import passes_luhn
from terminals.authentication.identity import Knock
from terminals.authentication.meter import BUDGET, METER, PRICE_OF_REFUSAL
from terminals.fleet.models import DeviceKey, Terminal
from terminals.management.simulator.device import TAGS, Device, Reply, Request
from terminals.presence.models import Liveness
from tests.cast import Cast
from tests.device import activate, make_device, refusals, send, signed_in
from transactions.records.models import Transaction

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

Unchanged = Callable[..., AbstractContextManager[None]]
HEARTBEAT, REPORT = "heartbeat", "transactions"
NOT_AS_SIGNED = {
    "another body": "DIGEST_MISMATCH",
    "another way of sending": "SIGNATURE_INVALID",
    "tag of another door": "SIGNATURE_INVALID",
    "five minutes late": "CLOCK_SKEW",
    "ten minutes early": "CLOCK_SKEW",
    "1970": "CLOCK_SKEW",
    "no signature": "SIGNATURE_INVALID",
}
NOT_JSON = {
    "nothing": (b"", "syntax"),
    "cut off": (b'{"v":1', "syntax"),
    "two documents": (b'{"v":1}{"v":1}', "syntax"),
    "a key twice": (b'{"v":1,"v":1}', "duplicate key"),
    "a key twice inside": (b'{"v":1,"net":{"type":"4g","type":"4g"}}', "duplicate key"),
    "a key twice by escape": (b'{"v":1,"\\u0076":1}', "duplicate key"),
    "not a number": (b'{"v":NaN}', "number"),
    "infinity": (b'{"v":-Infinity}', "number"),
    "not UTF-8": (b'{"v":"\xff\xfe"}', "encoding"),
    "UTF-16": ('{"v":1}'.encode("utf-16"), "encoding"),
    "a byte order mark": (b'\xef\xbb\xbf{"v":1}', "syntax"),
    "a NUL": (b'{"v":"a\\u0000b"}', "control character"),
    "a bare NUL": (b'{"v":"a\x00b"}', "syntax"),
    "half a surrogate": (b'{"v":"\\ud800"}', "control character"),
    "ten thousand lists": (b'{"v":' + b"[" * 10_000, "nesting"),
    "lists in lists, closed": (b'{"v":' + b"[" * 40 + b"]" * 40 + b"}", "nesting"),
}
HIDDEN = {
    "bare": "{0}",
    "spaced": "{1} {2} {3} {4}",
    "dashed": "{1}-{2}-{3}-{4}",
    "in a sentence": "card {0}, thanks",
    "behind a word": "PAN{0}",
}
FULL_WIDTH = str.maketrans("0123456789 ", "０１２３４５６７８９\u3000")
STRIPE = {
    "track 1": {"card_token": "%B{0}^CHEN/XIAO^3012101"},
    "track 2": {"card_token": ";{0}=30121010000000000000?"},
    "track 2 of a chip": {"card_token": "{0}D3012101000000000"},
    "field track2": {"track2": "x"},
    "field Track_1_Data": {"Track_1_Data": "x"},
    "field cvv": {"cvv": "123"},
    "field CVC2": {"CVC2": "123"},
    "field pin_block": {"pin_block": "0123456789ABCDEF"},
    "field pinBlock": {"pinBlock": "0123456789ABCDEF"},
    "field expiry": {"expiry_date": "3012"},
}


@pytest.fixture(autouse=True)
def _fresh_meter() -> None:
    METER.__init__()  # type: ignore[misc]


@pytest.fixture
def device(cast: Cast) -> Device:
    """A terminal of Noodle House that is signed in."""
    return signed_in("A1041000", merchant=cast.noodle, store=cast.noodle_store)


def _messages(device: Device) -> dict[str, Any]:
    return {
        HEARTBEAT: device.beat(),
        REPORT: device.report(),
        "transactions/batch": {"transactions": [device.report()]},
        "sign-in": json.loads(device.sign_in("21", "whatever-9").body),
        "sign-out": {"session_id": device.session_id},
    }


def _state() -> tuple[object, ...]:
    return (
        Transaction.objects.count(),
        list(Liveness.objects.values()),
        list(Terminal.objects.values()),
        list(DeviceKey.objects.values()),
    )


def _tampered(case: str, device: Device, request: Request, door: str) -> Request:
    now = int(timezone.now().timestamp())
    others = {
        "another body": lambda: replace(request, body=request.body + b" "),
        "another way of sending": lambda: replace(request, path=f"{request.path}?a=1"),
        "tag of another door": lambda: device.signed(door, request.body, tag="pos-x-1"),
        "five minutes late": lambda: device.signed(door, request.body, created=now - 302),
        "ten minutes early": lambda: device.signed(door, request.body, created=now + 600),
        "1970": lambda: device.signed(door, request.body, created=1),
        "no signature": lambda: replace(request, headers={"Content-Type": "application/json"}),
    }
    return others[case]()


@pytest.mark.parametrize("door", [door for door in TAGS if door != "activate"])
def test_a_message_that_is_not_as_signed_is_refused(door: str, device: Device) -> None:
    before = _state()

    for case, code in NOT_AS_SIGNED.items():
        reply = send(_tampered(case, device, device.signed(door, _messages(device)[door]), door))

        retry = "yes" if code == "DIGEST_MISMATCH" else "after" if code == "CLOCK_SKEW" else "no"
        assert (case, reply.status, reply.code, reply.body["retry"]) == (case, 401, code, retry)
    assert _state() == before
    assert refusals() == [
        ("device.refused", "ANONYMOUS", {"code": code, "door": door})
        for code in NOT_AS_SIGNED.values()
    ]


def test_a_message_for_one_door_is_no_message_for_another(device: Device) -> None:
    request = device.signed(HEARTBEAT, device.beat())

    reply = send(replace(request, path="/api/device/v1/sign-out"))

    assert (reply.status, reply.code) == (401, "SIGNATURE_INVALID")


def test_a_wrong_clock_is_told_the_time(device: Device) -> None:
    before = timezone.now()

    reply = send(device.signed(HEARTBEAT, device.beat(), created=1))

    assert before <= datetime.fromisoformat(reply.body["server_time"]) <= timezone.now()


@pytest.mark.parametrize(
    ("case", "keyid"),
    [
        ("of nobody", "99999999:1"),
        ("another generation", "{terminal_no}:2"),
        ("generation zero", "{terminal_no}:0"),
        ("a word", "admin"),
        ("a statement", "1 or 1=1"),
    ],
)
def test_a_key_that_is_not_known_is_refused(case: str, keyid: str, device: Device) -> None:
    device.keyid = keyid.format(terminal_no=device.keyid.split(":")[0])

    reply = send(device.signed(HEARTBEAT, device.beat()))

    expected = "SIGNATURE_INVALID" if case == "a statement" else "UNKNOWN_KEY"
    assert (reply.status, reply.code) == (401, expected)
    assert refusals() == [("device.refused", "ANONYMOUS", {"code": expected, "door": HEARTBEAT})]


def test_another_terminals_key_is_refused(device: Device, cast: Cast) -> None:
    other = activate("A2000000", merchant=cast.tea, store=cast.tea_store)
    other.keyid = device.keyid

    reply = send(other.signed(REPORT, device.report()))

    assert (reply.status, reply.code) == (401, "SIGNATURE_INVALID")
    assert Transaction.objects.count() == 0


def test_a_revoked_key_is_refused_and_named_to_its_holder(device: Device) -> None:
    DeviceKey.objects.update(revoked_at=timezone.now())

    assert send(device.signed(REPORT, device.report())).code == "KEY_REVOKED"
    stranger = make_device("A1041000", seed="stranger")
    stranger.keyid = device.keyid
    assert send(stranger.signed(REPORT, device.report())).code == "SIGNATURE_INVALID"


def test_a_fault_of_the_verifier_lets_nobody_in(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("no entropy, no disk, no nothing")

    monkeypatch.setattr("terminals.authentication.signature.verify", broken)

    reply = send(device.signed(REPORT, device.report()))

    assert (reply.status, reply.code) == (401, "SIGNATURE_INVALID")
    assert Transaction.objects.count() == 0


@pytest.mark.parametrize("door", [HEARTBEAT, REPORT, "sign-in"])
def test_what_is_not_plain_json_is_refused(door: str, device: Device) -> None:
    before = _state()

    for case, (body, why) in NOT_JSON.items():
        reply = send(device.signed(door, body))

        told = (reply.status, reply.code, reply.body["why"], reply.body["retry"])
        assert (case, *told) == (case, 400, "MALFORMED", why, "no")
    assert _state() == before
    entry = ("device.refused", "TERMINAL", {"code": "MALFORMED", "door": door})
    assert refusals() == [entry] * len(NOT_JSON)


def test_a_field_that_nobody_agreed_on_is_refused_and_named(device: Device) -> None:
    for door, message in _messages(device).items():
        reply = send(device.signed(door, message | {"remark": "hello"}))

        told = (reply.status, reply.code, reply.body["field"])
        assert (door, *told) == (door, 422, "UNKNOWN_FIELD", "remark")
    assert [details for _event, _kind, details in refusals()] == [
        {"code": "UNKNOWN_FIELD", "door": door} for door in _messages(device)
    ]


def test_a_field_deep_inside_is_named_with_its_path(device: Device) -> None:
    beat = device.beat()
    beat["net"] |= {"ssid": "x"}

    assert send(device.signed(HEARTBEAT, beat)).body["field"] == "net.ssid"
    beat["net"] = {"type": "5g", "rtt_ms": "48"}
    assert send(device.signed(HEARTBEAT, beat)).body["field"] == "net.rtt_ms"


def card_number(prefix: str, length: int) -> str:
    """Make a number of an issuer that passes its check."""
    body = prefix.ljust(length - 1, "7")
    return next(body + digit for digit in "0123456789" if passes_luhn(body + digit))


def _hidden(number: str) -> list[str]:
    fours = [number[at : at + 4] for at in (0, 4, 8)]
    narrow = [form.format(number, *fours, number[12:]) for form in HIDDEN.values()]
    return narrow + [text.translate(FULL_WIDTH) for text in narrow]


@pytest.mark.parametrize(("door", "field"), [(REPORT, "card_token"), (HEARTBEAT, "reason")])
def test_a_full_card_number_is_refused_wherever_it_hides(
    door: str, field: str, device: Device
) -> None:
    before = _state()
    issuers = [("4", 13), ("36", 14), ("37", 15), ("51", 16), ("62", 17), ("62", 18), ("62", 19)]
    for prefix, length in issuers:
        number = card_number(prefix, length)
        for text in _hidden(number):
            message = _messages(device)[door] | {field: text}

            reply = send(device.signed(door, json.dumps(message, ensure_ascii=False).encode()))

            assert (reply.status, reply.code) == (422, "CARD_NUMBER_REFUSED"), (length, text[:4])
            assert number[6:-4] not in json.dumps(reply.body)
    assert _state() == before
    entry = ("device.refused", "TERMINAL", {"code": "CARD_NUMBER_REFUSED", "door": door})
    assert refusals() == [entry] * 30


def test_a_card_number_behind_escapes_or_as_a_name_is_refused_and_not_repeated(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    number = card_number("62", 19)
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in number)
    report = json.dumps(device.report() | {"card_token": "X"}).replace('"X"', f'"{escaped}"')
    requests = [
        device.signed(REPORT, report.encode()),
        device.signed(REPORT, device.report() | {number: 1}),
        device.signed(REPORT, device.report() | {"amount_minor": int(number)}),
    ]

    replies = [send(request) for request in requests]

    assert [reply.code for reply in replies] == ["CARD_NUMBER_REFUSED"] * 3
    kept = json.dumps([r.body for r in replies]) + caplog.text
    kept += str(list(AuditEntry.objects.values()))
    assert number not in kept


def test_data_of_the_stripe_and_secret_codes_are_refused(device: Device) -> None:
    number = card_number("62", 16)
    for kind, extra in STRIPE.items():
        said = {name: text.format(number) for name, text in extra.items()}

        reply = send(device.signed(REPORT, device.report() | said))

        assert (kind, reply.status, reply.code) == (kind, 422, "TRACK_DATA_REFUSED")
        assert "field" not in reply.body
    inside = {"batch_no": 1, "trace_no": 1, "cvn2": "123"}
    assert send(device.signed(REPORT, device.report() | {"original": inside})).code == (
        "TRACK_DATA_REFUSED"
    )
    entry = ("device.refused", "TERMINAL", {"code": "TRACK_DATA_REFUSED", "door": REPORT})
    assert refusals() == [entry] * (len(STRIPE) + 1)
    assert Transaction.objects.count() == 0


def _refused_for_size(path: str, length: int) -> Reply:
    response = Client().generic(
        "POST", path, b"", content_type="application/json", CONTENT_LENGTH=str(length)
    )
    return Reply(response.status_code, json.loads(response.content))


@pytest.mark.parametrize(
    ("door", "length"),
    [
        (HEARTBEAT, 16 * 1024 + 1),
        (REPORT, 16 * 1024 + 1),
        ("sign-in", 16 * 1024 + 1),
        ("activate", 16 * 1024 + 1),
        ("transactions/batch", 1024 * 1024 + 1),
        ("transactions/batch", 50 * 1024 * 1024),
    ],
)
def test_a_body_that_is_too_large_is_refused_unread(door: str, length: int) -> None:
    reply = _refused_for_size(f"/api/device/v1/{door}", length)

    assert (reply.status, reply.code) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("door", TAGS)
def test_a_door_takes_nothing_but_post(door: str) -> None:
    response = Client().get(f"/api/device/v1/{door}")

    assert (response.status_code, response["Allow"]) == (405, "POST")


def test_a_flood_of_bad_messages_is_told_to_wait(device: Device) -> None:
    stranger = make_device("A1041000", seed="stranger")
    stranger.keyid = device.keyid
    request = stranger.signed(HEARTBEAT, device.beat())

    # The budget is of a window of the clock, which may turn over meanwhile.
    replies = [send(request)]
    while replies[-1].status != 429 and len(replies) < 6 * BUDGET // PRICE_OF_REFUSAL:
        replies.append(send(request))

    assert {reply.code for reply in replies[:-1]} == {"SIGNATURE_INVALID"}
    assert (replies[-1].status, replies[-1].code) == (429, "RATE_LIMITED")
    assert 1 <= replies[-1].body["retry_after_s"] <= 10
    assert len(replies) > BUDGET // PRICE_OF_REFUSAL
    assert 0 < len(refusals()) < len(replies)


def test_refusals_are_said_in_the_callers_language(device: Device) -> None:
    request = device.signed(HEARTBEAT, b"{")

    english, chinese = send(request), send(request, language="zh")

    assert english.body["title"] == "The message is not valid JSON."
    assert chinese.body["title"] == "报文不是有效的 JSON。"


def test_a_knock_says_nothing_of_its_body_when_it_is_printed() -> None:
    knock = Knock("t", "u", ("", "", ""), b"secret", "127.0.0.1", timezone.now() + timedelta(0))

    assert "secret" not in repr(knock)
