"""How long a session lasts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

IDLE, ABSOLUTE, UNFINISHED = "IDLE", "ABSOLUTE", "UNFINISHED"
# Between the password and the second factor: long enough to set up an authenticator.
UNFINISHED_AGE = timedelta(minutes=10)
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Span:
    """The moments of a session that decide whether it is over."""

    created_at: datetime
    last_seen_at: datetime
    complete: bool


def why_over(span: Span, *, now: datetime, idle: timedelta, absolute: timedelta) -> str:
    """Return why a session is over, or nothing while it holds."""
    if now - span.created_at >= absolute:
        return ABSOLUTE
    if not span.complete and now - span.created_at >= UNFINISHED_AGE:
        return UNFINISHED
    if now - span.last_seen_at >= idle:
        return IDLE
    return ""


def is_note_due(span: Span, *, now: datetime) -> bool:
    """Say whether "last seen" is old enough to be written again."""
    return now - span.last_seen_at >= SEEN_EVERY


# The first that fits; every browser also claims to be several others.
BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(user_agent: str) -> str:
    """Name the browser and the system, as far as they name themselves."""
    found = (
        next((name for mark, name in marks if mark in user_agent), "")
        for marks in (BROWSERS, SYSTEMS)
    )
    return " · ".join(filter(None, found))
