"""A signed-in browser without the pages in between, through the code that they use."""

import secrets
from datetime import datetime

from django.conf import settings
from django.db.transaction import atomic
from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP, hotp

from portal.accounts.actions import sessions
from portal.accounts.models import AuthenticatorDevice, StepUp, User, UserSession
from portal.accounts.sessions import SessionStore
from portal.kit.scope import through_gate


@atomic
def open_session(
    client: Client,
    user: User,
    *,
    otp: bool = True,
    proven: tuple[str, ...] = (),
    at: datetime | None = None,
) -> UserSession:
    """Give the client a session of ``user``; without ``otp`` it owes the second factor.

    ``proven`` are permissions that hold as after a step-up. ``at`` is when it all happened.
    """
    now = at or timezone.now()
    with through_gate(), atomic():
        store = SessionStore()
        store.create()
        key = store.session_key or ""
        row = sessions.begin(user, key=key, ip="127.0.0.1", user_agent="test", now=now)
        if otp:
            sessions.complete(row, key=key, now=now)
        StepUp.objects.bulk_create(
            StepUp(
                session=row,
                permission=permission,
                proved_at=now,
                expires_at=now + settings.STEP_UP_AGE,
            )
            for permission in proven
        )
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return row


class Clock:
    """The clock of the authenticators, which stands still until it is moved."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds

    def move(self, seconds: int = 30) -> None:
        """Let time pass."""
        self.seconds += seconds


def give_authenticator(user: User, *, now: datetime) -> bytes:
    """Give a person a confirmed authenticator and return its secret."""
    with through_gate():
        device = AuthenticatorDevice.objects.create(
            user=user, name="authenticator", confirmed=True, confirmed_at=now, sealed_seed=""
        )
        seed = secrets.token_bytes(20)
        device.keep_seed(seed)
        device.save()
    return seed


def code_of(seed: bytes, *, steps: int = 0) -> str:
    """Return the code that an app shows now, or some 30-second steps away from now."""
    return f"{hotp(seed, TOTP(seed).t() + steps):06d}"
