"""Who is asking, and whether they may: every page passes here, and is refused by default."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone, translation

from portal.accounts import actor as actors
from portal.accounts import queries, rules
from portal.accounts.access import ROUTES, Persona, Route
from portal.accounts.actions import sessions
from portal.accounts.actor import PersonRequest
from portal.accounts.addresses import client_ip
from portal.accounts.models import UserSession
from portal.accounts.passwords import is_overdue
from portal.accounts.views import refusals
from portal.audit.actions import record
from portal.audit.models import Outcome
from portal.kit.actor import MissingPermission, ProofNeeded
from portal.kit.scope import acting_as, scope_of
from portal.middleware import OWN_TRANSACTIONS

Answer = Callable[[PersonRequest], HttpResponse]
REQUEST_ID_LENGTH = 36
# What a person whose password is overdue may still open.
WITH_OVERDUE_PASSWORD = ("accounts:password", "accounts:step-up")


class ActorMiddleware:
    """Establishes ``request.actor`` and lets a request pass only where a route says so."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: PersonRequest) -> HttpResponse:
        """Answer under the actor's own database role."""
        _as_stranger(request)
        if request.path.startswith(OWN_TRANSACTIONS):
            return self.get_response(request)
        _identify(request, now=timezone.now())
        with acting_as(scope_of(request.actor)):
            return self.get_response(request)

    def process_view(
        self, request: PersonRequest, _view: object, _args: object, _kwargs: object
    ) -> HttpResponse | None:
        """Refuse, or let the view run.

        :raises Http404: if the address is not declared in access.py
        """
        name = request.resolver_match.view_name if request.resolver_match else ""
        route = ROUTES.get(name)
        if route is None:
            raise Http404
        if request.method not in _methods(route):
            return refusals.wrong_method(request, route)
        if request.session_row is not None and request.actor.role and not route.by_itself:
            sessions.note_seen(request.session_row, now=timezone.now())
        return None if route.public else _guard(request, route, name)

    def process_exception(self, request: PersonRequest, exception: Exception) -> Any:
        """Answer what an action refused."""
        if isinstance(exception, ProofNeeded):
            return refusals.prove_first(request, exception.permission)
        if isinstance(exception, MissingPermission):
            return _not_held(request, exception.permission)
        return None


def _methods(route: Route) -> tuple[str, ...]:
    return (*route.methods, "HEAD") if "GET" in route.methods else route.methods


def _as_stranger(request: PersonRequest) -> None:
    """Set everything that code may ask a request for, as for nobody."""
    said = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    request.request_id = "".join(c for c in said if c.isalnum() or c == "-")[:REQUEST_ID_LENGTH]
    request.actor = actors.nobody(ip=client_ip(request), request_id=request.request_id)
    request.session_row, request.session_row_id = None, None
    request.seat, request.proofs, request.ended = None, {}, ""
    request.user = AnonymousUser()


def _identify(request: PersonRequest, *, now: datetime) -> None:
    key = request.session.session_key
    row = queries.find_session(key) if key else None
    if row is None:
        return
    if row.ended_at is not None:
        request.ended = row.ended_because
        request.session.flush()
        return
    over = rules.why_over(
        sessions.span_of(row),
        now=now,
        idle=settings.SESSION_IDLE,
        absolute=settings.SESSION_ABSOLUTE,
    )
    if not over and not row.user.is_active:
        over = sessions.DEACTIVATED
    if over or not _seat(request, row, now=now):
        request.ended = over or sessions.NO_PLACE
        sessions.end(row, because=request.ended, actor=request.actor, now=now)
        _as_stranger_again(request)


def _as_stranger_again(request: PersonRequest) -> None:
    ended = request.ended
    request.session.flush()
    _as_stranger(request)
    request.ended = ended


def _seat(request: PersonRequest, row: UserSession, *, now: datetime) -> bool:
    """Put the session's person in the request; return whether there is a place for them."""
    request.session_row, request.session_row_id = row, row.pk
    if row.otp_at is None:
        request.actor = replace(request.actor, session_id=row.pk)
        return True
    request.seat = actors.seat_of(row.user)
    try:
        actor = actors.actor_at(row.user, request.seat)
    except actors.NoPlace:
        return False
    request.proofs = queries.list_proofs(row, now=now)
    request.actor = replace(
        actors.with_proofs(actor, frozenset(request.proofs)),
        session_id=row.pk,
        ip=request.actor.ip,
        request_id=request.request_id,
    )
    request.user = row.user
    translation.activate(row.user.language)
    request.LANGUAGE_CODE = row.user.language
    return True


def _guard(request: PersonRequest, route: Route, name: str) -> HttpResponse | None:
    row = request.session_row
    if row is None:
        return refusals.sign_in_first(request, ended=request.ended)
    if row.otp_at is None:
        if route.persona is Persona.PENDING:
            return None
        return refusals.second_factor_first(request)
    if route.persona is Persona.PENDING:
        return redirect("accounts:home")
    if name not in WITH_OVERDUE_PASSWORD and is_overdue(
        row.user.password_changed_at, now=timezone.now()
    ):
        return refusals.go(request, refusals.with_next("accounts:password", ""))
    return _permit(request, route)


def _permit(request: PersonRequest, route: Route) -> HttpResponse | None:
    if not route.welcomes(staff=request.actor.merchant_id is None):
        return _not_held(request, route.permission)
    try:
        request.actor.require(route.permission)
    except ProofNeeded:
        return refusals.prove_first(request, route.permission)
    except MissingPermission:
        return _not_held(request, route.permission)
    return None


def _not_held(request: PersonRequest, permission: str) -> HttpResponse:
    record(
        request.actor,
        "access.refused",
        "page",
        now=timezone.now(),
        outcome=Outcome.REFUSED,
        permission=permission,
        path=request.path[:200],
    )
    return refusals.not_held(request, permission)
