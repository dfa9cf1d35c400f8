"""A person's own security page: password, authenticator, codes, sessions, sign-ins."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts import queries
from portal.accounts.actions import factors, people, sessions
from portal.accounts.actions import preferences as preference_actions
from portal.accounts.actor import PersonRequest
from portal.accounts.forms import CodeForm, PasswordForm, PreferencesForm
from portal.accounts.models import User, UserSession
from portal.accounts.views.frame import remember
from portal.accounts.views.second_factor import codes_page, confirm, device_of
from portal.limits.actions import OverLimit


@require_GET
def page(request: PersonRequest) -> HttpResponse:
    """Show everything about the security of one's own account."""
    return render(
        request,
        "portal/accounts/security.html",
        {"account": queries.get_security(request.actor, now=timezone.now())},
    )


@require_http_methods(["GET", "POST"])
def password(request: PersonRequest) -> HttpResponse:
    """Change one's own password."""
    row = _session(request)
    form = PasswordForm(request.POST or None)
    if form.is_valid() and _changed(request, row.user, form):
        messages.success(request, _("Password changed. Other sessions were ended."))
        request.session.cycle_key()
        sessions.rekey(row, key=request.session.session_key or "", now=timezone.now())
        return redirect("accounts:security")
    page = {"form": form, "rules": password_validators_help_texts()}
    return render(request, "portal/accounts/password.html", page, status=_status(request))


def _changed(request: PersonRequest, user: User, form: PasswordForm) -> bool:
    try:
        people.change_own_password(
            user,
            current=form.cleaned_data["current"],
            new=form.cleaned_data["new"],
            session_id=request.session_row_id,
            actor=request.actor,
            now=timezone.now(),
        )
    except people.WrongPassword:
        form.add_error("current", _("That is not your current password."))
    except people.PasswordRefused as refused:
        for reason in refused.reasons:
            form.add_error("new", reason)
    except OverLimit:
        form.add_error(None, _("Too many tries. Wait half an hour, then try again."))
    else:
        return True
    return False


@require_http_methods(["GET", "POST"])
def authenticator(request: PersonRequest) -> HttpResponse:
    """Replace one's own authenticator."""
    row = _session(request)
    if "begin" in request.POST:
        factors.begin_enrolment(row.user)
        return redirect("accounts:authenticator")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        codes = confirm(row, form, request.actor)
        if codes:
            request.session.cycle_key()
            sessions.rekey(row, key=request.session.session_key or "", now=timezone.now())
            return codes_page(request, codes, "/security/", public=False)
    page = {"form": form, "device": device_of(row)}
    return render(request, "portal/accounts/authenticator.html", page, status=_status(request))


@require_http_methods(["GET", "POST"])
def recovery_codes(request: PersonRequest) -> HttpResponse:
    """Make new recovery codes; the former stop working."""
    row = _session(request)
    if request.method == "POST":
        codes = factors.make_recovery_codes(row.user, actor=request.actor, now=timezone.now())
        return codes_page(request, codes, "/security/", public=False)
    return render(
        request,
        "portal/accounts/recovery_codes.html",
        {"left": queries.count_recovery_codes(row.user)},
    )


@require_POST
def end_one(request: PersonRequest, session_id: UUID) -> HttpResponse:
    """End one of one's own sessions.

    :raises Http404: if there is no such session
    """
    try:
        sessions.end_own(session_id, actor=request.actor, now=timezone.now())
    except UserSession.DoesNotExist as nothing:
        raise Http404 from nothing
    messages.success(request, _("Session ended."))
    return redirect("accounts:security")


@require_POST
def end_others(request: PersonRequest) -> HttpResponse:
    """End every other session."""
    count = sessions.end_own_others(actor=request.actor, now=timezone.now())
    messages.success(
        request,
        ngettext("%(count)s other session ended.", "%(count)s other sessions ended.", count)
        % {"count": count},
    )
    return redirect("accounts:security")


@require_http_methods(["GET", "POST"])
def preferences(request: PersonRequest) -> HttpResponse:
    """Choose language, light and keys."""
    row = _session(request)
    user = row.user
    present = {"language": user.language, "theme": user.theme, "single_keys": user.single_keys}
    form = PreferencesForm(request.POST or None, initial=present)
    if form.is_valid():
        preference_actions.choose(user, form.cleaned_data, actor=request.actor, now=timezone.now())
        messages.success(request, _("Preferences saved."))
        response = redirect("accounts:preferences")
        remember(response, settings.LANGUAGE_COOKIE_NAME, user.language)
        return response
    return render(
        request, "portal/accounts/preferences.html", {"form": form}, status=_status(request)
    )


def _status(request: PersonRequest) -> int:
    return 422 if request.method == "POST" else 200


def _session(request: PersonRequest) -> UserSession:
    """Return the session; the middleware lets nobody come here without one.

    :raises Http404: if it did
    """
    if request.session_row is None:
        raise Http404
    return request.session_row
