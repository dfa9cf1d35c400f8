"""Error pages and error answers, in both languages, with no inner detail."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from structlog.contextvars import get_contextvars

from portal.kit.actor import MissingPermission
from portal.kit.http import problem

API_PREFIX = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer 400."""
    if request.path.startswith(API_PREFIX):
        return problem(400, "BAD_REQUEST", _("The request could not be read."))
    return render(request, "errors/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403, naming the permission that is missing."""
    missing = exception.permission if isinstance(exception, MissingPermission) else ""
    if request.path.startswith(API_PREFIX):
        return problem(403, "FORBIDDEN", _("You may not do this."), permission=missing)
    return render(request, "errors/403.html", {"permission": missing}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer 404: it does not exist, or is not yours; we do not say which."""
    if request.path.startswith(API_PREFIX):
        return problem(404, "NOT_FOUND", _("There is nothing at this address."))
    return render(request, "errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without touching the database; the number is that of the line in the log."""
    request_id = str(get_contextvars().get("request_id", ""))
    if request.path.startswith(API_PREFIX):
        title = _("The system is busy. Try again shortly.")
        return problem(500, "SYSTEM_ERROR", title, retry="after", request_id=request_id)
    page = render_to_string("errors/500.html", {"request_id": request_id})
    return HttpResponseServerError(page)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer a form that was open too long or came from another site."""
    return render(request, "errors/419.html", status=403)


API_CODES: dict[type[Exception], tuple[int, str]] = {
    exceptions.ParseError: (400, "MALFORMED"),
    exceptions.ValidationError: (422, "INVALID"),
    exceptions.NotAuthenticated: (401, "NOT_AUTHENTICATED"),
    exceptions.AuthenticationFailed: (401, "NOT_AUTHENTICATED"),
    exceptions.MethodNotAllowed: (405, "METHOD_NOT_ALLOWED"),
    exceptions.UnsupportedMediaType: (415, "UNSUPPORTED_MEDIA_TYPE"),
    exceptions.PermissionDenied: (403, "FORBIDDEN"),
    PermissionDenied: (403, "FORBIDDEN"),
    exceptions.NotFound: (404, "NOT_FOUND"),
    Http404: (404, "NOT_FOUND"),
}


def api_exception(exc: Exception, context: dict[str, Any]) -> Response | None:  # noqa: ARG001
    """Turn what an endpoint raised into problem+json; what is not ours stays a 500."""
    for kind, (status, code) in API_CODES.items():
        if isinstance(exc, kind):
            body: dict[str, object] = {
                "type": "about:blank",
                "status": status,
                "code": code,
                "title": api_title(code),
                "retry": "no",
            }
            if isinstance(exc, exceptions.ValidationError):
                body["errors"] = exc.detail
            return Response(body, status=status, content_type="application/problem+json")
    return None


def api_title(code: str) -> str:
    """Say a code in the caller's language."""
    return {
        "MALFORMED": _("The message is not valid JSON."),
        "INVALID": _("Some fields are missing or not as agreed."),
        "NOT_AUTHENTICATED": _("The caller could not be recognised."),
        "METHOD_NOT_ALLOWED": _("This address does not take that method."),
        "UNSUPPORTED_MEDIA_TYPE": _("Send the message as application/json."),
        "FORBIDDEN": _("You may not do this."),
        "NOT_FOUND": _("There is nothing at this address."),
    }[code]
