"""A person as an actor: role, permissions, merchant."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from portal.accounts import roles
from portal.accounts.models import User, UserSession
from portal.kit.actor import ANONYMOUS, Actor, ActorKind, MissingPermission
from portal.kit.http import ActorRequest

CLOSED, SUSPENDED = "CLOSED", "SUSPENDED"


@dataclass(frozen=True, slots=True)
class Seat:
    """A person's place in a merchant, as the merchants tell the floor."""

    role: str
    merchant_id: int
    merchant_name: str
    merchant_name_en: str
    merchant_status: str


class PersonRequest(ActorRequest):
    """A request with the browser session it came in, complete or still on the way.

    ``proofs`` are the step-ups that hold, each with the moment it ends; ``ended`` says why
    the session that came in is over.
    """

    session_row: UserSession | None
    seat: Seat | None
    proofs: dict[str, datetime]
    ended: str
    LANGUAGE_CODE: str


class NoPlace(Exception):
    """The person has no role with us and no seat in a merchant that is open."""


def seat_of(user: User) -> Seat | None:
    """Ask the merchants where a person sits; the floor knows them only by name."""
    if user.role:
        return None
    found: Seat | None = import_string(settings.MEMBERSHIP_QUERY)(user.pk)
    return found


def role_of(user: User, seat: Seat | None) -> str:
    """Return the role a person signs in with.

    :raises NoPlace: if there is none, or the merchant is closed
    """
    if user.role:
        return user.role
    if seat is None or seat.merchant_status == CLOSED:
        raise NoPlace(user.username)
    return seat.role


def actor_of(
    user: User,
    *,
    proven: bool = False,
    session: UUID | None = None,
    ip: str = "",
    request_id: str = "",
    via: str = "WEB",
) -> Actor:
    """Return a person as an actor; ``proven`` as one who has proven itself for everything.

    :raises NoPlace: if the person has neither a staff role nor an open merchant
    """
    actor = actor_at(user, seat_of(user))
    if proven:
        actor = with_proofs(actor, actor.provable)
    return replace(actor, session_id=session, ip=ip, request_id=request_id, via=via)


def actor_at(user: User, seat: Seat | None) -> Actor:
    """Return a person as an actor, given the seat.

    :raises NoPlace: if the person has neither a staff role nor an open merchant
    """
    role = role_of(user, seat)
    return Actor(
        kind=ActorKind.PERSON,
        id=user.pk,
        label=user.username,
        role=role,
        permissions=roles.usable(role),
        provable=roles.provable(role),
        merchant_id=seat.merchant_id if seat else None,
    )


def with_proofs(actor: Actor, proven: frozenset[str]) -> Actor:
    """Return the actor with the permissions it has proven moved to the usable ones."""
    held = actor.provable & proven
    return replace(actor, permissions=actor.permissions | held, provable=actor.provable - held)


def person_id(actor: Actor) -> int:
    """Return which person the actor is; nobody else has an account of their own.

    :raises MissingPermission: if the actor is not a person who is signed in
    """
    actor.require("account.own")
    if actor.id is None:
        raise MissingPermission("account.own")
    return actor.id


def nobody(*, ip: str, request_id: str, session: UUID | None = None) -> Actor:
    """Return the actor of a request that is not signed in, or not completely."""
    return replace(ANONYMOUS, ip=ip, request_id=request_id, session_id=session)
