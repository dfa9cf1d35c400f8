"""The doors for devices: who speaks, what it said, and the answer after COMMIT.

A message passes in this order: size, shape of the signature, digest, time, budget of the
sender, key, signature, JSON, card data; then the door's own work runs in the same database
transaction under the terminal's tenant.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec
import structlog
from django.db import InterfaceError, OperationalError
from django.db.transaction import atomic
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import timezone

from portal.accounts.hashers import TooManyAtOnce
from portal.audit.actions import record
from portal.audit.models import Outcome
from portal.kit.actor import ANONYMOUS, Actor
from portal.kit.http import problem
from portal.kit.scope import DEVICE, acting_as, scope_of
from portal.limits.actions import OverLimit, take
from terminals.authentication import signature
from terminals.authentication.contents import read_contents
from terminals.authentication.identity import Knock, as_actor, identify, identify_newcomer
from terminals.authentication.queries import Speaker
from terminals.authentication.refusals import REFUSALS, Refused, title_of
from terminals.fleet.models import Terminal

log = structlog.get_logger(__name__)

ENTRIES_A_MINUTE = 30  # of one sender's refusals in the audit log; the rest is noise
BUSY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Door:
    """One address for devices: its name, its own tag, the longest body in bytes."""

    name: str
    tag: str
    longest: int = 16 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A message whose sender is proven; ``value`` is its JSON, read strictly."""

    body: bytes = field(repr=False)
    value: Any = field(repr=False)
    actor: Actor
    speaker: Speaker
    at: datetime


@dataclass(frozen=True, slots=True)
class FirstMessage:
    """A message whose sender has proven to hold the key that it carries."""

    body: bytes = field(repr=False)
    value: Any = field(repr=False)
    actor: Actor
    public_key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answers when it says yes; parts of the message may have been ``refused``."""

    body: Any
    status: int = 200
    refused: tuple[Refused, ...] = ()


@dataclass(slots=True)
class _Visit:
    """One request at a door; ``actor`` is the terminal as soon as it is proven."""

    door: Door
    actor: Actor
    at: datetime
    terminal: Terminal | None = None


def receive(
    request: HttpRequest, door: Door, work: Callable[[Message], Answer | Refused]
) -> HttpResponse:
    """Answer one message of a terminal that signs with its enrolled key.

    ``work`` raises Refused to undo everything, and returns it to keep what it noted.
    """

    def converse(visit: _Visit, knock: Knock) -> Answer | Refused:
        # The tenant's scope is left after COMMIT, so that leaving it costs no round trip.
        with ExitStack() as scopes:
            scopes.enter_context(acting_as(DEVICE))
            with atomic():
                speaker = identify(knock)
                visit.actor = as_actor(speaker, visit.actor)
                visit.terminal = terminal_of(speaker)
                value = read_contents(knock.body)
                scopes.enter_context(acting_as(scope_of(visit.actor)))
                return work(Message(knock.body, value, visit.actor, speaker, visit.at))

    return _answer(request, door, converse)


def receive_newcomer(
    request: HttpRequest, door: Door, work: Callable[[FirstMessage], Answer | Refused]
) -> HttpResponse:
    """Answer a message signed by the key that it carries as ``public_key``."""

    def converse(visit: _Visit, knock: Knock) -> Answer | Refused:
        key, value = identify_newcomer(knock)
        with acting_as(DEVICE), atomic():
            return work(FirstMessage(knock.body, value, visit.actor, key, visit.at))

    return _answer(request, door, converse)


def terminal_of(speaker: Speaker) -> Terminal:
    """Return the terminal as a row to name in the audit log; it is not read again."""
    return Terminal(pk=speaker.id, serial=speaker.serial, merchant_id=speaker.merchant_id)


def _answer(
    request: HttpRequest, door: Door, converse: Callable[[_Visit, Knock], Answer | Refused]
) -> HttpResponse:
    stranger: Actor = getattr(request, "actor", ANONYMOUS)
    visit = _Visit(door, replace(stranger, via="API"), timezone.now())
    try:
        answer = converse(visit, _knock(request, visit))
    except Refused as refused:
        answer = refused
    except (OperationalError, InterfaceError, TooManyAtOnce) as away:
        log.warning("door_unavailable", door=door.name, kind=type(away).__name__)
        answer = Refused("UNAVAILABLE", retry_after_s=BUSY_SECONDS)
    if isinstance(answer, Refused):
        _note(answer, visit)
        return _refusal(answer)
    for part in answer.refused:
        _note(part, visit)
    # Sorted, so that an answer that was kept in the database comes back byte for byte.
    body = msgspec.json.encode(answer.body, order="sorted")
    return HttpResponse(body, status=answer.status, content_type="application/json")


def _knock(request: HttpRequest, visit: _Visit) -> Knock:
    if request.method != "POST":
        raise Refused("METHOD_NOT_ALLOWED")
    stated = str(request.META.get("CONTENT_LENGTH") or "0")
    if not stated.isdecimal() or int(stated) > visit.door.longest:
        raise Refused("BODY_TOO_LARGE", limit_bytes=visit.door.longest)
    try:
        body = request.body
    except UnreadablePostError as cut:
        raise Refused("MALFORMED", why="cut off") from cut
    return Knock(
        tag=visit.door.tag,
        target=f"{request.scheme}://{request.get_host()}{request.get_full_path()}",
        headers=signature.headers_of(request.META),
        body=body,
        ip=visit.actor.ip,
        at=visit.at,
    )


def _note(refused: Refused, visit: _Visit) -> None:
    """Keep a refusal that matters for security, up to a number a minute of one sender."""
    if refused.noted or not REFUSALS[refused.code].security:
        return
    try:
        with acting_as(DEVICE), atomic():
            _record(refused, visit)
    except (OperationalError, InterfaceError):
        log.warning("refusal_not_noted", code=refused.code, door=visit.door.name)


def _record(refused: Refused, visit: _Visit) -> None:
    sender = visit.actor.key if visit.terminal else visit.actor.ip
    try:
        take(
            name="device.refused",
            key=f"{visit.door.name}:{sender}",
            limit=ENTRIES_A_MINUTE,
            window_seconds=60,
            now=visit.at,
        )
    except OverLimit:
        return
    record(
        visit.actor,
        "device.refused",
        visit.terminal or "terminal",
        now=visit.at,
        outcome=Outcome.REFUSED,
        code=refused.code,
        door=visit.door.name,
    )


def _refusal(refused: Refused) -> HttpResponse:
    response = problem(
        refused.status,
        refused.code,
        title_of(refused),
        retry=REFUSALS[refused.code].retry,
        **refused.members,
    )
    wait = refused.members.get("retry_after_s")
    if wait is not None:
        response["Retry-After"] = str(wait)
    if refused.code == "METHOD_NOT_ALLOWED":
        response["Allow"] = "POST"
    return response
