"""Decisions about long work: leases, tries, how far it is, what failed in words."""

import errno
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils.translation import gettext_noop

from portal.kit.pdf import MissingGlyph, Unavailable

Clock = Callable[[], datetime]
Progress = Callable[..., None]

MAX_ATTEMPTS = 5
LEASE = timedelta(seconds=30)
# A run takes no further job after this long, well inside the task's own time limit.
BUDGET = timedelta(seconds=90)
RESULT_KEPT = timedelta(days=7)
# A file this old has found its row, or never will.
STRAY = timedelta(hours=1)
MESSAGE_KEPT = timedelta(days=30)
# Longer than a whole batch can take: a mail server is given ten seconds a message.
BATCH = 10
MESSAGE_LEASE = timedelta(seconds=150)
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=1)
# An estimate out of less than this is a guess.
SECONDS_BEFORE_ESTIMATE = 2

INTERRUPTED = gettext_noop(
    "The work was interrupted five times and has been stopped. Ask for it again; if it stops"
    " again, tell us the job number."
)
BROKEN = gettext_noop(
    "The work failed on our side five times and has been stopped. We have a record of the"
    " cause under the job number. Ask for it again later."
)
NO_SPACE = gettext_noop(
    "There was no room left to store the file. Nothing partial was kept. Ask for it again later."
)
NO_GLYPH = gettext_noop(
    "The document holds a character that no font here can draw, so it was not issued. Tell us the"
    " job number; we add the font."
)
NO_PDF = gettext_noop(
    "PDF cannot be made on this machine at the moment. We have been told. Ask for it again later."
)
OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class CannotFinish(Exception):
    """The work can never succeed as asked; ``words`` (a msgid) tells the person why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Stopped(Exception):
    """The job was cancelled, or its lease ran out and another worker has it now."""


def retry_delay(attempts: int) -> timedelta:
    """Return how long to wait after the given number of tries (5 s, 20 s, 80 s … 1 h)."""
    factor = 1 << 2 * min(max(attempts - 1, 0), 8)
    return min(FIRST_DELAY * factor, LONGEST_DELAY)


def failure_of(error: Exception) -> str:
    """Put what stopped a handler into words that the person can use."""
    if isinstance(error, CannotFinish):
        return error.words
    if isinstance(error, MissingGlyph):
        return NO_GLYPH
    if isinstance(error, Unavailable):
        return NO_PDF
    if isinstance(error, OSError) and error.errno in OUT_OF_SPACE:
        return NO_SPACE
    return BROKEN


def is_final(error: Exception) -> bool:
    """Say whether trying again could not help."""
    return isinstance(error, CannotFinish | MissingGlyph)


def percent(done: int, total: int | None) -> int:
    """Return how much is done, in whole per cent; 0 when the whole is not known."""
    return min(100, done * 100 // total) if total else 0


def seconds_left(
    *, began: datetime | None, now: datetime, done: int, total: int | None
) -> int | None:
    """Estimate the seconds still needed from the pace so far; None where it would be a guess."""
    if began is None or not total or not done:
        return None
    spent = (now - began).total_seconds()
    if spent < SECONDS_BEFORE_ESTIMATE:
        return None
    return max(1, round(spent * (total - done) / done))
