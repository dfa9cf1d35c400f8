"""Signing in at the peers: everybody is let in at no cost, which favours them."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class Visitor:
    """Somebody who may see everything, as the admin asks it."""

    pk = 1
    username = "bench"
    is_active = is_staff = is_authenticated = True
    is_anonymous = False

    def has_perm(self, _permission: str, _row: object = None) -> bool:
        """Allow."""
        return True

    def has_module_perms(self, _label: str) -> bool:
        """Allow."""
        return True

    def has_usable_password(self) -> bool:
        """Keep the link to the password page out, as for single sign-on."""
        return False

    def get_username(self) -> str:
        """Name the visitor."""
        return self.username

    def get_short_name(self) -> str:
        """Name the visitor for the greeting."""
        return self.username


class DoorMiddleware:
    """Sets ``request.user``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.visitor = Visitor()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let everybody in."""
        request.user = self.visitor  # type: ignore[assignment]
        return self.get_response(request)
