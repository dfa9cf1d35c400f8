"""The pages between the password and the portal."""

from collections.abc import Callable

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from portal.accounts import queries
from portal.accounts.actions import factors
from portal.accounts.actions import sign_in as actions
from portal.accounts.actor import PersonRequest, actor_of
from portal.accounts.forms import CodeForm, RecoveryForm
from portal.accounts.models import UserSession
from portal.accounts.qr import Enrolment, enrolment
from portal.accounts.views.refusals import safe_next, with_next
from portal.accounts.views.sign_in import remember_browser
from portal.kit.actor import Actor

# Checks a code, completes the session, and returns where to go on if nothing else was asked.
Way = Callable[[PersonRequest, UserSession, str], str]


@require_http_methods(["GET", "POST"])
def second_factor(request: PersonRequest) -> HttpResponse:
    """Ask for a code of the authenticator."""
    form = CodeForm(request.POST or None)
    other = {"recovery_url": "accounts:recovery"}
    return _ask(request, form, _by_authenticator, "registration/second_factor.html", other)


@require_http_methods(["GET", "POST"])
def recovery(request: PersonRequest) -> HttpResponse:
    """Ask for a recovery code instead."""
    form = RecoveryForm(request.POST or None)
    other = {"code_url": "accounts:second-factor"}
    return _ask(request, form, _by_recovery_code, "registration/recovery.html", other)


def _ask(
    request: PersonRequest, form: Form, way: Way, template: str, other: dict[str, str]
) -> HttpResponse:
    """Let the person in by one way, or show its page again with what was wrong."""
    row, target = _pending(request), safe_next(request, request.GET.get("next", ""))
    if queries.find_authenticator(row.user) is None:
        return redirect(with_next("accounts:enrol", target))
    if form.is_valid():
        try:
            onward = way(request, row, form.cleaned_data["code"])
        except factors.CodeRefused as refused:
            form.add_error("code", refused.fault.label)
        else:
            return _in(row, target or onward)
    links = {name: with_next(url, target) for name, url in other.items()}
    page = {"form": form, "who": row.user.username, **links}
    return render(request, template, page, status=_status(request))


def _by_authenticator(request: PersonRequest, row: UserSession, code: str) -> str:
    factors.check_code(row.user, code, actor=_person(request, row), now=timezone.now())
    _complete(request, row, factor="TOTP")
    return "/"


def _by_recovery_code(request: PersonRequest, row: UserSession, code: str) -> str:
    who = _person(request, row)
    left = factors.check_recovery_code(row.user, code, actor=who, now=timezone.now())
    _complete(request, row, factor="RECOVERY_CODE")
    messages.warning(request, _left_in_words(left))
    return "/security/"


def _left_in_words(left: int) -> str:
    return ngettext(
        "You logged in with a recovery code. %(left)s code is left.",
        "You logged in with a recovery code. %(left)s codes are left.",
        left,
    ) % {"left": left}


@require_http_methods(["GET", "POST"])
def enrol(request: PersonRequest) -> HttpResponse:
    """Set up the first authenticator; nothing else opens before."""
    row, target = _pending(request), safe_next(request, request.GET.get("next", ""))
    if queries.find_authenticator(row.user) is not None:
        return redirect(with_next("accounts:second-factor", target))
    if "begin" in request.POST:
        factors.begin_enrolment(row.user)
        return redirect(request.get_full_path())
    form = CodeForm(request.POST or None)
    if form.is_valid():
        codes = confirm(row, form, _person(request, row))
        if codes:
            _complete(request, row, factor="TOTP", first=True)
            response = codes_page(request, codes, target or "/", public=True)
            remember_browser(response, row)
            return response
    page = {"form": form, "who": row.user.username, "device": device_of(row)}
    return render(request, "registration/enrol.html", page, status=_status(request))


def confirm(row: UserSession, form: CodeForm, actor: Actor) -> list[str]:
    """Confirm a new authenticator; return the recovery codes, or nothing and a form error."""
    try:
        return factors.confirm_enrolment(
            row.user, form.cleaned_data["code"], actor=actor, now=timezone.now()
        )
    except factors.CodeRefused as refused:
        form.add_error("code", refused.fault.label)
    except factors.NotBegun:
        form.add_error(None, _("Begin again: this key is no longer valid."))
    return []


def codes_page(
    request: PersonRequest, codes: list[str], onward: str, *, public: bool
) -> HttpResponse:
    """Show recovery codes, the one time that they can be seen."""
    template = "registration/codes.html" if public else "portal/accounts/codes.html"
    return render(request, template, {"codes": codes, "onward": onward})


def device_of(row: UserSession) -> Enrolment | None:
    """Return the authenticator being set up, ready to be scanned or typed."""
    device = queries.find_unconfirmed(row.user)
    return enrolment(row.user.username, device.seed) if device else None


def _status(request: PersonRequest) -> int:
    return 422 if request.method == "POST" else 200


def _pending(request: PersonRequest) -> UserSession:
    """Return the session; the middleware lets nobody come here without one.

    :raises Http404: if it did
    """
    if request.session_row is None:
        raise Http404
    return request.session_row


def _person(request: PersonRequest, row: UserSession) -> Actor:
    """Return the person who is proving itself; the request's own actor is nobody yet."""
    return actor_of(row.user, session=row.pk, ip=request.actor.ip, request_id=request.request_id)


def _complete(
    request: PersonRequest, row: UserSession, *, factor: str, first: bool = False
) -> None:
    """Complete the session, under a new key.

    The first time, nothing was chosen yet, so the account follows the language of the page.
    """
    request.session.cycle_key()
    rotate_token(request)
    actions.complete(
        row,
        key=request.session.session_key or "",
        factor=factor,
        language=request.COOKIES.get("language", "") or (request.LANGUAGE_CODE if first else ""),
        actor=_person(request, row),
        now=timezone.now(),
    )


def _in(row: UserSession, target: str) -> HttpResponse:
    response = redirect(target)
    remember_browser(response, row)
    return response
