"""Every address of the product, filled in with something of the right kind."""

import re
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path as route

from portal import urls
from portal.accounts.route_list import RouteLine, list_routes

# What the test client answers with; its class exists for type checkers alone.
Answer = Any

SAMPLES = {
    "uuid": str(UUID(int=7)),
    "slug": "sample",
    "str": "NOSUCH",
    "int": "7",
    "path": "nosuch",
}
PARAMETER = re.compile(r"<(?:(\w+):)?\w+>")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def sample_path(line: RouteLine) -> str:
    """The path of a route, with parameters that name nothing."""
    return PARAMETER.sub(lambda found: SAMPLES[found[1] or "str"], line.path)


def pages() -> list[RouteLine]:
    """The routes that people open, not devices, programs or probes."""
    return [
        line
        for line in list_routes()
        if line.persona not in ("device", "service") and not line.path.startswith("/api/")
    ]


def read(answer: Answer) -> Answer:
    """Read an answer to its end, so that what streams is closed."""
    if isinstance(answer, StreamingHttpResponse):
        b"".join(answer)
    return answer


def bare(_request: HttpRequest) -> HttpResponse:
    """A view that nobody declared."""
    return HttpResponse("reached")


# As settings.ROOT_URLCONF: the product, and two addresses that access.py does not know.
urlpatterns = [
    *urls.urlpatterns,
    route("forgotten/", bare, name="forgotten"),
    route("nameless/", bare),
]
