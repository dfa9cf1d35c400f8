"""Small types and answers shared by pages and endpoints."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext
from django_htmx.middleware import HtmxDetails

from portal.kit.actor import Actor

P = ParamSpec("P")
R = TypeVar("R")


class ActorRequest(HttpRequest):
    """A request whose actor the middleware has established."""

    actor: Actor
    request_id: str
    session_row_id: UUID | None
    htmx: HtmxDetails


def found_or_404(query: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a ``get_`` query; what the actor may not see does not exist.

    :raises Http404: if the query finds nothing
    """
    try:
        return query(*args, **kwargs)
    except ObjectDoesNotExist as nothing:
        raise Http404 from nothing


def problem(
    status: int, code: str, title: str | None = None, *, retry: str = "no", **members: object
) -> JsonResponse:
    """Answer an error as RFC 9457 problem+json with a stable ``code``.

    ``title`` is in the caller's language; ``retry`` is one of yes, no, after.
    """
    body = {
        "type": "about:blank",
        "status": status,
        "code": code,
        "title": title or gettext("The request could not be carried out."),
        "retry": retry,
        **members,
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")
