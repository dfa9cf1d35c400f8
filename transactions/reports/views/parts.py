"""The parts of the overview in words: key figures, terminals, what needs attention."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.kit.charts import Part
from portal.templatetags.money import figure, money, percent
from transactions.reports import rules
from transactions.reports.queries import TerminalCounts
from transactions.reports.rules import Figures, Period

MONTH_DAYS = 30
CHORDS = {"today": "d t", "7d": "d 7", "30d": "d 3"}


@dataclass(frozen=True, slots=True)
class Segment:
    """One choice of period."""

    label: str
    url: str
    active: bool
    key: str


@dataclass(frozen=True, slots=True)
class Kpi:
    """One key figure with its change against the period before."""

    label: str
    value: str
    help: str
    spark: tuple[int, ...]
    url: str
    delta: str = ""
    trend: str = "flat"
    good: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that waits for somebody."""

    tone: str
    title: str
    url: str
    note: str


def segments(period: Period) -> list[Segment]:
    """Return the periods to choose from."""
    names = {"today": _("Today"), "7d": _("7 days"), "30d": _("30 days")}
    here = reverse("transactions:overview")
    return [
        Segment(label, f"{here}?period={name}", period.name == name, CHORDS[name])
        for name, label in names.items()
    ]


def pairs_of(period: Period) -> list[tuple[str, str]]:
    """Return the parameters that choose a period."""
    if period.name:
        return [("period", period.name)]
    return [("from", period.since.isoformat()), ("to", period.until.isoformat())]


def list_url(period: Period, *more: tuple[str, str]) -> str:
    """Return the address of the transactions behind a figure."""
    pairs = sorted([*pairs_of(period), *more])
    return f"{reverse('transactions:list')}?{urlencode(pairs)}"


def month_url(last_day: date) -> str:
    """Return the overview of the thirty days that end with a day."""
    first = last_day - timedelta(days=MONTH_DAYS - 1)
    pairs = [("from", first.isoformat()), ("to", last_day.isoformat())]
    return f"{reverse('transactions:overview')}?{urlencode(pairs)}"


def kpis(now: Figures, before: Figures, daily: Sequence[Figures], period: Period) -> list[Kpi]:
    """Return the four figures, each with its definition and its trend by day."""
    note = _versus(period)
    approved = ("status", "APPROVED")
    return [
        Kpi(
            _("Net sales"), money(now.net_minor),
            _("Approved sales minus refunds and voids, before fees."),
            tuple(day.net_minor for day in daily), list_url(period, approved),
            *_change(rules.change(now.net_minor, before.net_minor), rising_is_good=True),
            note=note,
        ),
        Kpi(
            _("Transaction count"), figure(now.count),
            _("Approved transactions of every kind; declined ones are not counted."),
            tuple(day.count for day in daily), list_url(period, approved),
            *_change(rules.change(now.count, before.count), rising_is_good=True), note=note,
        ),
        Kpi(
            _("Average sale"), money(now.ticket_minor),
            _("Approved sales divided by their number."),
            tuple(day.ticket_minor or 0 for day in daily), list_url(period, ("kind", "SALE")),
            *_change(rules.change(now.ticket_minor, before.ticket_minor), rising_is_good=True),
            note=note,
        ),
        Kpi(
            _("Refund rate"), percent(_decimal(now.refund_rate)),
            _("Refunds and voids as a share of sales, by amount."),
            tuple(int(1000 * (day.refund_rate or 0)) for day in daily),
            list_url(period, ("kind", "REFUND"), ("kind", "VOID")),
            *_points(now.refund_rate, before.refund_rate), note=note,
        ),
    ]  # fmt: skip


def terminal_parts(counts: TerminalCounts) -> list[Part]:
    """Return the terminals in the field as parts of a whole."""
    return [
        Part(_("Signed in today"), counts.signed_in, "ok"),
        Part(_("Not signed in"), counts.not_signed_in, "warn"),
        Part(_("Offline"), counts.silent, "mute"),
        Part(_("Suspended"), counts.suspended, "bad"),
    ]


def attention(
    terminals: TerminalCounts | None, day: Figures, usual: Figures, *, today: date
) -> list[Attention]:
    """Return what is so and wants a hand, the worst first."""
    found = _of_terminals(terminals) if terminals else []
    if rules.declines_stand_out(day, usual):
        found.append(
            Attention(
                "warn",
                ngettext(
                    "%(n)s transaction declined today",
                    "%(n)s transactions declined today",
                    day.declined_count,
                )
                % {"n": day.declined_count},
                list_url(Period(today, today, "today"), ("status", "DECLINED")),
                _("%(share)s of those tried; usual is %(usual)s")
                % {
                    "share": percent(_decimal(day.decline_rate)),
                    "usual": percent(_decimal(usual.decline_rate or Fraction(0))),
                },
            )
        )
    return found


def _of_terminals(counts: TerminalCounts) -> list[Attention]:
    url = reverse("terminals:list")
    said = [
        (
            "bad", counts.suspended,
            ngettext("%(n)s terminal is suspended", "%(n)s terminals are suspended",
                     counts.suspended),
            _("It takes no payments until it is reinstated."),
        ),
        (
            "warn", counts.silent,
            ngettext("%(n)s terminal is offline", "%(n)s terminals are offline", counts.silent),
            _("Check power and network."),
        ),
        (
            "warn", counts.not_signed_in,
            ngettext("%(n)s terminal has not signed in today",
                     "%(n)s terminals have not signed in today", counts.not_signed_in),
            _("It takes no payments before it has signed in."),
        ),
    ]  # fmt: skip
    return [Attention(tone, text % {"n": n}, url, note) for tone, n, text, note in said if n]


def _versus(period: Period) -> str:
    if period.days == 1:
        return _("vs the day before")
    return _("vs the %(n)s days before") % {"n": period.days}


def _change(share: Fraction | None, *, rising_is_good: bool) -> tuple[str, str, bool | None]:
    if share is None:
        return "", "flat", None
    text = percent(_decimal(abs(share)))
    if not share:
        return text, "flat", None
    return text, "up" if share > 0 else "down", (share > 0) == rising_is_good


def _points(now: Fraction | None, before: Fraction | None) -> tuple[str, str, bool | None]:
    """Return the difference of two rates in percentage points; less given back is good."""
    if now is None or before is None:
        return "", "flat", None
    points = now - before
    text = _("%(n)s points") % {"n": percent(_decimal(abs(points))).removesuffix("%")}
    if not points:
        return text, "flat", None
    return text, "up" if points > 0 else "down", points < 0


def _decimal(share: Fraction | None) -> Decimal | None:
    return None if share is None else Decimal(share.numerator) / share.denominator
