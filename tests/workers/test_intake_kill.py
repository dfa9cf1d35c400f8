"""The web server killed, stuffed and kept waiting while terminals report."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

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


def test_slow_senders_keep_nobody_waiting(web: Web, everybody: Cast) -> None:
    """Twenty that never finish their headers, and a few that hold back the body."""
    (device, *_others) = _tills(web, everybody)
    headers = f"POST /api/device/v1/transactions HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n"
    stuck = headers + "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
    with ExitStack() as slow:
        for start in [headers] * 20 + [stuck] * 4:
            line = slow.enter_context(socket.create_connection(("127.0.0.1", web.port)))
            line.sendall(start.encode())
        waits = []
        for _ in range(20):
            request = device.signed("transactions", device.report())
            began = time.monotonic()
            status, _body = web.send(request, timeout=5.0)
            waits.append(time.monotonic() - began)
            assert status == 201

    assert sorted(waits)[-2] < 1.0


@pytest.mark.parametrize("form", ["of stated length", "in pieces"])
def test_fifty_megabytes_are_refused_at_once_and_not_kept(form: str, web: Web) -> None:
    before = web.resident_mib()
    began = time.monotonic()

    answer = _pour(web, in_pieces=form == "in pieces")

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"BODY_TOO_LARGE" in answer
    assert time.monotonic() - began < 1.0
    assert web.resident_mib() - before < 50
    assert web.answers()


def _pour(web: Web, *, in_pieces: bool) -> bytes:
    """Send 50 MiB without looking up, then read what was answered."""
    size = 50 * 1024 * 1024
    length = "Transfer-Encoding: chunked" if in_pieces else f"Content-Length: {size}"
    start = (
        f"POST /api/device/v1/transactions/batch HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n"
        f"Content-Type: application/json\r\n{length}\r\n\r\n"
    )
    piece = b"x" * 65536
    framed = b"10000\r\n" + piece + b"\r\n" if in_pieces else piece
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as line:
        line.sendall(start.encode())
        with suppress(OSError):
            for _ in range(size // len(piece)):
                line.sendall(framed)
        answer = b""
        with suppress(OSError):
            while chunk := line.recv(65536):
                answer += chunk
                if b"BODY_TOO_LARGE" in answer:
                    break
        return answer
