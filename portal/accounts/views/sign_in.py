"""The pages for a name and a password, and the way out."""

from django.conf import settings
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import queries
from portal.accounts.actions import sign_in as actions
from portal.accounts.actor import PersonRequest
from portal.accounts.forms import SignInForm
from portal.accounts.hashers import TooManyAtOnce
from portal.accounts.models import UserSession
from portal.accounts.views.refusals import safe_next, with_next
from portal.limits.actions import OverLimit

KNOWN_BROWSER = "known_browser"
ENDED = {
    "idle": lambda: _("You were logged out after 15 minutes without activity."),
    "absolute": lambda: _("You were logged out: a session lasts at most 12 hours."),
    "unfinished": lambda: _("Logging in took longer than 10 minutes. Start again."),
    "by_owner": lambda: _("This session was ended from another device."),
    "password_changed": lambda: _("Your password was changed on another device. Log in again."),
    "authenticator_changed": lambda: _("Your authenticator was changed. Log in again."),
    "too_many": lambda: _("This session was ended: you logged in on more than five devices."),
    "role_changed": lambda: _("Your role was changed. Log in again."),
}


@require_http_methods(["GET", "POST"])
def password(request: PersonRequest) -> HttpResponse:
    """Ask for the name and the password."""
    target = safe_next(request, request.GET.get("next", ""))
    if request.session_row is not None:
        return redirect(_onward(request.session_row, target))
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            return _enter(request, form, target)
    return _password_page(request, form, target, status=status)


def _enter(request: PersonRequest, form: SignInForm, target: str) -> HttpResponse:
    username = form.cleaned_data["username"]
    given = actions.Credentials(
        username, form.cleaned_data["password"], known_browser=_is_known(request, username)
    )
    try:
        row = actions.enter(request, given, now=timezone.now())
    except actions.WrongCredentials:
        form.add_error(None, _("The username or the password is not right."))
        return _password_page(request, form, target, status=422)
    except actions.LockedOut:
        return _wait(request, form, target, 1800)
    except OverLimit as over:
        return _wait(request, form, target, over.retry_after_seconds)
    except TooManyAtOnce:
        form.add_error(None, _("Many people are logging in right now. Try again in a moment."))
        response = _password_page(request, form, target, status=503)
        response["Retry-After"] = "5"
        return response
    return redirect(_onward(row, target))


def _wait(request: PersonRequest, form: SignInForm, target: str, seconds: int) -> HttpResponse:
    minutes = -(-seconds // 60)
    form.add_error(
        None,
        _("Too many tries. Wait %(minutes)s min, then try again.") % {"minutes": minutes},
    )
    response = _password_page(request, form, target, status=429)
    response["Retry-After"] = str(seconds)
    return response


def _password_page(
    request: PersonRequest, form: SignInForm, target: str, *, status: int
) -> HttpResponse:
    ended = ENDED.get(request.GET.get("ended", ""))
    page = {"form": form, "target": target, "ended": ended() if ended else ""}
    return render(request, "registration/sign_in.html", page, status=status)


def _onward(row: UserSession, target: str) -> str:
    if row.otp_at is not None:
        return target or "/"
    known = queries.find_authenticator(row.user) is not None
    return with_next("accounts:second-factor" if known else "accounts:enrol", target)


@require_POST
def sign_out(request: PersonRequest) -> HttpResponse:
    """End the session."""
    if request.session_row is not None:
        actions.leave(request.session_row, actor=request.actor, now=timezone.now())
    request.session.flush()
    return redirect("accounts:sign-in")


def locked_out(
    _request: PersonRequest, response: HttpResponse, _credentials: dict[str, str]
) -> HttpResponse:
    """Let our own answer stand when axes has locked a name out (AXES_LOCKOUT_CALLABLE)."""
    return response


def _is_known(request: PersonRequest, username: str) -> bool:
    try:
        known = signing.loads(
            request.COOKIES.get(KNOWN_BROWSER, ""),
            salt=KNOWN_BROWSER,
            max_age=settings.KNOWN_BROWSER_AGE,
        )
    except signing.BadSignature:
        return False
    return bool(known == username.strip().casefold())


def remember_browser(response: HttpResponse, row: UserSession) -> None:
    """Let later tries from this browser skip the wait that guessing by others causes."""
    response.set_cookie(
        KNOWN_BROWSER,
        signing.dumps(row.user.username, salt=KNOWN_BROWSER),
        max_age=settings.KNOWN_BROWSER_AGE,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
        path="/sign-in/",
    )
