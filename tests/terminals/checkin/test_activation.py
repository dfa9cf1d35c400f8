"""Enrolling a terminal's key with its one-time code."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from merchants.profiles.models import Merchant
from portal.audit.models import AuditEntry
from portal.kit.ids import new_checked_code
from terminals.fleet.actions.enrolment import MOST_TRIES
from terminals.fleet.actions.provisioning import Provisioned, issue_code
from terminals.fleet.models import ActivationCode, DeviceKey, Terminal
from terminals.management.simulator.device import HEALTHY, Device
from terminals.presence.models import LinkEvent, Liveness
from tests.cast import Cast
from tests.device import make_device, provision, refusals, send
from tests.make import FLEET_MAKER

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

SERIAL = "A1041000"


@pytest.fixture
def given(cast: Cast) -> tuple[Device, Provisioned]:
    """A terminal of Noodle House that waits to be enrolled, and its code."""
    (pair,) = provision([SERIAL], merchant=cast.noodle, store=cast.noodle_store)
    return pair


def _another_code() -> str:
    return new_checked_code(12)


def _terminal() -> dict[str, Any]:
    return dict(Terminal.objects.filter(serial=SERIAL).values().get())


def _tries() -> list[int]:
    return list(ActivationCode.objects.order_by("pk").values_list("tries", flat=True))


def test_a_terminal_enrols_its_key_and_is_in_use(given: tuple[Device, Provisioned]) -> None:
    device, row = given

    reply = send(device.activation(row.code))

    assert reply.status == 201
    assert reply.body | {"challenge": "", "server_time": ""} == {
        "terminal_no": row.terminal_no,
        "key_id": f"{row.terminal_no}:1",
        "server_time": "",
        "challenge": "",
        "merchant": {"code": "M1000000001", "name": "面馆", "name_en": "Noodle House"},
        "heartbeat_interval_s": 300,
        "heartbeat_grace_s": 600,
    }
    assert _terminal()["status"] == "ACTIVE"
    assert DeviceKey.objects.values_list("public_key", "generation", "revoked_at").get() == (
        device.public_key,
        1,
        None,
    )
    assert LinkEvent.objects.values_list("old_link", "new_link", "cause").get() == (
        "NEVER",
        "ONLINE",
        "message",
    )
    entry = AuditEntry.objects.get(event="terminal.activated")
    assert (entry.actor_kind, entry.actor_label, entry.details) == (
        "TERMINAL",
        SERIAL,
        {"key_generation": 1},
    )


def test_what_was_learnt_is_enough_for_the_first_heartbeat(
    given: tuple[Device, Provisioned],
) -> None:
    device, row = given
    device.learn_activation(send(device.activation(row.code)))

    assert send(device.heartbeat()).status == 200


def test_a_code_survives_being_read_aloud(given: tuple[Device, Provisioned]) -> None:
    device, row = given
    typed = " ".join(row.code[at : at + 4].lower().replace("0", "o") for at in range(0, 13, 4))

    assert send(device.activation(typed)).status == 201


def test_a_code_is_used_once(given: tuple[Device, Provisioned]) -> None:
    device, row = given
    assert send(device.activation(row.code)).status == 201
    before = (_terminal(), list(DeviceKey.objects.values()))

    again = send(device.activation(row.code))
    thief = send(make_device(SERIAL, seed="thief").activation(row.code))

    assert (again.status, again.code) == (422, "ACTIVATION_CODE_USED")
    assert (thief.status, thief.code) == (422, "ACTIVATION_CODE_USED")
    assert (_terminal(), list(DeviceKey.objects.values())) == before


def test_a_lost_answer_is_given_again_to_the_same_message(
    given: tuple[Device, Provisioned],
) -> None:
    device, row = given
    request = device.activation(row.code, msg_id=device.new_id())

    first, second = send(request), send(request)

    assert (first.status, second.status) == (201, 201)
    assert second.body | {"server_time": ""} == first.body | {"server_time": ""}
    assert DeviceKey.objects.count() == 1
    device.learn_activation(second)
    assert send(device.heartbeat()).status == 200
    assert send(request).code == "ACTIVATION_CODE_USED"


def test_a_wrong_code_costs_a_try_and_the_fifth_voids_it(
    given: tuple[Device, Provisioned],
) -> None:
    device, row = given

    for tries in range(1, MOST_TRIES + 1):
        reply = send(device.activation(_another_code()))
        assert (reply.status, reply.code, _tries()) == (422, "ACTIVATION_CODE_WRONG", [tries])

    reply = send(device.activation(row.code))
    assert (reply.status, reply.code) == (422, "ACTIVATION_CODE_VOID")
    assert _terminal()["status"] == "ALLOCATED"
    assert DeviceKey.objects.count() == 0
    assert [details["code"] for _event, _kind, details in refusals()] == [
        *["ACTIVATION_CODE_WRONG"] * 5,
        "ACTIVATION_CODE_VOID",
    ]


def test_a_typing_error_costs_nothing(given: tuple[Device, Provisioned]) -> None:
    device, row = given
    typo = row.code[:-1] + ("A" if row.code[-1] != "A" else "B")

    assert send(device.activation(typo)).code == "ACTIVATION_CODE_WRONG"
    assert send(device.activation("ABC")).code == "ACTIVATION_CODE_WRONG"
    assert _tries() == [0]


def test_an_unknown_serial_sounds_like_a_wrong_code(given: tuple[Device, Provisioned]) -> None:
    device, row = given

    wrong = send(device.activation(_another_code()))
    unknown = send(make_device("NOSUCH01").activation(row.code))

    assert (unknown.status, unknown.body) == (wrong.status, wrong.body)
    assert unknown.body["title"] == "Serial number and activation code do not belong together."


def test_a_code_of_another_terminal_is_wrong(
    given: tuple[Device, Provisioned], cast: Cast
) -> None:
    ((_other, theirs),) = provision(["B2000000"], merchant=cast.tea, store=cast.tea_store)

    assert send(given[0].activation(theirs.code)).code == "ACTIVATION_CODE_WRONG"


def test_an_expired_code_is_refused_and_a_wrong_one_never_learns_of_it(
    given: tuple[Device, Provisioned],
) -> None:
    device, row = given
    ActivationCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert send(device.activation(row.code)).code == "ACTIVATION_CODE_EXPIRED"
    assert send(device.activation(_another_code())).code == "ACTIVATION_CODE_WRONG"
    assert _terminal()["status"] == "ALLOCATED"


def test_a_new_code_makes_the_old_one_void(given: tuple[Device, Provisioned]) -> None:
    device, row = given
    terminal = Terminal.objects.get(serial=SERIAL)
    newer = issue_code(terminal, actor=FLEET_MAKER, now=timezone.now())

    assert send(device.activation(row.code)).code == "ACTIVATION_CODE_VOID"
    assert send(device.activation(newer.code)).status == 201


def test_a_faulty_device_keeps_its_code(given: tuple[Device, Provisioned]) -> None:
    device, row = given

    reply = send(device.activation(row.code, self_test=HEALTHY | {"keypad": "fault"}))

    assert (reply.status, reply.code, reply.body["parts"]) == (422, "SELF_TEST_FAILED", ["keypad"])
    assert reply.body["title"] == "The self-test found a fault: keypad."
    assert _tries() == [0]
    assert send(device.activation(row.code)).status == 201


def test_a_suspended_merchant_gets_no_terminal_into_use(
    given: tuple[Device, Provisioned],
) -> None:
    device, row = given
    Merchant.objects.update(status="SUSPENDED", suspended_at=timezone.now())

    assert send(device.activation(row.code)).code == "MERCHANT_INACTIVE"
    assert _terminal()["status"] == "ALLOCATED"
    assert Liveness.objects.count() == 0


def test_a_key_of_another_terminal_is_refused(
    given: tuple[Device, Provisioned], cast: Cast
) -> None:
    device, row = given
    ((other, theirs),) = provision(["B2000000"], merchant=cast.tea, store=cast.tea_store)
    assert send(device.activation(row.code)).status == 201
    other.key = device.key

    reply = send(other.activation(theirs.code))

    assert (reply.status, reply.code) == (422, "PUBLIC_KEY_TAKEN")
    assert Terminal.objects.get(serial="B2000000").status == "ALLOCATED"


def test_a_key_that_was_only_copied_from_somewhere_is_no_proof(
    given: tuple[Device, Provisioned],
) -> None:
    device, row = given
    foreign = make_device(SERIAL, seed="foreign")

    reply = send(device.activation(row.code, public_key=foreign.public_key))

    assert (reply.status, reply.code) == (401, "SIGNATURE_INVALID")
    assert _terminal()["status"] == "ALLOCATED"


def test_an_enrolled_name_is_no_name_for_a_newcomer(given: tuple[Device, Provisioned]) -> None:
    device, row = given
    device.keyid = "10000001:1"

    assert send(device.activation(row.code)).code == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("case", "change", "field"),
    [
        ("a part nobody knows", {"self_test": HEALTHY | {"laser": "ok"}}, "self_test.laser"),
        ("a state nobody knows", {"self_test": HEALTHY | {"keypad": "tired"}}, "self_test.keypad"),
        ("no serial", {"serial": ""}, "serial"),
        ("a long serial", {"serial": "A" * 51}, "serial"),
        ("a list", {"serial": ["A"]}, "serial"),
        ("another version", {"v": 2}, "v"),
    ],
)
def test_a_message_that_is_not_as_agreed_is_refused(
    case: str, change: dict[str, Any], field: str, given: tuple[Device, Provisioned]
) -> None:
    device, row = given

    reply = send(device.activation(row.code, **change))

    code = "UNKNOWN_FIELD" if case == "a part nobody knows" else "INVALID"
    assert (reply.status, reply.code, reply.body["field"]) == (422, code, field)
    assert _tries() == [0]


def test_the_code_appears_in_no_entry_and_no_answer(given: tuple[Device, Provisioned]) -> None:
    device, row = given
    request = device.activation(row.code)

    replies = [send(request), send(replace(request, body=request.body + b" "))]

    told = str([reply.body for reply in replies]) + str(list(AuditEntry.objects.values()))
    assert row.code not in told
