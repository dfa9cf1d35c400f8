"""Sessions in the database, where no session key can be read from.

The row is filed under a keyed hash of the key, whose secret is not in the database: a copy
of the table opens no session. Only the gate's role may touch it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.contrib.sessions.models import Session
from django.db import IntegrityError
from django.db.transaction import atomic
from django.utils import timezone

from portal.kit.scope import through_gate
from portal.kit.secrets import fingerprint

PLACE_LENGTH = 40  # the column of Django's table; 160 bits


def place_of(session_key: str) -> str:
    """Return what a session is filed under in Django's table."""
    return fingerprint(session_key, purpose="session")[:PLACE_LENGTH]


def key_hash_of(session_key: str) -> str:
    """Return what a session is filed under among the signed-in browsers."""
    return fingerprint(session_key, purpose="user_session")


class SessionStore(SessionBase):
    """Django's database sessions, filed under a keyed hash and written through the gate."""

    _unknown = False

    def load(self) -> dict[str, Any]:
        """Read the session, or start empty if the key is not known or over."""
        with _gate():
            row = Session.objects.filter(
                session_key=place_of(self.session_key or ""), expire_date__gt=timezone.now()
            ).first()
        if row is None:
            self._session_key = None
            self._unknown = True
            return {}
        return self.decode(row.session_data)

    def is_empty(self) -> bool:
        """Say whether the cookie should be taken back.

        Not for a key that is merely unknown: while the key changes, a request under the
        former key may still be under way, and its answer must not remove the new cookie.
        """
        if self._unknown and not self.modified:
            return False
        return super().is_empty()

    def exists(self, session_key: str) -> bool:
        """Say whether a key is taken."""
        with _gate():
            return Session.objects.filter(session_key=place_of(session_key)).exists()

    def create(self) -> None:
        """Begin a session under a new key."""
        while True:
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """Write the session.

        :raises CreateError: if a new key is taken
        :raises UpdateError: if the session was ended meanwhile
        """
        if self.session_key is None:
            self.create()
            return
        content = self.encode(
            self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        )
        place, expires = place_of(self.session_key), self.get_expiry_date()
        if must_create:
            _insert(place, content, expires)
            return
        with _gate():
            kept = Session.objects.filter(session_key=place).update(
                session_data=content, expire_date=expires
            )
        if not kept:
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        """Forget a session."""
        key = session_key or self.session_key
        if key is not None:
            with _gate():
                Session.objects.filter(session_key=place_of(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        """Forget what is over."""
        with _gate():
            Session.objects.filter(expire_date__lt=timezone.now()).delete()


def _insert(place: str, content: str, expires: datetime) -> None:
    try:
        with through_gate(), atomic():
            Session(session_key=place, session_data=content, expire_date=expires).save(
                force_insert=True
            )
    except IntegrityError as taken:
        raise CreateError from taken


@contextmanager
def _gate() -> Iterator[None]:
    """Act as the gate, in the request's transaction where there is one."""
    with through_gate(), atomic(savepoint=False):
        yield
