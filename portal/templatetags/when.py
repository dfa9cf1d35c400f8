"""Times as people read them, always with the zone at hand.

Filters stand at the edge of the product, so this is one of the few places that read the clock:
"today" and "12 minutes ago" are words about the moment of reading.
"""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from html import escape

from babel.dates import format_skeleton
from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext

from portal.kit.markup import markup

register = template.Library()

NOTHING = "–"
MINUTE, HOUR, DAY = 60, 3600, 86400
# Chinese sets a space between its own characters and digits, which the locale data leaves out.
BESIDE_DIGITS = re.compile(r"(?<=\d)(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])(?=\d)")


def zone_name(at: datetime) -> str:
    """Name the offset of an aware time: ``UTC+8``, ``UTC-3:30``, ``UTC``."""
    seconds = int((at.utcoffset() or timedelta()).total_seconds())
    hours, minutes = divmod(abs(seconds) // 60, 60)
    if not seconds:
        return "UTC"
    return f"UTC{'+' if seconds > 0 else '-'}{hours}{f':{minutes:02d}' if minutes else ''}"


def near_day(on: date, today: date) -> str:
    """Name a day shortly: today, yesterday, month and day, or the whole date of another year."""
    if on == today:
        return gettext("Today")
    if on == today - timedelta(days=1):
        return gettext("Yesterday")
    return f"{on:%m-%d}" if on.year == today.year else f"{on:%Y-%m-%d}"


class Clock:
    """Writes the moments of one answer: zone, day and language are looked up once."""

    def __init__(self) -> None:
        self._zone = timezone.get_current_timezone()
        self._today = timezone.localdate()
        self._days: dict[date, str] = {}

    def write(self, at: datetime) -> str:
        """Return a moment as HTML."""
        local = at.astimezone(self._zone)
        on = local.date()
        day = self._days.get(on)
        if day is None:
            day = self._days[on] = escape(near_day(on, self._today))
        exact = local.isoformat(timespec="seconds")
        return (
            f'<time datetime="{exact}" title="{exact} ({zone_name(local)})">'
            f"{day} <b>{exact[11:19]}</b></time>"
        )


@register.filter
def when(at: datetime | None) -> SafeString | str:
    """Write a moment for a cell: ``Today 16:33:44``, the exact time and zone on hovering."""
    return markup(Clock().write(at)) if at else NOTHING


@register.filter
def moment(at: datetime | None) -> str:
    """Write a moment in full as text: ``2026-11-20 16:33:44 UTC+8``."""
    if not at:
        return NOTHING
    local = timezone.localtime(at)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_name(local)}"


@register.filter
def clock(at: datetime | None) -> str:
    """Write the time of day alone: ``16:33``."""
    return f"{timezone.localtime(at):%H:%M}" if at else NOTHING


@register.filter
def ago(at: datetime | None) -> SafeString | str:
    """Write how long ago, or in how long, with the exact time and zone on hovering."""
    if not at:
        return NOTHING
    local = timezone.localtime(at)
    exact = local.isoformat(timespec="seconds")
    seconds = int((timezone.now() - at).total_seconds())
    return format_html(
        '<time datetime="{}" title="{} ({})">{}</time>',
        exact,
        exact,
        zone_name(local),
        distance(seconds),
    )


def distance(seconds: int) -> str:
    """Say how far a moment lies from now: positive seconds are past, negative are to come."""
    far = abs(seconds)
    if far < MINUTE:
        return gettext("just now") if seconds >= 0 else gettext("in a moment")
    if seconds < 0:
        return gettext("in %(span)s") % {"span": span(far)}
    return gettext("%(span)s ago") % {"span": span(far)}


@register.filter
def span(seconds: int | None) -> str:
    """Write a length of time in its largest whole unit: ``12 minutes``, ``3 days``."""
    if seconds is None:
        return NOTHING
    if seconds < MINUTE:
        return ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds}
    if seconds < HOUR:
        n = seconds // MINUTE
        return ngettext("%(n)s minute", "%(n)s minutes", n) % {"n": n}
    if seconds < DAY:
        n = seconds // HOUR
        return ngettext("%(n)s hour", "%(n)s hours", n) % {"n": n}
    n = seconds // DAY
    return ngettext("%(n)s day", "%(n)s days", n) % {"n": n}


@lru_cache(maxsize=2048)
def _dated(on: date, skeleton: str, language: str) -> str:
    locale = "zh_Hans_CN" if language.startswith("zh") else "en_GB"
    return BESIDE_DIGITS.sub(" ", format_skeleton(skeleton, on, locale=locale))


def _date_of(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value


@register.filter
def day(value: date | datetime | None) -> str:
    """Write a date: ``2026 年 11 月 20 日``, ``20 Nov 2026``."""
    return _dated(_date_of(value), "yMMMd", get_language() or "en") if value else NOTHING


@register.filter
def month(value: date | datetime | None) -> str:
    """Write a month: ``2026 年 11 月``, ``November 2026``."""
    return _dated(_date_of(value), "yMMMM", get_language() or "en") if value else NOTHING


@register.filter
def weekday(value: date | datetime | None) -> str:
    """Write the day of the week: ``周五``, ``Fri``."""
    return _dated(_date_of(value), "E", get_language() or "en") if value else NOTHING
