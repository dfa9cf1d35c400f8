"""Who calls at the web server in its tests: terminals, browsers, and lines that say half."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db.transaction import atomic
from django.test import Client

from portal import embedded, up
from portal.kit.scope import WORKER, acting_as
from terminals.management.simulator.device import Device, Reply, Request
from tests import psql
from tests.cast import Cast
from tests.claims import unchanged
from tests.device import OPERATOR_NO, PASSWORD, make_device, make_operator, provision
from tests.door import open_session
from tests.workers.processes import wait_until
from tests.workers.web import Web
from transactions.records.models import Transaction

CSRF = "c" * 32


@contextmanager
def serving(folder: Path, **over: str) -> Iterator[Web]:
    """A web server for the length of a block, with the static files where it looks for them."""
    collecting = up.collect_static(embedded.data_dir())
    assert collecting is None or collecting.wait() == 0
    server = Web(folder, **over)
    try:
        server.wait()
        yield server
    finally:
        server.kill()


def till(web: Web, cast: Cast) -> Device:
    """A terminal that is signed in."""
    make_operator(cast.noodle)
    ((_, row),) = provision(["A0000001"], merchant=cast.noodle, store=cast.noodle_store)
    device = make_device(row.serial, origin=web.origin)
    device.learn_activation(taken(web, device.activation(row.code)))
    device.learn_sign_in(taken(web, device.sign_in(OPERATOR_NO, PASSWORD)))
    return device


def taken(web: Web, request: Request) -> Reply:
    """Send a message that must be taken."""
    status, body = web.send(request)
    assert status in (200, 201), body
    return Reply(status, json.loads(body))


def sale(device: Device) -> Request:
    """The next sale."""
    return device.signed("transactions", device.report())


def cookie(cast: Cast, name: str) -> str:
    """What the browser of somebody who has signed in sends along."""
    client = Client()
    open_session(client, cast.user(name), proven=("audit.export",))
    kept = {key: morsel.value for key, morsel in client.cookies.items()} | {"csrf": CSRF}
    return "; ".join(f"{key}={value}" for key, value in kept.items())


def heard(line: socket.socket, *, until: bytes = b"") -> bytes:
    """Read until the other side hangs up, or has said something."""
    said = b""
    with suppress(OSError):
        while not (until and until in said) and (piece := line.recv(65536)):
            said += piece
    return said


@contextmanager
def nothing_taken() -> Iterator[None]:
    """Assert that no transaction comes, and no entry in the log, no job, no mail."""

    def count() -> int:
        with acting_as(WORKER), atomic():
            return Transaction.objects.count()

    before = count()
    with unchanged():
        yield
    assert count() == before


def seconds(act: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.monotonic()
    act()
    return time.monotonic() - began


@contextmanager
def locked(table: str, *, waiting: int) -> Iterator[Callable[[], None]]:
    """Hold a table; yields how to wait until so many wait for it."""
    with psql.connect("owner") as link, psql.connect() as look, link.transaction():
        look.autocommit = True
        link.execute(f"lock table {table} in access exclusive mode".encode())
        stuck = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        yield lambda: wait_until(
            lambda: psql.ask(look, stuck) == [(waiting,)], what=f"{waiting} wait for {table}"
        )
