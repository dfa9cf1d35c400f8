"""A small HTTP client that keeps a number of connections busy with prepared requests."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Iterable, Sequence

from tests.bench.crew import Failed

CONNECTIONS = 16
LONGEST_SECONDS = 120.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Tell whether a server takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def post(*, host: str, path: str, body: bytes, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return a POST as it goes over the wire, with the connection kept open."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def per_second(port: int, requests: Sequence[bytes], *, connections: int = CONNECTIONS) -> float:
    """Send all requests over so many connections and return how many were answered a second.

    :raises Failed: if one is answered with anything but 2xx
    """
    return asyncio.run(_send(port, requests, connections))


async def _send(port: int, requests: Sequence[bytes], connections: int) -> float:
    """Open the connections first: they are not part of what is measured."""
    waiting = deque(requests)
    links = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    began = time.perf_counter()
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            await asyncio.gather(*(_work(reader, writer, waiting) for reader, writer in links))
    except TimeoutError as late:
        raise Failed(f"{len(waiting)} of {len(requests)} were never sent") from late
    seconds = time.perf_counter() - began
    for _reader, writer in links:
        writer.close()
    return len(requests) / seconds


async def _work(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: deque[bytes]
) -> None:
    """Send one request after another, each as soon as the last is answered."""
    while waiting:
        writer.write(waiting.popleft())
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length_of(head))
        if not head.startswith(b"HTTP/1.1 2"):
            raise Failed(f"{head.decode(errors='replace')}{body[:2000].decode(errors='replace')}")


def _length_of(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _colon, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise Failed(f"no Content-Length: {head.decode(errors='replace')}")
