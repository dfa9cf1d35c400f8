"""What may be asked of the log, and what an entry holds for a reader."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DEFAULT_DAYS = 7
PERIODS: dict[str, tuple[int, Promise]] = {
    "today": (1, _("Today")),
    "7": (7, _("7 days")),
    "30": (30, _("30 days")),
    "365": (365, _("12 months")),
}


@dataclass(frozen=True, slots=True)
class Search:
    """Entries between two days (both in, Shanghai) that pass every test given.

    An empty tuple or string tests nothing. ``rows`` also shows what row triggers wrote.
    """

    since: date | None = None
    until: date | None = None
    events: tuple[str, ...] = ()
    actor: str = ""
    subject_type: str = ""
    subject: str = ""
    merchant: str = ""
    outcome: str = ""
    via: tuple[str, ...] = ()
    q: str = ""
    rows: bool = False

    @property
    def words(self) -> str:
        """The search as a canonical query string, for the log: sorted, nothing empty."""
        named: dict[str, object] = {
            "actor": self.actor,
            "event": sorted(self.events),
            "merchant": self.merchant,
            "outcome": self.outcome,
            "q": self.q,
            "rows": "1" if self.rows else "",
            "since": self.since or "",
            "subject": self.subject,
            "subject_type": self.subject_type,
            "until": self.until or "",
            "via": sorted(self.via),
        }
        return urlencode([pair for pair in named.items() if pair[1]], doseq=True)

    def within(self, days: int, *, today: date) -> "Search":
        """Return the same search over the last so many days, today among them."""
        return replace(self, since=today - timedelta(days=days - 1), until=today)


@dataclass(frozen=True, slots=True)
class Change:
    """One column of a row before and after; None where the row did not exist."""

    name: str
    before: object
    after: object


def changes(details: Mapping[str, object]) -> tuple[Change, ...]:
    """Return what a row trigger saw change, in the order of the columns' names."""
    before, after = details.get("before"), details.get("after")
    was = before if isinstance(before, Mapping) else {}
    becomes = after if isinstance(after, Mapping) else {}
    return tuple(
        Change(name, was.get(name), becomes.get(name))
        for name in sorted({*was, *becomes})
        if not (was and becomes) or was.get(name) != becomes.get(name)
    )


def kind_of(subject_type: str) -> str:
    """Return what a subject is, whether it was named by its model or by its table."""
    return subject_type.rpartition("_")[2]
