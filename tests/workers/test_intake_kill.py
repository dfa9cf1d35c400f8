"""The web server killed while terminals report."""

import json
import threading
from collections.abc import Iterator

import pytest
from django.db.transaction import atomic

from portal.kit.scope import WORKER, acting_as
from terminals.management.simulator.device import Device, Reply, Request
from tests.cast import Cast, assemble
from tests.device import OPERATOR_NO, PASSWORD, make_device, make_operator, provision
from tests.workers.processes import wait_until
from tests.workers.web import Web
from transactions.intake.models import IntakeKey
from transactions.intake.queries import compare_keys
from transactions.records.models import DailyTotal, Transaction

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

TILLS, REPORTS = 4, 60


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web server that lives as long as this file's tests."""
    server = Web(tmp_path_factory.mktemp("web"))
    try:
        server.wait()
        yield server
    finally:
        server.kill()


@pytest.fixture
def everybody() -> Cast:
    """The cast, committed."""
    with acting_as(WORKER), atomic():
        return assemble()


def _insist(web: Web, request: Request) -> Reply:
    """Send the same bytes until they are answered for good."""
    replies: list[Reply] = []

    def answered() -> bool:
        status, body = web.send(request)
        if status in (0, 500, 502, 503):
            return False
        replies.append(Reply(status, json.loads(body)))
        return True

    wait_until(answered, what=f"an answer at {request.path}")
    return replies[0]


def _tills(web: Web, cast: Cast) -> list[Device]:
    serials = [f"A{number:07}" for number in range(TILLS)]
    make_operator(cast.noodle)
    tills = []
    for _, row in provision(serials, merchant=cast.noodle, store=cast.noodle_store):
        device = make_device(row.serial, origin=web.origin)
        device.learn_activation(_insist(web, device.activation(row.code)))
        device.learn_sign_in(_insist(web, device.sign_in(OPERATOR_NO, PASSWORD)))
        tills.append(device)
    return tills


class Shift:
    """One till that reports sale after sale, and what it was told."""

    def __init__(self, web: Web, device: Device) -> None:
        self.web, self.device = web, device
        self.told: dict[tuple[int, int], str] = {}
        self.statuses: set[int] = set()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        for number in range(REPORTS):
            said = self.device.report(amount_minor=100 + number)
            reply = _insist(self.web, self.device.signed("transactions", said))
            self.statuses.add(reply.status)
            key = (said["batch_no"], said["trace_no"])
            self.told[key] = str(reply.body["reference"])


def test_no_report_is_lost_or_doubled_when_the_web_server_is_killed(
    web: Web, everybody: Cast
) -> None:
    shifts = [Shift(web, device) for device in _tills(web, everybody)]
    for shift in shifts:
        shift.thread.start()

    for share in (0.2, 0.4):
        _wait_for(shifts, share)
        web.kill_a_worker()
    _wait_for(shifts, 0.6)
    web.kill()
    web.start_again()
    for shift in shifts:
        shift.thread.join(timeout=60)

    told = {reference for shift in shifts for reference in shift.told.values()}
    assert len(told) == TILLS * REPORTS
    assert set().union(*(shift.statuses for shift in shifts)) <= {200, 201}
    with acting_as(WORKER), atomic():
        assert set(Transaction.objects.values_list("reference", flat=True)) == told
        assert (Transaction.objects.count(), IntakeKey.objects.count()) == (240, 240)
        assert DailyTotal.objects.values_list("count", "net_minor").get() == (
            240,
            TILLS * sum(range(100, 100 + REPORTS)),
        )
        assert compare_keys().breaches == ()


def _wait_for(shifts: list[Shift], share: float) -> None:
    wait_until(
        lambda: sum(len(shift.told) for shift in shifts) >= share * TILLS * REPORTS,
        what=f"{share:.0%} of the reports",
    )
