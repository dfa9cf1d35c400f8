"""What happens around every request: limits, one transaction, headers."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.db.transaction import atomic, set_rollback
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext as _

from portal.kit.http import problem
from portal.kit.scope import GATE, acting_as

Answer = Callable[[HttpRequest], HttpResponse]

# These speak to the database in steps of their own (device door), or not at all.
OWN_TRANSACTIONS = ("/api/device/", "/healthz", "/readyz", "/metrics", "/static/")
UPLOADS = ("/terminals/register/import/",)
# Why somebody is not let in, under a name that no header can take.
REFUSED = "portal.refused"
TOO_LARGE, TOO_SLOW, BUSY = "BODY_TOO_LARGE", "BODY_TOO_SLOW", "UNAVAILABLE"


class HeadersMiddleware:
    """Headers that every answer carries, whoever made it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, then add what is missing."""
        response = self.get_response(request)
        response.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not request.path.startswith("/static/"):
            response.setdefault("Cache-Control", "no-store")
        return response


class RefusalMiddleware:
    """Answers those who may not come in, before anything else is done.

    The front says so of what it turned away; what is too large is refused here too, unread,
    where no front stands before the product.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 408, 413 or 503, or pass on."""
        why = request.META.get(REFUSED) or (TOO_LARGE if _is_too_large(request) else "")
        return REFUSALS[why](request) if why else self.get_response(request)


class TransactionMiddleware:
    """One database transaction a request, answered only after COMMIT.

    It begins as the gate, which may only read and write identities; the actor's own role
    is taken once it is known. An answer of 5xx is rolled back.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Run the request in its transaction; with the database away, say so with 503."""
        if request.path.startswith(OWN_TRANSACTIONS):
            return self.get_response(request)
        # A slow sender must not hold a transaction open: the form is read first.
        _read = request.POST if request.method == "POST" else None
        try:
            with acting_as(GATE), atomic():
                response = self.get_response(request)
                if response.status_code >= 500:  # noqa: PLR2004 - the 5xx class
                    set_rollback(True)
        except OperationalError:
            return _away(request)
        except DatabaseError:
            if connection.needs_rollback or not connection.is_usable():
                return _away(request)
            raise
        return response


def longest_body(path: str) -> int:
    """Return the most bytes that may be sent to an address."""
    limit: int = settings.MAX_UPLOAD_BYTES if path.startswith(UPLOADS) else settings.MAX_BODY_BYTES
    return limit


def _is_too_large(request: HttpRequest) -> bool:
    limit = longest_body(request.path)
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = limit + 1
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    return length > limit or (chunked and request.method in ("POST", "PUT", "PATCH"))


def _too_large(request: HttpRequest) -> HttpResponse:
    limit = longest_body(request.path)
    with _in_their_language(request):
        if request.path.startswith("/api/"):
            title = _("The message is too large.")
            return problem(413, TOO_LARGE, title, limit_bytes=limit)
        shown = {"limit_mib": limit // 1024 // 1024}
        return render(request, "errors/413.html", shown, status=413)


def _too_slow(request: HttpRequest) -> HttpResponse:
    with _in_their_language(request):
        if request.path.startswith("/api/"):
            return problem(408, TOO_SLOW, _("The message did not arrive in time."), retry="yes")
        return render(request, "errors/408.html", status=408)


def _away(request: HttpRequest) -> HttpResponse:
    with _in_their_language(request):
        if request.path.startswith("/api/"):
            title = _("The system is busy. Try again shortly.")
            response: HttpResponse = problem(503, BUSY, title, retry="after")
        else:
            response = render(request, "errors/503.html", status=503)
    response["Retry-After"] = "5"
    return response


def _in_their_language(request: HttpRequest) -> AbstractContextManager[None]:
    """Speak as the caller's browser or terminal asks; who it is has not been established."""
    return override(get_language_from_request(request))


REFUSALS: dict[str, Answer] = {TOO_LARGE: _too_large, TOO_SLOW: _too_slow, BUSY: _away}
