"""Answers to those who may not pass: where to go instead, or why not."""

from urllib.parse import urlsplit

from django.http import HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from portal.accounts.access import Route
from portal.accounts.actor import PersonRequest
from portal.accounts.forms import StepUpForm
from portal.accounts.roles import PERMISSIONS, holders
from portal.kit.http import problem

API_PREFIX = "/api/"
SAFE = ("GET", "HEAD")
CARRIED_NEVER = ("csrfmiddlewaretoken", "step_up_code")
# A form with one of these is asked for again instead: a page must not repeat a password.
SECRETS = frozenset({"current", "new", "repeated", "password"})


def safe_next(request: PersonRequest, wanted: str) -> str:
    """Return a place on this site to go to, or nothing if what is wanted is not one."""
    fits = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts=None, require_https=request.is_secure()
    )
    return wanted if fits and wanted.startswith("/") else ""


def here(request: PersonRequest) -> str:
    """Return the page to come back to: this one, or the one whose form was sent."""
    if request.method in SAFE and not request.htmx:
        return request.get_full_path()
    before = request.htmx.current_url_abs_path or ""
    referer = urlsplit(request.META.get("HTTP_REFERER", ""))
    if not before and referer.netloc == request.get_host():
        before = referer.path + (f"?{referer.query}" if referer.query else "")
    return safe_next(request, before)


def go(request: PersonRequest, url: str) -> HttpResponse:
    """Send the browser to another page, also when htmx asked for a piece of one."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def with_next(name: str, target: str, **query: str) -> str:
    """Return the URL of a page that comes back to ``target`` afterwards."""
    asked = {key: value for key, value in {**query, "next": target}.items() if value}
    return reverse(name) + (f"?{urlencode(asked)}" if asked else "")


def sign_in_first(request: PersonRequest, *, ended: str) -> HttpResponse:
    """Answer somebody who is not signed in; ``ended`` says why the session is over."""
    if request.path.startswith(API_PREFIX):
        return problem(401, "NOT_AUTHENTICATED", _("The caller could not be recognised."))
    target = here(request)
    return go(
        request,
        with_next("accounts:sign-in", "" if target == "/" else target, ended=ended.lower()),
    )


def second_factor_first(request: PersonRequest) -> HttpResponse:
    """Answer somebody who gave the password alone."""
    return go(request, with_next("accounts:second-factor", here(request)))


def wrong_method(request: PersonRequest, route: Route) -> HttpResponse:
    """Answer 405."""
    allowed = HttpResponseNotAllowed(route.methods)["Allow"]
    if request.path.startswith(API_PREFIX):
        response: HttpResponse = problem(
            405, "METHOD_NOT_ALLOWED", _("This address does not take that method.")
        )
    else:
        response = render(request, "errors/405.html", status=405)
    response["Allow"] = allowed
    return response


def not_held(request: PersonRequest, permission: str) -> HttpResponse:
    """Answer 403, naming the permission, who holds it and who can change that."""
    if request.path.startswith(API_PREFIX):
        return problem(403, "FORBIDDEN", _("You may not do this."), permission=permission)
    page = {
        "permission": permission,
        "words": PERMISSIONS.get(permission, permission),
        "holders": [card.name for card in holders(permission)],
        "of_merchant": request.actor.merchant_id is not None,
    }
    return render(request, "portal/accounts/refused.html", page, status=403)


def prove_first(request: PersonRequest, permission: str) -> HttpResponse:
    """Answer somebody who must prove themselves again; what was typed is carried along."""
    if request.path.startswith(API_PREFIX):
        return problem(403, "PROOF_NEEDED", _("Prove your identity again first."))
    lost = request.htmx or request.FILES or SECRETS.intersection(request.POST)
    if request.method in SAFE or lost:
        return go(request, with_next("accounts:step-up", here(request), permission=permission))
    carried = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in CARRIED_NEVER
        for value in values
    ]
    return step_up_page(
        request, StepUpForm(), permission, request.get_full_path(), carried, status=403
    )


def step_up_page(
    request: PersonRequest,
    form: StepUpForm,
    permission: str,
    target: str,
    carried: list[tuple[str, str]],
    *,
    status: int,
) -> HttpResponse:
    """Ask for a code; ``carried`` fields travel on to ``target`` when it was right."""
    page = {
        "form": form,
        "words": PERMISSIONS[permission],
        "action": with_next("accounts:step-up", target, permission=permission),
        "target": target,
        "carried": carried,
    }
    return render(request, "portal/accounts/step_up.html", page, status=status)
