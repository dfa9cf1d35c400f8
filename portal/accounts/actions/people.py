"""Accounts: made, given another role, closed; and a person's own password."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.db.transaction import atomic

from portal.accounts.actions import notices, sessions
from portal.accounts.models import (
    AuthenticatorDevice,
    Language,
    PasswordHistory,
    RecoveryCode,
    Role,
    User,
)
from portal.accounts.passwords import REMEMBERED
from portal.audit.actions import record
from portal.kit.actor import Actor, ActorKind
from portal.kit.lifecycle import insert_new
from portal.kit.scope import through_gate
from portal.limits.actions import take

PASSWORD_TRIES, PASSWORD_TRIES_SECONDS = 10, 1800
UNUSED_AGE = timedelta(days=90)
SWEEPER = Actor(
    kind=ActorKind.SYSTEM,
    label="system",
    permissions=frozenset({"person.manage"}),
    via="TASK",
)


class NameTaken(Exception):
    """Somebody has this username."""


class WrongPassword(Exception):
    """The present password is not the one given."""


class PasswordRefused(Exception):
    """The new password breaks a rule; ``reasons`` say which, in words."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def create_person(
    *,
    username: str,
    display_name: str,
    password: str,
    actor: Actor,
    now: datetime,
    role: str = "",
    email: str = "",
    language: str = Language.ZH_HANS,
) -> User:
    """Make an account; ``role`` is for our own people, others get theirs by membership.

    :raises NameTaken: if the username is in use
    :raises PasswordRefused: if the password breaks the profile
    """
    actor.require("person.manage")
    user = User(
        username=username.strip().casefold(),
        display_name=display_name,
        email=email,
        role=role,
        language=language,
        created_at=now,
        password_changed_at=now,
    )
    _validate(user, password)
    user.set_password(password)
    with through_gate():
        insert_new(user, otherwise=NameTaken(user.username))
    record(actor, "user.created", user, now=now, role=role)
    return user


def change_role(user: User, role: Role, *, actor: Actor, now: datetime) -> None:
    """Give one of our own people another role; every session of theirs ends."""
    actor.require("person.manage")
    with through_gate(), atomic():
        User.objects.filter(pk=user.pk).update(role=role)
    user.role = role
    record(actor, "user.role_changed", user, now=now, role=role)
    sessions.end_all(user.pk, because=sessions.ROLE_CHANGED, actor=actor, now=now)


def deactivate(user: User, *, actor: Actor, now: datetime) -> None:
    """Close an account; every session of it ends at once."""
    actor.require("person.manage")
    with through_gate(), atomic():
        User.objects.filter(pk=user.pk).update(is_active=False)
    user.is_active = False
    record(actor, "user.deactivated", user, now=now)
    sessions.end_all(user.pk, because=sessions.DEACTIVATED, actor=actor, now=now)


def reset_login(
    user: User, *, password: str, new_authenticator: bool, actor: Actor, now: datetime
) -> None:
    """Open an account again under a new password; every session of it ends.

    With ``new_authenticator`` the former one and the recovery codes stop counting, and the
    person sets up another on the way in.

    :raises PasswordRefused: if the password breaks the profile
    """
    actor.require("person.manage")
    _validate(user, password)
    user.set_password(password)
    user.is_active, user.password_changed_at = True, now
    with through_gate(), atomic():
        user.save(update_fields=["password", "is_active", "password_changed_at"])
        if new_authenticator:
            AuthenticatorDevice.objects.filter(user=user).delete()
            RecoveryCode.objects.filter(user=user).delete()
    record(actor, "user.login_reset", user, now=now, new_authenticator=new_authenticator)
    notices.tell(user, "password_changed", now=now)
    sessions.end_all(user.pk, because=sessions.PASSWORD_CHANGED, actor=actor, now=now)


def close_unused(*, now: datetime) -> int:
    """Close the accounts that nobody signed in to for ninety days (PCI DSS 8.2.6)."""
    since = now - UNUSED_AGE
    with through_gate():
        unused = list(
            User.objects.filter(
                Q(last_login=None) | Q(last_login__lte=since),
                is_active=True,
                created_at__lte=since,
                password_changed_at__lte=since,
            )
        )
    for user in unused:
        deactivate(user, actor=SWEEPER, now=now)
    return len(unused)


def change_own_password(
    user: User,
    *,
    current: str,
    new: str,
    session_id: UUID | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Replace a person's own password; every session but the present one ends.

    It writes also when it raises :class:`WrongPassword` (tries are counted).

    :raises WrongPassword: if ``current`` is not the present password
    :raises PasswordRefused: if the new one breaks the profile or was used before
    :raises OverLimit: after too many wrong tries
    """
    actor.require("account.secure")
    take(
        name="own_password",
        key=str(user.pk),
        limit=PASSWORD_TRIES,
        window_seconds=PASSWORD_TRIES_SECONDS,
        now=now,
    )
    if not user.check_password(current):
        raise WrongPassword
    _validate(user, new)
    with through_gate(), atomic():
        PasswordHistory.objects.create(user=user, password=user.password, replaced_at=now)
        _forget_older(user)
        user.set_password(new)
        user.password_changed_at = now
        user.save(update_fields=["password", "password_changed_at"])
    record(actor, "user.password_changed", user, now=now)
    notices.tell(user, "password_changed", now=now)
    sessions.end_all(
        user.pk, but=session_id, because=sessions.PASSWORD_CHANGED, actor=actor, now=now
    )


def _forget_older(user: User) -> None:
    kept = (
        PasswordHistory.objects.filter(user=user)
        .order_by("-replaced_at", "-pk")
        .values_list("pk", flat=True)[:REMEMBERED]
    )
    PasswordHistory.objects.filter(user=user).exclude(pk__in=list(kept)).delete()


def _validate(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as broken:
        raise PasswordRefused(list(broken.messages)) from broken
