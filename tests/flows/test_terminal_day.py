"""A terminal's whole day over HTTP: enrolled, signed in, selling, giving back, signed out."""

from collections.abc import Callable

import pytest
from django.test import Client

from portal.audit.models import AuditEntry
from terminals.management.simulator.device import Device, Reply
from terminals.presence.models import Liveness
from terminals.presence.queries import find_impossible_links
from tests.cast import Cast
from tests.device import OPERATOR_NO, PASSWORD, make_operator, provision, send
from transactions.intake.queries import compare_keys
from transactions.records.models import DailyTotal

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

STORY = (
    "terminal.activated",
    "terminal.signed_in",
    "transaction.taken_in",
    "transaction.taken_in",
    "transaction.taken_in",
    "transaction.taken_in",
    "terminal.signed_out",
)


def _beat(device: Device) -> Reply:
    reply = send(device.heartbeat())
    device.learn_heartbeat(reply)
    return reply


def _report(device: Device, kind: str, amount_minor: int, **changes: object) -> Reply:
    report = device.report(kind, amount_minor, **changes)
    return send(device.signed("transactions", report))


def test_a_terminals_first_day(cast: Cast, client_for: Callable[[str], Client]) -> None:
    ((device, given),) = provision(["A1041000"], merchant=cast.noodle, store=cast.noodle_store)
    make_operator(cast.noodle)

    device.learn_activation(send(device.activation(given.code)))
    assert _beat(device).body["session"]["state"] == "signed_out"
    assert _report(device, "SALE", 1).code == "NOT_SIGNED_IN"
    device.trace_no = 0
    device.learn_sign_in(send(device.sign_in(OPERATOR_NO, PASSWORD)))
    assert _beat(device).body["session"]["state"] == "signed_in"

    noodles = _report(device, "SALE", 3800)
    tea = _report(device, "SALE", 1200)
    gone = _report(device, "VOID", 1200, original={"batch_no": 1, "trace_no": 2})
    some = _report(device, "REFUND", 800, original={"reference": noodles.body["reference"]})

    assert [reply.status for reply in (noodles, tea, gone, some)] == [201] * 4
    assert send(device.sign_out()).status == 200
    assert _beat(device).body["session"]["state"] == "signed_out"
    assert _report(device, "SALE", 1).code == "NOT_SIGNED_IN"
    totals = DailyTotal.objects.order_by("kind").values_list("kind", "count", "net_minor")
    assert list(totals) == [("REFUND", 1, -800), ("SALE", 2, 5000), ("VOID", 1, -1200)]
    told = AuditEntry.objects.filter(subject_label="A1041000", via="API", outcome="DONE")
    assert tuple(told.order_by("at", "id").values_list("event", flat=True)) == STORY
    assert (compare_keys().breaches, find_impossible_links().breaches) == ((), ())
    assert Liveness.objects.get().seq == 3
    theirs = client_for("lin").get("/transactions/").content.decode()
    strangers = client_for("wu").get("/transactions/").content.decode()
    assert noodles.body["reference"] in theirs or noodles.body["rrn"] in theirs
    assert noodles.body["reference"] not in strangers
