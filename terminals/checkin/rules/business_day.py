"""The business day of a terminal, in Asia/Shanghai."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
AFTER_MIDNIGHT = timedelta(hours=4)
LAST_BATCH = 999_999


def business_date(moment: datetime) -> date:
    """Return the day in Shanghai that a moment falls on."""
    return moment.astimezone(SHANGHAI).date()


def session_end(day: date) -> datetime:
    """Return when a session of a business day ends: four hours after the day is over."""
    midnight = datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
    return (midnight + AFTER_MIDNIGHT).astimezone(UTC)


def next_batch(last: int | None) -> int:
    """Return the batch number after the last one; the count begins again after 999999."""
    return 1 if last is None or last >= LAST_BATCH else last + 1
