"""Many at once at the doors of terminals: one wins, each counts once, nothing is lost."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from threading import Lock
from typing import Any

import pytest
from django.db import connections
from django.db.transaction import atomic
from django.utils import timezone

from merchants.staff.models import TerminalOperator
from portal.audit.models import AuditEntry
from portal.kit.scope import WORKER, acting_as
from terminals.checkin.models import SignIn
from terminals.fleet.models import ActivationCode, DeviceKey, Terminal
from terminals.management.simulator.device import Device, Reply, Request
from terminals.presence import actions as presence
from terminals.presence.models import IngestWatermark, LinkEvent, Liveness
from terminals.presence.queries import find_impossible_links
from terminals.presence.rules import ON_MAINS, TICK
from tests.cast import Cast
from tests.device import (
    OPERATOR_NO,
    PASSWORD,
    activate,
    make_device,
    make_operator,
    provision,
    send,
    signed_in,
)
from transactions.intake.models import GivenBack, IntakeKey
from transactions.intake.queries import compare_keys
from transactions.records.models import DailyTotal, Transaction

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

Together = Callable[[int, Callable[[], object]], dict[str, int]]


@pytest.fixture
def device(everybody: Cast) -> Device:
    """A terminal of Noodle House that is signed in."""
    return signed_in("A1041000", merchant=everybody.noodle, store=everybody.noodle_store)


class Replies:
    """What the threads got."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self.requests = list(requests)
        self.got: list[Reply] = []
        self._lock = Lock()

    def knock(self) -> None:
        """Send the next request."""
        with self._lock:
            request = self.requests.pop()
        reply = send(request)
        with self._lock:
            self.got.append(reply)

    @property
    def codes(self) -> Counter[str]:
        """How often each code or status came."""
        return Counter(reply.code or str(reply.status) for reply in self.got)


def _all(requests: list[Request], together: Together) -> Replies:
    replies = Replies(requests)
    assert together(len(requests), replies.knock) == {"done": len(requests)}
    return replies


def _look(question: Callable[[], Any]) -> Any:
    with acting_as(WORKER), atomic():
        return question()


def test_of_twenty_devices_with_one_code_one_is_enrolled(
    everybody: Cast, together: Together
) -> None:
    ((_device, row),) = provision(
        ["A1041000"], merchant=everybody.noodle, store=everybody.noodle_store
    )
    claimants = [make_device("A1041000", seed=str(number)) for number in range(20)]

    replies = _all([claimant.activation(row.code) for claimant in claimants], together)

    assert replies.codes == {"201": 1, "ACTIVATION_CODE_USED": 19}
    assert _look(DeviceKey.objects.count) == 1
    assert _look(lambda: Terminal.objects.get().status) == "ACTIVE"
    assert _look(AuditEntry.objects.filter(event="terminal.activated").count) == 1


def test_a_code_is_tried_five_times_however_many_try_at_once(
    everybody: Cast, together: Together
) -> None:
    ((device, row),) = provision(
        ["A1041000"], merchant=everybody.noodle, store=everybody.noodle_store
    )
    wrong = provision(
        [f"B{number:07}" for number in range(12)],
        merchant=everybody.noodle,
        store=everybody.noodle_store,
    )

    replies = _all([device.activation(other.code) for _device, other in wrong], together)

    assert replies.codes == {"ACTIVATION_CODE_WRONG": 12}
    tries = _look(lambda: ActivationCode.objects.get(terminal__serial="A1041000").tries)
    assert tries == 5
    assert send(device.activation(row.code)).code == "ACTIVATION_CODE_VOID"


def test_twenty_sign_ins_open_one_session(everybody: Cast, together: Together) -> None:
    device = activate("A1041000", merchant=everybody.noodle, store=everybody.noodle_store)
    make_operator(everybody.noodle)

    replies = _all([device.sign_in(OPERATOR_NO, PASSWORD) for _ in range(20)], together)

    assert Counter(reply.body["code"] for reply in replies.got) == {
        "OK": 1,
        "ALREADY_SIGNED_IN": 19,
    }
    assert len({reply.body["session_id"] for reply in replies.got}) == 1
    assert _look(SignIn.objects.filter(session_id__isnull=False).count) == 1


def test_one_sign_in_sent_twenty_times_is_one_sign_in(everybody: Cast, together: Together) -> None:
    device = activate("A1041000", merchant=everybody.noodle, store=everybody.noodle_store)
    make_operator(everybody.noodle)

    replies = _all([device.sign_in(OPERATOR_NO, PASSWORD)] * 20, together)

    assert {str(reply.body) for reply in replies.got} == {str(replies.got[0].body)}
    assert _look(SignIn.objects.count) == 1
    assert _look(AuditEntry.objects.filter(event="terminal.signed_in").count) == 1


def test_ten_wrong_passwords_at_once_are_five_and_a_lock(
    everybody: Cast, together: Together
) -> None:
    device = activate("A1041000", merchant=everybody.noodle, store=everybody.noodle_store)
    make_operator(everybody.noodle)

    replies = _all([device.sign_in(OPERATOR_NO, "guess-9") for _ in range(10)], together)

    assert replies.codes == {"OPERATOR_PASSWORD_WRONG": 5, "OPERATOR_LOCKED": 5}
    assert _look(lambda: TerminalOperator.objects.get().locked_until) > timezone.now()


def test_one_heartbeat_sent_twenty_times_moves_the_conversation_once(
    device: Device, together: Together
) -> None:
    replies = _all([device.heartbeat()] * 20, together)

    assert replies.codes == {"200": 20}
    assert {str(reply.body) for reply in replies.got} == {str(replies.got[0].body)}
    assert _look(lambda: Liveness.objects.get().seq) == 1


def test_one_report_sent_twenty_times_is_in_the_book_once(
    device: Device, together: Together
) -> None:
    replies = _all([device.signed("transactions", device.report())] * 20, together)

    assert replies.codes == {"201": 1, "200": 19}
    assert {str(reply.body) for reply in replies.got} == {str(replies.got[0].body)}
    assert _look(Transaction.objects.count) == 1
    assert _look(lambda: DailyTotal.objects.get().count) == 1


def test_of_twenty_reports_under_one_number_one_is_taken(
    device: Device, together: Together
) -> None:
    said = device.report()
    different = [said | {"amount_minor": 100 + number} for number in range(20)]

    replies = _all([device.signed("transactions", one) for one in different], together)

    assert replies.codes == {"201": 1, "KEY_REUSED": 19}
    assert _look(IntakeKey.objects.count) == 1


def test_of_ten_voids_one_is_taken(device: Device, together: Together) -> None:
    sale = device.report()
    send(device.signed("transactions", sale))
    original = {"batch_no": sale["batch_no"], "trace_no": sale["trace_no"]}
    voids = [device.report("VOID", original=original) for _ in range(10)]

    replies = _all([device.signed("transactions", void) for void in voids], together)

    assert replies.codes == {"201": 1, "ALREADY_VOIDED": 9}
    assert _look(Transaction.objects.filter(kind="VOID").count) == 1
    assert _look(IntakeKey.objects.count) == 2


def test_refunds_from_many_tills_never_exceed_the_sale(
    everybody: Cast, device: Device, together: Together
) -> None:
    sale = send(device.signed("transactions", device.report(amount_minor=1000)))
    original = {"reference": sale.body["reference"]}
    tills = [
        signed_in(f"B{number:07}", merchant=everybody.noodle, store=everybody.noodle_store)
        for number in range(6)
    ]
    requests = [
        till.signed("transactions", till.report("REFUND", 150, original=original))
        for till in tills
        for _ in range(3)
    ]

    replies = _all(requests, together)

    assert replies.codes == {"201": 6, "EXCEEDS_ORIGINAL": 12}
    assert _look(lambda: GivenBack.objects.get().given_back_minor) == 900
    assert _look(lambda: compare_keys().breaches) == ()


def test_crossing_batches_of_one_merchant_never_stand_in_each_others_way(
    everybody: Cast, together: Together
) -> None:
    tills = [
        signed_in(f"B{number:07}", merchant=everybody.noodle, store=everybody.noodle_store)
        for number in range(8)
    ]
    sold = [send(till.signed("transactions", till.report())).body["reference"] for till in tills]
    requests = []
    for number, till in enumerate(tills):
        days = [timezone.now() - timedelta(days=day) for day in (0, 1, 2)]
        turned = sold if number % 2 else sold[::-1]
        reports = [
            till.report(occurred_at=day.isoformat())
            for day in (days if number % 2 else days[::-1])
        ]
        reports += [
            till.report("REFUND", 10, original={"reference": reference}) for reference in turned
        ]
        requests.append(till.signed("transactions/batch", {"transactions": reports}))

    replies = _all(requests, together)

    assert replies.codes == {"200": 8}
    statuses = {item["status"] for reply in replies.got for item in reply.body["results"]}
    assert statuses == {201}
    assert _look(Transaction.objects.count) == 8 + 8 * 11
    assert set(_look(lambda: list(GivenBack.objects.values_list("given_back_minor")))) == {(80,)}
    counted = _look(lambda: sum(DailyTotal.objects.values_list("count", flat=True)))
    assert counted == 96


def test_four_sweeps_at_once_make_each_event_once(everybody: Cast, together: Together) -> None:
    now = timezone.now()
    heard = now - timedelta(seconds=901)
    serials = [f"A{number:07}" for number in range(400)]
    provision(serials, merchant=everybody.noodle, store=everybody.noodle_store)
    with acting_as(WORKER), atomic():
        for terminal in Terminal.objects.all():
            presence.arm(terminal, challenge="c" * 22, message_id="", rhythm=ON_MAINS, now=heard)
        IngestWatermark.objects.update(
            resumed_at=heard - timedelta(days=1), swept_at=now, last_any_at=now
        )
    swept: list[presence.Swept] = []

    outcome = together(4, lambda: swept.append(presence.sweep_all(now=now, batch=50)))

    assert outcome == {"done": 4}
    assert sum(one.changed for one in swept) == 400
    assert sum(one.fell_silent for one in swept) == 400
    assert _look(LinkEvent.objects.filter(cause="sweep", new_link="OFFLINE").count) == 400
    assert _look(AuditEntry.objects.filter(event="terminal.fell_silent").count) == 400
    assert _look(find_impossible_links).breaches == ()


def test_a_heartbeat_that_meets_a_sweep_is_never_called_silence(
    device: Device, together: Together
) -> None:
    now = timezone.now()
    with acting_as(WORKER), atomic():
        Liveness.objects.update(
            check_at=now, last_seen_at=now - timedelta(seconds=901), link="ONLINE"
        )
        IngestWatermark.objects.update(resumed_at=now - timedelta(days=1), swept_at=now)
    beat = device.heartbeat()
    turns: list[Callable[[], object]] = [
        partial(send, beat),
        partial(presence.sweep, now=now),
    ] * 4

    def act() -> None:
        turns.pop()()

    assert together(8, act) == {"done": 8}
    assert _look(lambda: Liveness.objects.get().link) == "ONLINE"
    assert _look(find_impossible_links).breaches == ()


def test_after_a_flush_the_sweeps_remake_the_watermark_once_and_blame_nobody(
    everybody: Cast, together: Together
) -> None:
    now = timezone.now()
    provision(["A0000001"], merchant=everybody.noodle, store=everybody.noodle_store)
    with acting_as(WORKER), atomic():
        presence.arm(
            Terminal.objects.get(),
            challenge="c" * 22,
            message_id="",
            rhythm=ON_MAINS,
            now=now - timedelta(hours=5),
        )
    with connections["owner"].cursor() as cursor:
        cursor.execute("truncate terminals_ingestwatermark")

    outcome = together(4, lambda: presence.sweep(now=now))

    assert outcome == {"done": 4}
    assert _look(lambda: IngestWatermark.objects.get().resumed_at) == now
    assert _look(LinkEvent.objects.filter(cause="sweep").count) == 0
    for tick in range(1, 63):
        presence.sweep(now=now + tick * TICK)
    assert _look(lambda: Liveness.objects.get().link) == "OFFLINE"
