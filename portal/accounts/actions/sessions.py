"""Beginning, completing and ending sessions."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from portal.accounts import rules
from portal.accounts.actor import person_id
from portal.accounts.models import StepUp, User, UserSession
from portal.accounts.sessions import SessionStore, key_hash_of
from portal.audit.actions import record
from portal.kit.actor import Actor, ActorKind
from portal.kit.scope import through_gate

BY_OWNER, SIGNED_OUT, REVOKED, DEACTIVATED = "BY_OWNER", "SIGNED_OUT", "REVOKED", "DEACTIVATED"
PASSWORD_CHANGED, AUTHENTICATOR_CHANGED = "PASSWORD_CHANGED", "AUTHENTICATOR_CHANGED"
ROLE_CHANGED, NO_PLACE, TOO_MANY = "ROLE_CHANGED", "NO_PLACE", "TOO_MANY"
MOST_SESSIONS = 5
LONGEST_USER_AGENT = 200
THE_SYSTEM = Actor(kind=ActorKind.SYSTEM, label="system", via="TASK")


def begin(user: User, *, key: str, ip: str, user_agent: str, now: datetime) -> UserSession:
    """Note a browser that gave the right password; it may not do anything yet."""
    with through_gate():
        return UserSession.objects.create(
            user=user,
            key_hash=key_hash_of(key),
            created_at=now,
            last_seen_at=now,
            password_at=now,
            ip=ip or None,
            user_agent=user_agent.replace("\0", "")[:LONGEST_USER_AGENT],
        )


def complete(row: UserSession, *, key: str, now: datetime) -> None:
    """Note that the second factor was given, and the new key of the session."""
    row.otp_at = now
    _rewrite(row, key=key, now=now, otp_at=now)


def end_oldest(row: UserSession, *, actor: Actor, now: datetime) -> int:
    """End the oldest sessions of a person who has too many; the present one stays."""
    with through_gate():
        rows = list(
            UserSession.objects.filter(user_id=row.user_id, ended_at=None, otp_at__isnull=False)
            .exclude(pk=row.pk)
            .order_by("-last_seen_at")[MOST_SESSIONS - 1 :]
        )
    return sum(end(old, because=TOO_MANY, actor=actor, now=now) for old in rows)


def rekey(row: UserSession, *, key: str, now: datetime) -> None:
    """Note the new key of a session."""
    _rewrite(row, key=key, now=now)


def _rewrite(row: UserSession, *, key: str, now: datetime, **changes: datetime) -> None:
    row.key_hash, row.last_seen_at = key_hash_of(key), now
    with through_gate():
        UserSession.objects.filter(pk=row.pk, ended_at=None).update(
            key_hash=row.key_hash, last_seen_at=now, **changes
        )


def note_seen(row: UserSession, *, now: datetime) -> None:
    """Write when the session was last used, at most once a minute."""
    if rules.is_note_due(span_of(row), now=now):
        with through_gate():
            UserSession.objects.filter(pk=row.pk, ended_at=None).update(last_seen_at=now)


def span_of(row: UserSession) -> rules.Span:
    """Return the moments of a session that decide whether it is over."""
    return rules.Span(row.created_at, row.last_seen_at, row.otp_at is not None)


def end(row: UserSession, *, because: str, actor: Actor, now: datetime) -> bool:
    """End one session; return whether it was still open."""
    with through_gate():
        ended = UserSession.objects.filter(pk=row.pk, ended_at=None).update(
            ended_at=now, ended_because=because
        )
        if ended:
            StepUp.objects.filter(session=row).delete()
    if ended:
        record(actor, "session.ended", row, now=now, because=because)
    return bool(ended)


def end_own(session_id: UUID, *, actor: Actor, now: datetime) -> bool:
    """End one session of the actor's own; a stranger's is not found.

    :raises UserSession.DoesNotExist: if the actor has no such session
    """
    owner = person_id(actor)
    with through_gate():
        row = UserSession.objects.get(pk=session_id, user_id=owner)
    return end(row, because=BY_OWNER, actor=actor, now=now)


def end_own_others(*, actor: Actor, now: datetime) -> int:
    """End every session of the actor's but the present one; return how many."""
    return end_all(person_id(actor), but=actor.session_id, because=BY_OWNER, actor=actor, now=now)


def end_all(
    user_id: int, *, because: str, actor: Actor, now: datetime, but: UUID | None = None
) -> int:
    """End a person's open sessions, but one if it is named; return how many."""
    with through_gate():
        rows = list(UserSession.objects.filter(user_id=user_id, ended_at=None))
    return sum(end(row, because=because, actor=actor, now=now) for row in rows if row.pk != but)


def end_stale(*, now: datetime, limit: int = 500) -> int:
    """End the sessions whose time is over, though nobody came to see it; return how many."""
    with through_gate():
        over = Q(last_seen_at__lte=now - settings.SESSION_IDLE)
        over |= Q(created_at__lte=now - settings.SESSION_ABSOLUTE)
        over |= Q(otp_at=None, created_at__lte=now - rules.UNFINISHED_AGE)
        rows = list(UserSession.objects.filter(over, ended_at=None)[:limit])
    ended = 0
    for row in rows:
        because = rules.why_over(
            span_of(row), now=now, idle=settings.SESSION_IDLE, absolute=settings.SESSION_ABSOLUTE
        )
        ended += end(row, because=because, actor=THE_SYSTEM, now=now)
    SessionStore.clear_expired()
    return ended
