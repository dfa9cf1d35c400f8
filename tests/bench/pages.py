"""One Django site in a process of its own, asked through its WSGI callable.

``python -m tests.bench.pages SETTINGS`` reads one JSON request a line and answers each with
one line: the seconds of every repetition, from the request to the last byte of the page. No
socket is in the way, so the figure is the server's own time. A page that is not 200 is a
failure of the harness, not a sample. A request may instead name a function to call in there.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def environ_of(request: dict[str, Any]) -> dict[str, Any]:
    """Return the WSGI environment of a GET by somebody signed in."""
    path, _mark, query = request["path"].partition("?")
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_COOKIE": request.get("cookie", ""),
        "HTTP_ACCEPT_LANGUAGE": "en",
        "HTTP_ACCEPT": "*/*",
        "HTTP_USER_AGENT": "bench",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def ask(application: Application, request: dict[str, Any]) -> tuple[float, str, bytes]:
    """Return the seconds, the status line and the body of one answer."""
    said: list[str] = []
    environ = environ_of(request)
    began = time.perf_counter()
    answer = application(environ, lambda status, _headers, _trouble=None: said.append(status))
    body = b"".join(answer)
    if close := getattr(answer, "close", None):
        close()
    return time.perf_counter() - began, said[0], body


def answer_all(application: Application, request: dict[str, Any]) -> dict[str, Any]:
    """Return what came of one line: seconds, and the page when it is asked for."""
    if "call" in request:
        return {"result": import_string(request["call"])(**request["arguments"])}
    seconds: list[float] = []
    body = b""
    for _ in range(int(request["times"])):
        took, status, body = ask(application, request)
        if not status.startswith("200"):
            return {"failed": f"{request['path']}: {status}", "body": _excerpt(body)}
        seconds.append(took)
    page = body.decode() if request.get("page") else None
    return {"seconds": seconds, "bytes": len(body), "page": page}


def _excerpt(body: bytes) -> str:
    return body[:2000].decode(errors="replace")


def main() -> None:
    """Answer until the other side closes the pipe."""
    os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1]
    # What a library prints must not reach the one who reads our answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    application = get_wsgi_application()
    for line in sys.stdin:
        json.dump(answer_all(application, json.loads(line)), answers)
        answers.write("\n")
        answers.flush()


if __name__ == "__main__":
    main()
