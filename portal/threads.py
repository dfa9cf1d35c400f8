"""The threads that run the product, and how its answers leave them.

A thread lives as long as its process, and so does its database connection. No reader holds one
up: an answer of ordinary size leaves it whole. A larger one is asked for block by block, each
in limited time, while another thread takes over its place.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import closing, suppress
from itertools import chain
from queue import SimpleQueue
from typing import Any

import structlog
from django.conf import settings

WHOLE_BYTES = 1024 * 1024  # an answer up to about here leaves its thread at once
LARGEST_SECONDS = 900.0  # for all of a larger one
PLACES_TO_WAIT = 256  # for requests that are here but have no thread yet

Environ = dict[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Fields = list[tuple[str, str]]
Product = Callable[[Environ, Callable[..., Any]], Any]
Told = asyncio.Future[None]
log = structlog.get_logger(__name__)


class Busy(Exception):
    """No thread can be had in time."""


class Answer:
    """What the product says to one request, as it comes from its thread."""

    def __init__(self) -> None:
        self.status, self.fields, self.body = 500, Fields(), b""
        self.more = False
        self._loop = asyncio.get_running_loop()
        self._begun, self._ended = self._promise(), self._promise()
        self._owed = self._begun  # what the thread has to tell next
        self._asked: SimpleQueue[Told | None] = SimpleQueue()

    def _promise(self) -> Told:
        return self._loop.create_future()

    async def begun(self) -> None:
        """Wait until the thread has the whole answer, or the beginning of a large one.

        :raises Exception: whatever the product raised
        """
        await self._begun

    async def block(self) -> bytes:
        """Have the thread make the next block; empty at the end.

        :raises Exception: whatever the product raised
        """
        wanted = self._promise()
        self._asked.put(wanted)
        await wanted
        return self.body

    async def enough(self) -> None:
        """Ask for no more, and wait until the thread has let go of the answer."""
        self._asked.put(None)
        await self._ended

    def make(self, product: Product, environ: Environ) -> None:
        """Run the product; on the thread, from here on."""
        try:
            with closing(product(environ, self._start)) as blocks:
                self._gather(iter(blocks))
        except BaseException as failure:  # noqa: BLE001 - it belongs to whoever waits
            self._tell(self._owed, failure)
        else:
            self._tell(self._owed)
        if self.more:
            self._tell(self._ended)

    def _start(self, status: str, fields: Fields, _exc_info: object = None) -> None:
        self.status, self.fields = int(status.split(" ", 1)[0]), fields

    def _gather(self, blocks: Iterator[bytes]) -> None:
        """Take the blocks of a whole answer, or give those of a large one as they are asked."""
        held: list[bytes] = []
        size = 0
        for block in blocks:
            if size > WHOLE_BYTES:
                self.body, self.more = b"".join(held), True
                self._tell(self._begun)
                self._give(filter(None, chain([block], blocks)))
                return
            held.append(block)
            size += len(block)
        self.body = b"".join(held)

    def _give(self, blocks: Iterator[bytes]) -> None:
        while (wanted := self._asked.get()) is not None:
            self._owed = wanted
            self.body = next(blocks, b"")
            if not self.body:
                return
            self._tell(wanted)

    def _tell(self, told: Told, failure: BaseException | None = None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            self._loop.call_soon_threadsafe(_arrive, told, failure)


def _arrive(told: Told, failure: BaseException | None) -> None:
    if told.done():
        if failure is not None:
            log.error("answer_failed", kind=type(failure).__name__)
    elif failure is not None:
        told.set_exception(failure)
    else:
        told.set_result(None)


class Threads:
    """So many threads, the requests that wait for one, and the answers still going out."""

    def __init__(self, product: Product, *, size: int, streams: int) -> None:
        """Have ``size`` requests at work at once, and ``streams`` large answers besides.

        The threads are started when they are needed: the web server forks before.
        """
        self._product = product
        self._most = size + streams
        self._started = self._running = self._waiting = 0
        self._places, self._streams = asyncio.Semaphore(size), streams
        self._jobs: SimpleQueue[tuple[Answer, Environ]] = SimpleQueue()

    async def serve(self, environ: Environ, receive: Receive, send: Send) -> None:
        """Have the product answer one request, and send what it says.

        :raises Busy: if no thread is to be had; the product has then not been asked, or its
            large answer could not go out
        """
        await self._take_place()
        self._running += 1
        try:
            try:
                answer = self._begin(environ)
                await answer.begun()
            finally:
                self._places.release()
            await self._send(answer, receive, send)
        finally:
            self._running -= 1

    async def _send(self, answer: Answer, receive: Receive, send: Send) -> None:
        if not answer.more:
            await send(start_of(answer))
            await send({"type": "http.response.body", "body": answer.body})
            return
        try:
            if not self._streams:
                raise Busy
            self._streams -= 1
            try:
                await _stream(answer, receive, send)
            finally:
                self._streams += 1
        finally:
            await answer.enough()

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting >= PLACES_TO_WAIT:
            raise Busy
        self._waiting += 1
        try:
            async with asyncio.timeout(settings.WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise Busy from None
        finally:
            self._waiting -= 1

    def _begin(self, environ: Environ) -> Answer:
        if self._started < min(self._most, self._running):
            self._started += 1
            threading.Thread(
                target=self._work, name=f"product-{self._started}", daemon=True
            ).start()
        answer = Answer()
        self._jobs.put((answer, environ))
        return answer

    def _work(self) -> None:
        while True:
            answer, environ = self._jobs.get()
            answer.make(self._product, environ)


def start_of(answer: Answer) -> Message:
    """Return the status and the headers as they are sent."""
    fields = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.fields
    ]
    return {"type": "http.response.start", "status": answer.status, "headers": fields}


async def _stream(answer: Answer, receive: Receive, send: Send) -> None:
    """Send a large answer at its reader's pace, as long as that pace is bearable.

    Where the last message is missing the server breaks the line, so that what came of a file
    does not pass for all of it.
    """
    left = asyncio.ensure_future(_left(receive))
    try:
        async with asyncio.timeout(LARGEST_SECONDS):
            await send(start_of(answer))
            block = answer.body
            while block:
                async with asyncio.timeout(settings.BLOCK_SECONDS):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                block = await answer.block()
                if left.done():
                    return
            await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        log.warning("reader_too_slow", status=answer.status)
    finally:
        left.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
