"""Questions about people and their sessions; all of them go through the gate."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings

from portal.accounts import actor as actors
from portal.accounts.models import (
    AuthenticatorDevice,
    ListPreference,
    RecoveryCode,
    SavedView,
    User,
    UserSession,
)
from portal.accounts.rules import browser_of
from portal.accounts.sessions import key_hash_of
from portal.audit.events import EVENTS
from portal.audit.models import AuditEntry, Outcome
from portal.kit import planned
from portal.kit.actor import Actor
from portal.kit.scope import through_gate
from portal.limits.models import RateWindow

# Asked by every page.
SESSION = """
select {session.columns}, {person.columns}
  from {session.table} join {person.table} on {person.table}.id = {session.table}.user_id
 where {session.table}.key_hash = %s
"""
PROOFS = (
    "select permission, expires_at from portal_stepup where session_id = %s and expires_at > %s"
)
# One's own, and those shared with one's role in the same house.
VIEWS = """
 where list_name = %s and (user_id = %s or (
         %s <> '' and shared_with_role = %s and merchant_id is not distinct from %s::bigint))
 order by created_at limit 200
"""
PREFERENCE = "where user_id = %s and list_name = %s"


def find_user(username: str) -> User | None:
    """Find a person by the name they sign in with, whatever its case."""
    with through_gate():
        return User.objects.filter(username=username.strip().casefold()).first()


def find_user_by_id(user_id: int) -> User | None:
    """Find a person by id."""
    with through_gate():
        return User.objects.filter(pk=user_id).first()


def may_sign_in(user: User) -> bool:
    """Say whether a person is active and has a role or an open merchant."""
    if not user.is_active:
        return False
    try:
        actors.role_of(user, actors.seat_of(user))
    except actors.NoPlace:
        return False
    return True


def find_session(session_key: str) -> UserSession | None:
    """Find the session of a key, open or ended, with its person."""
    session, person = planned.shape_of(UserSession), planned.shape_of(User)
    sql = SESSION.format(session=session, person=person)
    with through_gate():
        found = planned.ask(sql, [key_hash_of(session_key)])
    if not found:
        return None
    row: UserSession = session.built(found[0])
    row.user = person.built(found[0][session.width :])
    return row


def list_proofs(session: UserSession, *, now: datetime) -> dict[str, datetime]:
    """Return the permissions proven in a session, each with the moment the proof ends."""
    with through_gate():
        return dict(planned.ask(PROOFS, [session.pk, now]))


def find_authenticator(user: User) -> AuthenticatorDevice | None:
    """Find a person's confirmed authenticator."""
    with through_gate():
        return AuthenticatorDevice.objects.filter(user=user, confirmed=True).first()


def find_unconfirmed(user: User) -> AuthenticatorDevice | None:
    """Find the authenticator that a person is setting up."""
    with through_gate():
        return AuthenticatorDevice.objects.filter(user=user, confirmed=False).first()


FAILURES = "sign_in_failures"


def count_failures(key: str, *, window_seconds: int, now: datetime) -> int:
    """Count the wrong passwords for one name in the present window."""
    started = int(now.timestamp()) // window_seconds * window_seconds
    with through_gate():
        return (
            RateWindow.objects.filter(
                name=FAILURES, key=key, window_starts_at=datetime.fromtimestamp(started, tz=UTC)
            )
            .values_list("used", flat=True)
            .first()
            or 0
        )


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One open session, as its owner sees it."""

    id: UUID
    began_at: datetime
    last_seen_at: datetime
    ip: str
    browser: str
    present: bool


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """One thing that happened to the person's own account."""

    at: datetime
    words: str
    ip: str
    refused: bool


@dataclass(frozen=True, slots=True)
class SecurityPage:
    """What a person's security page shows."""

    username: str
    display_name: str
    password_changed_at: datetime
    authenticator_at: datetime | None
    recovery_codes_left: int
    sessions: list[SessionLine]
    entries: list[OwnEntry]


def get_security(actor: Actor, *, now: datetime) -> SecurityPage:
    """Return the state of the actor's own account.

    :raises User.DoesNotExist: if the actor is no person
    """
    with through_gate():
        user = User.objects.get(pk=actors.person_id(actor))
    device = find_authenticator(user)
    return SecurityPage(
        username=user.username,
        display_name=user.display_name,
        password_changed_at=user.password_changed_at,
        authenticator_at=device.confirmed_at if device else None,
        recovery_codes_left=count_recovery_codes(user),
        sessions=list_sessions(actor, now=now),
        entries=list_own_entries(actor),
    )


def list_sessions(actor: Actor, *, now: datetime) -> list[SessionLine]:
    """List the actor's open sessions, the present one first."""
    since = now - settings.SESSION_IDLE
    with through_gate():
        rows = list(
            UserSession.objects.filter(user_id=actors.person_id(actor), ended_at=None)
            .filter(last_seen_at__gt=since, otp_at__isnull=False)
            .order_by("-last_seen_at")
        )
    lines = [
        SessionLine(
            row.pk,
            row.created_at,
            row.last_seen_at,
            row.ip or "",
            browser_of(row.user_agent),
            row.pk == actor.session_id,
        )
        for row in rows
    ]
    return sorted(lines, key=lambda line: not line.present)


def count_recovery_codes(user: User) -> int:
    """Count the recovery codes that still work."""
    with through_gate():
        return RecoveryCode.objects.filter(user=user, used_at=None).count()


def list_saved_views(actor: Actor, list_name: str) -> list[SavedView]:
    """List the actor's own views of a list, then those shared with the actor's role."""
    with through_gate():
        views = planned.find(
            SavedView, VIEWS, [list_name, actor.id, actor.role, actor.role, actor.merchant_id]
        )
    return sorted(views, key=lambda view: view.user_id != actor.id)


def find_saved_view(actor: Actor, list_name: str, slug: str) -> SavedView | None:
    """Find a view of a list that the actor may use, by its slug."""
    return next((v for v in list_saved_views(actor, list_name) if v.slug == slug), None)


def find_list_preference(actor: Actor, list_name: str) -> ListPreference | None:
    """Find the columns and density the actor chose for a list."""
    with through_gate():
        found = planned.find(ListPreference, PREFERENCE, [actors.person_id(actor), list_name])
    return found[0] if found else None


def list_own_entries(actor: Actor, *, limit: int = 20) -> list[OwnEntry]:
    """List what happened last to the actor's own account; the database shows no more."""
    with through_gate():
        rows = AuditEntry.objects.filter(subject_type="user", subject_id=str(actor.id))
        return [
            OwnEntry(
                row.at, str(EVENTS[row.event][0]), row.ip or "", row.outcome == Outcome.REFUSED
            )
            for row in rows.order_by("-at")[:limit]
        ]
