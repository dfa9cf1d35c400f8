"""The start page, the switches in the frame of every page, and the table of roles."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.actions import preferences
from portal.accounts.actor import PersonRequest
from portal.accounts.forms import LanguageForm, SingleKeysForm, ThemeForm
from portal.accounts.models import Theme
from portal.accounts.roles import PERMISSIONS, ROLES, STEP_UP
from portal.accounts.views.refusals import safe_next

COOKIE_AGE_SECONDS = 365 * 86_400


@require_GET
def home(request: PersonRequest) -> HttpResponse:
    """Send everybody to the page their role works on."""
    return redirect(ROLES[request.actor.role].home)


@require_POST
def language(request: PersonRequest) -> HttpResponse:
    """Speak another language: in this browser, and wherever the person signs in."""
    form = LanguageForm(request.POST)
    response = _back(request)
    if form.is_valid():
        wanted = form.cleaned_data["language"]
        _choose(request, {"language": wanted})
        remember(response, settings.LANGUAGE_COOKIE_NAME, wanted)
    return response


@require_POST
def theme(request: PersonRequest) -> HttpResponse:
    """Light, dark, or as the device."""
    form = ThemeForm(request.POST)
    response = _back(request)
    if form.is_valid():
        wanted = form.cleaned_data["theme"]
        _choose(request, {"theme": wanted.upper() or Theme.AUTO})
        remember(response, "theme", wanted)
    return response


@require_POST
def single_keys(request: PersonRequest) -> HttpResponse:
    """Turn the single-key shortcuts on or off."""
    form = SingleKeysForm(request.POST)
    response = _back(request)
    if form.is_valid():
        wanted = form.cleaned_data["single_keys"]
        _choose(request, {"single_keys": wanted == "on"})
        remember(response, "single_keys", wanted)
    return response


@require_GET
def roles_page(request: PersonRequest) -> HttpResponse:
    """Show which role may do what, from the source that is enforced.

    People of a merchant see the roles of a merchant; our own people see all.
    """
    staff = request.actor.merchant_id is None
    cards = [card for card in ROLES.values() if staff or not card.is_staff]
    rows = [
        {
            "permission": permission,
            "words": words,
            "step_up": permission in STEP_UP,
            "held": [permission in card.permissions for card in cards],
        }
        for permission, words in PERMISSIONS.items()
        if any(permission in card.permissions for card in cards)
    ]
    page = {"cards": cards, "rows": rows, "own": request.actor.role}
    return render(request, "portal/accounts/roles.html", page)


def _choose(request: PersonRequest, wanted: dict[str, str | bool]) -> None:
    row = request.session_row
    if row is not None and row.otp_at is not None:
        preferences.choose(row.user, wanted, actor=request.actor, now=timezone.now())


def _back(request: PersonRequest) -> HttpResponse:
    return redirect(safe_next(request, request.POST.get("next", "")) or "/")


def remember(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=COOKIE_AGE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
