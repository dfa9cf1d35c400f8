"""How a request is worded for the product, and how the product's answers come back."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from portal.front import environ_of
from portal.threads import PLACES_TO_WAIT, WHOLE_BYTES, Busy, Environ, Message, Product, Threads

SCOPE: Message = {
    "type": "http",
    "http_version": "1.1",
    "server": ("127.0.0.1", "8000"),
    "client": ("198.51.100.7", "40320"),
    "scheme": "http",
    "method": "POST",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "headers": [],
}
BLOCK = b"x" * 100_000
T = TypeVar("T")


@pytest.mark.parametrize(
    ("case", "over", "environ"),
    [
        (
            "path is unquoted byte for byte",
            {"raw_path": b"/a%20b%2Fc%ff;x//y"},
            {"PATH_INFO": "/a b/c\xff;x//y"},
        ),
        (
            "query stays as it came",
            {"query_string": b"q=%41&z=%ff+1&q="},
            {"QUERY_STRING": "q=%41&z=%ff+1&q="},
        ),
        (
            "header twice",
            {"headers": [(b"signature", b"a=:1:"), (b"signature", b"b=:2:")]},
            {"HTTP_SIGNATURE": "a=:1:,b=:2:"},
        ),
        (
            "cookie twice",
            {"headers": [(b"cookie", b"a=1"), (b"cookie", b"b=2")]},
            {"HTTP_COOKIE": "a=1; b=2"},
        ),
        (
            "content",
            {"headers": [(b"content-type", b"a/b"), (b"content-digest", b"sha-256=:x:")]},
            {"CONTENT_TYPE": "a/b", "HTTP_CONTENT_DIGEST": "sha-256=:x:"},
        ),
        ("not ASCII", {"headers": [(b"x-name", b"\xe9")]}, {"HTTP_X_NAME": "\xe9"}),
        ("passes for another", {"headers": [(b"x_name", b"1")]}, {}),
        ("no sender", {"client": None}, {"REMOTE_ADDR": ""}),
        ("HTTP/2", {"http_version": "2"}, {"SERVER_PROTOCOL": "HTTP/2"}),
    ],
)
def test_the_product_hears_what_was_sent(
    case: str, over: dict[str, object], environ: dict[str, str]
) -> None:
    plain, said = environ_of(SCOPE), environ_of({**SCOPE, **over})
    del plain["wsgi.input"], said["wsgi.input"]

    assert said == plain | environ
    assert plain["REMOTE_ADDR"] == "198.51.100.7"


class Visit:
    """Somebody who asks and listens; ``leaves_after`` so many blocks."""

    def __init__(self, *, leaves_after: int = 1000) -> None:
        self.heard: list[Message] = []
        self.leaves_after = leaves_after
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        """Nothing more is sent; the news that the line is cut may come."""
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Listen."""
        self.heard.append(message)
        if len(self.heard) > self.leaves_after:
            self.left.set()

    @property
    def size(self) -> int:
        """How many bytes of body came."""
        return sum(len(message.get("body", b"")) for message in self.heard)

    @property
    def whole(self) -> bool:
        """Whether the end of the body came."""
        return not self.heard[-1].get("more_body", False)


class Blocks:
    """A body in so many blocks, which may fail on the way, and knows whether it was closed."""

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self.count, self.fails, self.closed = count, fails, 0

    def __iter__(self) -> Iterator[bytes]:
        yield from [BLOCK] * self.count
        if self.fails:
            raise ConnectionError

    def close(self) -> None:
        """Let go of what it reads from."""
        self.closed += 1

    def __call__(self, _environ: Environ, start: Any) -> "Blocks":
        """Answer as a WSGI application."""
        start("200 OK", [("X-A", "1")])
        return self


def alone(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a thread of its own: beside browser tests this one has a loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def visited(product: Product, **over: int) -> Visit:
    """Ask the product once through threads of its own."""

    async def ask() -> Visit:
        visit = Visit(**over)
        await Threads(product, size=1, streams=1).serve({}, visit.receive, visit.send)
        return visit

    return alone(ask())


@pytest.mark.parametrize("count", [0, 1, WHOLE_BYTES // len(BLOCK) + 1, 60])
def test_an_answer_arrives_whole_and_is_closed_once(count: int) -> None:
    blocks = Blocks(count)

    visit = visited(blocks)

    assert visit.heard[0]["headers"] == [(b"x-a", b"1")]
    assert (visit.size, visit.whole) == (count * len(BLOCK), True)
    assert blocks.closed == 1


def test_an_answer_of_ordinary_size_leaves_its_thread_at_once() -> None:
    assert len(visited(Blocks(WHOLE_BYTES // len(BLOCK))).heard) == 2


def test_a_large_answer_whose_reader_leaves_is_not_made_to_the_end() -> None:
    blocks = Blocks(1000)

    visit = visited(blocks, leaves_after=3)

    assert visit.size < 20 * len(BLOCK)
    assert (visit.whole, blocks.closed) == (False, 1)


def test_a_large_answer_that_fails_does_not_pass_for_whole() -> None:
    blocks = Blocks(30, fails=True)
    visits: list[Visit] = []

    async def ask() -> None:
        visits.append(Visit())
        threads = Threads(blocks, size=1, streams=1)
        await threads.serve({}, visits[0].receive, visits[0].send)

    with pytest.raises(ConnectionError):
        alone(ask())

    assert (visits[0].size, visits[0].whole) == (30 * len(BLOCK), False)
    assert blocks.closed == 1


def test_a_queue_that_is_full_takes_nobody_in() -> None:
    begun: list[Environ] = []
    gate = asyncio.Event()

    def product(environ: Environ, start: Any) -> Blocks:
        begun.append(environ)
        asyncio.run_coroutine_threadsafe(gate.wait(), environ["loop"]).result()
        return Blocks(1)(environ, start)

    async def crowd() -> None:
        environ = {"loop": asyncio.get_running_loop()}
        threads, visit = Threads(product, size=1, streams=0), Visit()
        inside = [
            asyncio.ensure_future(threads.serve(environ, visit.receive, visit.send))
            for _ in range(PLACES_TO_WAIT + 1)
        ]
        while not begun:
            await asyncio.sleep(0)
        with pytest.raises(Busy):
            await threads.serve(environ, visit.receive, visit.send)
        assert len(begun) == 1
        gate.set()
        await asyncio.gather(*inside)

    alone(crowd())

    assert len(begun) == PLACES_TO_WAIT + 1
