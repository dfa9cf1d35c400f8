"""Taking one use out of a limited allowance, atomically."""

from datetime import UTC, datetime, timedelta

from django.db import connection

from portal.kit.scope import through_gate
from portal.limits.models import RateWindow


class OverLimit(Exception):
    """The allowance for this window is used up."""

    def __init__(self, name: str, retry_after_seconds: int) -> None:
        super().__init__(name)
        self.name, self.retry_after_seconds = name, retry_after_seconds


def take(*, name: str, key: str, limit: int, window_seconds: int, now: datetime) -> int:
    """Count one use of ``name`` by ``key`` and return how many were used in this window.

    One statement, so exactly ``limit`` of any number of parallel uses pass.

    :raises OverLimit: if the window already holds ``limit`` uses
    """
    started = int(now.timestamp()) // window_seconds * window_seconds
    window_starts_at = datetime.fromtimestamp(started, tz=UTC)
    expires_at = window_starts_at + timedelta(seconds=window_seconds)
    with through_gate(), connection.cursor() as cursor:
        cursor.execute(
            "insert into portal_ratewindow (name, key, window_starts_at, used, expires_at)"
            " values (%s, %s, %s, 1, %s)"
            " on conflict (name, key, window_starts_at) do update"
            " set used = portal_ratewindow.used + 1 returning used",
            [name, key[:128], window_starts_at, expires_at],
        )
        used = int(cursor.fetchone()[0])
    if used > limit:
        raise OverLimit(name, max(1, int((expires_at - now).total_seconds())))
    return used


def forget_finished(*, now: datetime) -> int:
    """Delete the windows that are over and return how many."""
    with through_gate():
        return RateWindow.objects.filter(expires_at__lt=now).delete()[0]
