"""How passwords are kept: Argon2id, sized so that many people can sign in at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher

# Each hash holds 19 MiB while it runs; more than this many at once wait their turn.
AT_ONCE = 4
WAIT_SECONDS = 5.0

_places = BoundedSemaphore(AT_ONCE)


class TooManyAtOnce(Exception):
    """Every place for hashing stayed taken; the caller should try again shortly."""


class Argon2id(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters: 19 MiB, two passes, one lane (about 27 ms)."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash a password.

        :raises TooManyAtOnce: if no place to hash came free in time
        """
        with _place():
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        """Compare a password with a hash.

        :raises TooManyAtOnce: if no place to hash came free in time
        """
        with _place():
            return bool(super().verify(password, encoded))


def take_place() -> None:
    """Take one of the places for hashing.

    :raises TooManyAtOnce: if none came free in time
    """
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise TooManyAtOnce


def give_place_back() -> None:
    """Let the next one hash."""
    _places.release()


@contextmanager
def _place() -> Iterator[None]:
    take_place()
    try:
        yield
    finally:
        give_place_back()
