"""What stands between the web server and the product, so that nobody slow holds a thread.

The event loop reads a request whole, within limits of size and time, and only then gives it to
one of a few threads (``portal.threads``). Whoever is turned away is told so by the product
itself (``FrontMiddleware``), on a thread kept for that, so that the refusal too has its words,
its headers and its line in the log.
"""

import asyncio
import sys
from contextlib import ExitStack
from functools import lru_cache
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO
from urllib.parse import unquote_to_bytes

from django.conf import settings

from portal.middleware import BUSY, REFUSED, TOO_LARGE, TOO_SLOW, UPLOADS, longest_body
from portal.threads import Busy, Environ, Message, Product, Receive, Send, Threads

UPLOAD_SECONDS = 300.0
UPLOADS_AT_ONCE = 8  # in one process: each may fill a large temporary file
BODY_IN_MEMORY = 128 * 1024  # bytes; more goes to a temporary file
LARGE_ANSWERS = 4  # going out at once, in one process
HAVE_NO_BODY = ("GET", "HEAD", "OPTIONS", "TRACE")
CONSTANT: Environ = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


class Gone(Exception):
    """The client left before its request was whole."""


class TurnedAway(Exception):
    """The request is not taken in; ``why`` is what the product is told."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Front:
    """The application that the web server runs."""

    def __init__(self, product: Product) -> None:
        self.threads = Threads(product, size=settings.WEB_THREADS, streams=LARGE_ANSWERS)
        self.porter = Threads(product, size=1, streams=0)
        self.uploads = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        environ = environ_of(scope)
        try:
            if _has_body(environ):
                await self._read_body(environ, receive)
            await self.threads.serve(environ, receive, send)
        except Gone:
            return
        except TurnedAway as turned_away:
            await self._turn_away(turned_away.why, environ, receive, send)
        except Busy:
            await self._turn_away(BUSY, environ, receive, send)
        finally:
            environ["wsgi.input"].close()

    async def _read_body(self, environ: Environ, receive: Receive) -> None:
        path: str = environ["PATH_INFO"]
        in_pieces = "HTTP_TRANSFER_ENCODING" in environ
        stated = -1 if in_pieces else int(environ.get("CONTENT_LENGTH") or -1)
        limit = longest_body(path)
        if stated > limit:
            raise TurnedAway(TOO_LARGE)
        upload = path.startswith(UPLOADS)
        if upload and self.uploads == UPLOADS_AT_ONCE:
            raise Busy
        self.uploads += upload
        try:
            seconds = UPLOAD_SECONDS if upload else settings.BODY_SECONDS
            body = await _read(receive, stated, limit=limit, seconds=seconds)
        finally:
            self.uploads -= upload
        # It is whole now, so its length is known however it was sent.
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(body.tell())
        body.seek(0)
        environ["wsgi.input"] = body

    async def _turn_away(self, why: str, environ: Environ, receive: Receive, send: Send) -> None:
        try:
            await self.porter.serve(environ | {REFUSED: why}, receive, send)
        except Busy:
            fields = [(b"retry-after", b"5")]
            await send({"type": "http.response.start", "status": 503, "headers": fields})
            await send({"type": "http.response.body", "body": b""})


def environ_of(scope: Message) -> Environ:
    """Return a request as WSGI words it: the path unquoted, the query as it came."""
    server, client = scope.get("server") or ("", ""), scope.get("client") or ("", "")
    environ = CONSTANT | {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REMOTE_ADDR": client[0],
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
    }
    for name, value in scope["headers"]:
        if key := _key(name):
            said = value.decode("latin-1")
            if key in environ:
                said = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{said}"
            environ[key] = said
    return environ


@lru_cache(maxsize=512)
def _key(name: bytes) -> str:
    """Return the WSGI name of a header; none for one that would pass for another."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"


def _has_body(environ: Environ) -> bool:
    """Tell whether to wait for a body: HTTP/2 need not announce one."""
    if "CONTENT_LENGTH" in environ:
        return bool(environ["CONTENT_LENGTH"] != "0")
    if environ["SERVER_PROTOCOL"] == "HTTP/2":
        return environ["REQUEST_METHOD"] not in HAVE_NO_BODY
    return "HTTP_TRANSFER_ENCODING" in environ


async def _read(receive: Receive, stated: int, *, limit: int, seconds: float) -> IO[bytes]:
    """Return a body once it is whole; ``limit`` in bytes.

    :raises TurnedAway: if it is too large, or does not come on
    :raises Gone: if it will not come
    """
    now = asyncio.get_running_loop().time
    end = now() + seconds
    with ExitStack() as undo:
        body = undo.enter_context(SpooledTemporaryFile(BODY_IN_MEMORY))
        try:
            async with asyncio.timeout_at(end) as patience:
                more = True
                while more and body.tell() != stated:
                    patience.reschedule(min(now() + settings.BODY_PAUSE_SECONDS, end))
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    body.write(message["body"])
                    if body.tell() > limit:
                        raise TurnedAway(TOO_LARGE)
                    more = message["more_body"]
        except TimeoutError:
            raise TurnedAway(TOO_SLOW) from None
        undo.pop_all()
    return body
