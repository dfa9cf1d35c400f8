"""What happens around every request: limits, one transaction, headers."""

from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.db.transaction import atomic, set_rollback
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from portal.kit.http import problem
from portal.kit.scope import GATE, acting_as

Answer = Callable[[HttpRequest], HttpResponse]

# These speak to the database in steps of their own (device door), or not at all.
OWN_TRANSACTIONS = ("/api/device/", "/healthz", "/readyz", "/metrics", "/static/")
UPLOADS = ("/terminals/register/import/",)


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


class BodyLimitMiddleware:
    """Refuses a body that is too large before any of it is read."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 413 or pass on."""
        upload = request.path.startswith(UPLOADS)
        limit = settings.MAX_UPLOAD_BYTES if upload else settings.MAX_BODY_BYTES
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = limit + 1
        chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
        if length > limit or (chunked and request.method in ("POST", "PUT", "PATCH")):
            return _too_large(request, limit)
        return self.get_response(request)


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


def _too_large(request: HttpRequest, limit: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem(413, "BODY_TOO_LARGE", _("The message is too large."), limit_bytes=limit)
    return render(request, "errors/413.html", {"limit_mib": limit // 1024 // 1024}, status=413)


def _away(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        response: HttpResponse = problem(
            503, "UNAVAILABLE", _("The system is busy. Try again shortly."), retry="after"
        )
    else:
        response = render(request, "errors/503.html", status=503)
    response["Retry-After"] = "5"
    return response
