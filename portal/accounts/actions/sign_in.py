"""The way in: a password first, guarded against guessing; then a second factor."""

from dataclasses import dataclass
from datetime import datetime

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_credentials
from django.contrib import auth

from portal.accounts import queries
from portal.accounts.actions import sessions
from portal.accounts.actor import PersonRequest
from portal.accounts.models import Language, User, UserSession
from portal.audit.actions import record
from portal.audit.models import Outcome
from portal.kit.actor import Actor
from portal.kit.scope import through_gate
from portal.kit.secrets import fingerprint
from portal.limits.actions import take

# Tries from one address, whoever they are for: a shop street behind one address still works.
PER_ADDRESS = 100
PER_ADDRESS_SECONDS = 600
# Tries for one name from one address, counted before the password is looked at, so that
# parallel tries cannot outrun the lock that axes sets after wrong ones.
PER_PAIR = 10
PER_PAIR_SECONDS = 300
# Wrong tries for one name from anywhere, in a day, before each further one must wait.
FREE_FAILURES = 16
DAY_SECONDS = 86_400
LONGEST_WAIT_POWER = 6  # 2 ** 6 = 64 s


class WrongCredentials(Exception):
    """The name and password do not fit, for whatever reason."""


class LockedOut(Exception):
    """Too many wrong passwords for this name from this address."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was typed, and whether this browser signed in under the name before."""

    username: str
    password: str
    known_browser: bool = False


def enter(request: PersonRequest, given: Credentials, *, now: datetime) -> UserSession:
    """Check a password and begin a session that still owes the second factor.

    It takes the request because axes and Django's login speak through it. It writes also
    when it raises, so it must not be rolled back for that.

    :raises OverLimit: if the address, the pair or the name was tried too often
    :raises LockedOut: if axes has locked the pair of name and address
    :raises WrongCredentials: if the name, the password or the account is not right
    """
    credentials = Credentials(
        given.username.strip().casefold(), given.password, given.known_browser
    )
    _take_turn(request, credentials, now=now)
    if not AxesProxyHandler.is_allowed(request, get_credentials(credentials.username)):
        raise LockedOut
    user = auth.authenticate(request, username=credentials.username, password=credentials.password)
    if not isinstance(user, User):
        _refuse(request, credentials, now=now)
        raise WrongCredentials
    with through_gate():
        auth.login(request, user)
    return sessions.begin(
        user,
        key=request.session.session_key or "",
        ip=request.actor.ip,
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        now=now,
    )


def _take_turn(request: PersonRequest, given: Credentials, *, now: datetime) -> None:
    ip = request.actor.ip
    take(
        name="sign_in_address",
        key=ip,
        limit=PER_ADDRESS,
        window_seconds=PER_ADDRESS_SECONDS,
        now=now,
    )
    take(
        name="sign_in_pair",
        key=fingerprint(f"{given.username} {ip}", purpose="limit"),
        limit=PER_PAIR,
        window_seconds=PER_PAIR_SECONDS,
        now=now,
    )
    if given.known_browser:
        return
    name_key = fingerprint(given.username, purpose="limit")
    failures = queries.count_failures(name_key, window_seconds=DAY_SECONDS, now=now)
    if failures > FREE_FAILURES:
        wait_seconds = 2 ** min(failures - FREE_FAILURES, LONGEST_WAIT_POWER)
        take(
            name=f"sign_in_wait_{wait_seconds}",
            key=name_key,
            limit=1,
            window_seconds=wait_seconds,
            now=now,
        )


def _refuse(request: PersonRequest, given: Credentials, *, now: datetime) -> None:
    take(
        name=queries.FAILURES,
        key=fingerprint(given.username, purpose="limit"),
        limit=2**31 - 1,
        window_seconds=DAY_SECONDS,
        now=now,
    )
    user = queries.find_user(given.username)
    record(
        request.actor,
        "user.sign_in_refused",
        user or "user",
        now=now,
        outcome=Outcome.REFUSED,
        why="CREDENTIALS",
    )
    if getattr(request, "axes_locked_out", False):
        record(request.actor, "user.locked_out", user or "user", now=now, outcome=Outcome.REFUSED)


def complete(
    row: UserSession, *, key: str, factor: str, language: str, actor: Actor, now: datetime
) -> None:
    """Let the person in: both factors were right.

    ``language`` is what this browser was last told to speak, or nothing; the account
    follows it.
    """
    sessions.complete(row, key=key, now=now)
    sessions.end_oldest(row, actor=actor, now=now)
    if language in Language.values and language != row.user.language:
        with through_gate():
            User.objects.filter(pk=row.user_id).update(language=language)
    record(actor, "user.signed_in", row.user, now=now, factor=factor)


def leave(row: UserSession, *, actor: Actor, now: datetime) -> None:
    """End a session because its person wants out."""
    if sessions.end(row, because=sessions.SIGNED_OUT, actor=actor, now=now):
        record(actor, "user.signed_out", row.user, now=now)
