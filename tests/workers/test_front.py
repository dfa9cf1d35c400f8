"""REL-10: whoever is slow, large or one too many stops nobody else, and changes nothing."""

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from django.db.transaction import atomic

from portal.front import UPLOADS_AT_ONCE
from portal.kit.scope import WORKER, acting_as
from tests.cast import Cast, assemble
from tests.workers.callers import (
    cookie,
    heard,
    locked,
    nothing_taken,
    sale,
    seconds,
    serving,
    taken,
    till,
)
from tests.workers.processes import wait_until
from tests.workers.web import Web

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

REPORT = "/api/device/v1/transactions"
SILENT = 600  # more than granian by itself would hold
CHUNKED = "Transfer-Encoding: chunked"
# Small and short of patience, so that what takes a minute elsewhere takes a second here.
SMALL = {
    "GRANIAN_WORKERS": "1",
    "WEB_THREADS": "2",
    "WAIT_SECONDS": "1",
    "BODY_PAUSE_SECONDS": "1",
    "BODY_SECONDS": "3",
}


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The web server as the product starts it."""
    with serving(tmp_path_factory.mktemp("web")) as server:
        yield server


@pytest.fixture(scope="module")
def small(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One process with two threads and little patience."""
    with serving(tmp_path_factory.mktemp("small"), **SMALL) as server:
        yield server


@pytest.fixture
def everybody() -> Cast:
    """The cast, committed."""
    with acting_as(WORKER), atomic():
        return assemble()


def test_fifty_slow_headers_and_fifty_slow_bodies_keep_nobody_waiting(
    web: Web, everybody: Cast
) -> None:
    device, lin = till(web, everybody), cookie(everybody, "lin")
    headers = f"POST {REPORT} HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n"
    body = headers + "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{"

    def beat() -> None:
        device.learn_heartbeat(taken(web, device.heartbeat()))

    def page() -> None:
        assert web.get("/transactions/", {"Cookie": lin})[0] == 200

    with ExitStack() as slow:
        for start in [headers, body] * 50:
            slow.enter_context(web.line(start))
        others = (beat, page, web.wait, lambda: taken(web, sale(device)))
        waits = [seconds(other) for _ in range(20) for other in others]

    assert statistics.quantiles(waits, n=20)[-1] < 1.0


def test_lines_that_say_nothing_take_nobody_s_place(small: Web) -> None:
    with ExitStack() as silent:
        for _ in range(SILENT):
            silent.enter_context(small.line("GET / HTTP/1.1\r\n"))
        waits = [seconds(small.wait) for _ in range(20)]

    assert max(waits) < 1.0


@pytest.mark.parametrize("pace", ["stops", "drips"])
def test_a_body_that_does_not_come_on_is_refused(pace: str, small: Web, everybody: Cast) -> None:
    request = sale(till(small, everybody))
    start = small.raw(request, "Accept-Language: en") + request.body[:1]

    with nothing_taken(), small.line(start, timeout=0.3 if pace == "drips" else 10.0) as line:
        said = b"" if pace == "drips" else heard(line)
        for place in range(1, len(request.body)):
            if said := said or heard(line):
                break
            line.sendall(request.body[place : place + 1])

    head, _, told = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(told) == {
        "type": "about:blank",
        "status": 408,
        "code": "BODY_TOO_SLOW",
        "title": "The message did not arrive in time.",
        "retry": "yes",
    }
    assert taken(small, request).status == 201


def test_a_form_that_does_not_come_on_is_told_so_on_a_page(small: Web) -> None:
    start = f"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1:{small.port}\r\nAccept-Language: en\r\n"

    with nothing_taken(), small.line(f"{start}Content-Length: 9\r\n\r\nuser") as line:
        said = heard(line)

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"The form did not arrive in time" in said
    assert b"content-security-policy" in said


@pytest.mark.parametrize("form", ["of stated length", "in pieces"])
def test_fifty_megabytes_are_refused_at_once_and_not_kept(form: str, web: Web) -> None:
    before = web.resident_mib()

    with nothing_taken():
        began = time.monotonic()
        sent, answer = pour(web, in_pieces=form == "in pieces")
        took = time.monotonic() - began

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"BODY_TOO_LARGE" in answer
    assert took < 1.0
    assert sent < 50
    assert web.resident_mib() - before < 50
    assert web.answers()


def pour(web: Web, *, in_pieces: bool) -> tuple[int, bytes]:
    """Send 50 MiB without looking up, then read; return the MiB that went, and the answer."""
    piece = b"x" * 1024 * 1024
    framed = b"100000\r\n" + piece + b"\r\n" if in_pieces else piece
    length = CHUNKED if in_pieces else f"Content-Length: {50 * len(piece)}"
    start = f"POST {REPORT}/batch HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n{length}\r\n\r\n"
    sent = 0
    with web.line(start, timeout=5) as line:
        with suppress(OSError):
            for _ in range(50):
                line.sendall(framed)
                sent += 1
        return sent, heard(line, until=b"BODY_TOO_LARGE")


def test_a_body_that_is_cut_off_is_not_taken(small: Web, everybody: Cast) -> None:
    request = sale(till(small, everybody))
    half = request.body[:40]
    pieces = small.raw(request, length=CHUNKED) + b"28\r\n" + half + b"\r\n"

    with nothing_taken():
        for said in (small.raw(request) + half, pieces):
            small.line(said).close()
        assert small.answers()

    assert taken(small, request).status == 201


def test_with_every_thread_taken_the_next_is_told_to_come_again(
    small: Web, everybody: Cast
) -> None:
    device = till(small, everybody)
    first, second, third = (sale(device) for _ in range(3))

    with ExitStack() as opened:
        with locked("terminals_devicekey", waiting=2) as wait:
            lines = [
                opened.enter_context(small.line(small.raw(request) + request.body))
                for request in (first, second)
            ]
            wait()
            with nothing_taken():
                line = opened.enter_context(small.line(small.raw(third) + third.body))
                refused = heard(line, until=b"}")
        answers = [heard(line, until=b"}")[:12] for line in lines]

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 5\r\n" in refused
    assert b'"code": "UNAVAILABLE"' in refused
    assert answers == [b"HTTP/1.1 201"] * 2
    assert taken(small, third).status == 201


def test_uploads_that_do_not_come_on_take_no_more_than_their_places(small: Web) -> None:
    host = f"HTTP/1.1\r\nHost: 127.0.0.1:{small.port}\r\nContent-Length: 2000000\r\n\r\nx"

    with ExitStack() as opened, nothing_taken():
        for _ in range(UPLOADS_AT_ONCE):
            opened.enter_context(small.line(f"POST /terminals/register/import/ {host}"))
        assert small.answers()
        last = opened.enter_context(small.line(f"POST /terminals/register/import/ {host}"))
        refused = heard(last)

    assert refused.startswith(b"HTTP/1.1 503 ")


def test_asked_to_stop_it_first_answers_what_it_has_begun(everybody: Cast, tmp_path: Path) -> None:
    with serving(tmp_path, **SMALL) as server:
        request = sale(till(server, everybody))
        with ExitStack() as opened:
            with locked("terminals_devicekey", waiting=1) as wait:
                line = opened.enter_context(server.line(server.raw(request) + request.body))
                wait()
                server.process.terminate()
                wait_until(lambda: server.get("/healthz")[0] == 0, what="it listens no more")
            answer = heard(line, until=b"}")

        assert answer.startswith(b"HTTP/1.1 201 ")
        assert server.process.wait(timeout=10) == 0


def test_one_line_carries_many_requests(web: Web, everybody: Cast) -> None:
    device = till(web, everybody)
    plain, pieces, asking = (sale(device) for _ in range(3))

    with web.line(web.raw(plain) + plain.body) as line:
        answers = [heard(line, until=b"}")[:12]]
        size = f"{len(pieces.body):x}\r\n".encode()
        line.sendall(web.raw(pieces, length=CHUNKED) + size + pieces.body + b"\r\n0\r\n\r\n")
        answers.append(heard(line, until=b"}")[:12])
        line.sendall(web.raw(asking, "Expect: 100-continue"))
        answers.append(heard(line, until=b"\r\n\r\n")[:12])
        line.sendall(asking.body)
        answers.append(heard(line, until=b"}")[:12])

    assert answers == [b"HTTP/1.1 201", b"HTTP/1.1 201", b"HTTP/1.1 100", b"HTTP/1.1 201"]


def test_a_header_that_passes_for_another_is_not_heard(web: Web) -> None:
    assert web.get("/metrics", {"X_Forwarded_For": "203.0.113.9"})[0] == 200
    assert web.get("/metrics", {"X-Forwarded-For": "203.0.113.9"})[0] == 404
