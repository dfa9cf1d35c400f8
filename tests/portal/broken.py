"""Parts that break in each of the places where ours could."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

SECRET = "the-inner-detail"


def broken_view(request: HttpRequest) -> HttpResponse:
    """Break in the view."""
    raise ZeroDivisionError(SECRET)


def broken_template(request: HttpRequest) -> HttpResponse:
    """Break while the page is drawn."""
    page = engines["django"].from_string("{{ part.breaks }}")
    return HttpResponse(page.render({"part": Part()}))


def whole(request: HttpRequest) -> HttpResponse:
    """Do not break."""
    return HttpResponse("whole")


class Part:
    """Something a template asks."""

    def breaks(self) -> str:
        """Break."""
        raise ZeroDivisionError(SECRET)


class BrokenMiddleware:
    """Breaks on the way in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Break."""
        raise ZeroDivisionError(request.path + SECRET)


handler500 = "portal.errors.server_error"
urlpatterns = [
    path("view/", broken_view, name="broken-view"),
    path("template/", broken_template, name="broken-template"),
    path("whole/", whole, name="whole"),
    path("api/view/", broken_view, name="broken-api"),
    path("", include("portal.urls")),
]
