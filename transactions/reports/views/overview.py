"""The first page after signing in: how the takings stand, and what needs a hand."""

from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from portal.kit.actor import Actor
from portal.kit.http import ActorRequest
from transactions.records.queries import sums
from transactions.records.queries.rows import list_transactions
from transactions.records.rules.columns import shown
from transactions.records.rules.filters import Filter
from transactions.records.views import cells
from transactions.reports import queries, rules
from transactions.reports.rules import Period
from transactions.reports.views import parts

LATEST = 8
LATEST_COLUMNS = ("at", "reference", "merchant", "kind", "method", "card", "terminal", "status")
NOTHING_NEW = 204


@require_GET
def overview(request: ActorRequest) -> HttpResponse:
    """Show the overview of a period."""
    today = timezone.localdate()
    try:
        period = _period(request, today)
    except rules.NotAPeriod:
        messages.error(request, _("Choose a first and a last day, at most 92 days apart."))
        return redirect("transactions:overview")
    context = _context(request.actor, period, now=timezone.now(), today=today)
    context["periods"] = parts.segments(period)
    return render(request, "transactions/reports/page.html", context)


@require_GET
def newest(request: ActorRequest) -> HttpResponse:
    """Answer the figures anew if anything came in since ``mark``, else nothing at all.

    :raises Http404: if the dates make no period
    """
    today = timezone.localdate()
    try:
        period = _period(request, today)
    except rules.NotAPeriod as nothing:
        raise Http404 from nothing
    if _mark(request.actor, period, today) == request.GET.get("mark"):
        return HttpResponse(status=NOTHING_NEW)
    context = _context(request.actor, period, now=timezone.now(), today=today)
    return render(request, "transactions/reports/_overview.html", context)


def _period(request: ActorRequest, today: date) -> Period:
    given = request.GET
    return rules.read_period(
        given.get("period", ""), given.get("from", ""), given.get("to", ""), today=today
    )


def _mark(actor: Actor, period: Period, today: date) -> str:
    """Return what changes when anything comes in; nothing for a period that is over."""
    if today not in period:
        return ""
    since = today - timedelta(days=1)
    return str(sums.watermark(actor, Filter(since=since, until=today), since=since))


def _live_url(period: Period, mark: str) -> str:
    if not mark:
        return ""
    pairs = [*parts.pairs_of(period), ("mark", mark)]
    return f"{reverse('transactions:overview-newest')}?{urlencode(pairs)}"


def _context(actor: Actor, period: Period, *, now: datetime, today: date) -> dict[str, object]:
    # first of all: what comes in while the rest is asked for makes the pulse show it
    live_url = _live_url(period, _mark(actor, period, today))
    chart = period.chart
    reach = Period(min(chart.since, period.before.since), period.until)
    found = queries.list_cells(actor, reach)
    daily = rules.by_day(found, chart)
    present, before = rules.figures(found, period), rules.figures(found, period.before)
    last_day = None if present.count else sums.find_last_day(actor, Filter())
    terminals = None
    if actor.may("terminal.read"):
        terminals = queries.count_terminals(actor, now=now, today=today)
    return {
        "period": period,
        "live_url": live_url,
        "kpis": parts.kpis(present, before, daily, period),
        "bars": rules.bars(daily, chart),
        "today": today,
        "terminal_parts": parts.terminal_parts(terminals) if terminals else [],
        "terminal_total": terminals.total if terminals else 0,
        "sees_terminals": terminals is not None,
        "attention": parts.attention(
            terminals,
            rules.figures(found, Period(today, today)),
            rules.figures(found, chart),
            today=today,
        ),
        "last_day": last_day,
        "last_url": parts.month_url(last_day) if last_day else "",
        "list_url": parts.list_url(period),
        "may_report": actor.may("report.make"),
        "staff": actor.merchant_id is None,
        "report_day": min(period.until, today),
        **_latest(actor, period),
    }


def _latest(actor: Actor, period: Period) -> dict[str, object]:
    page = list_transactions(actor, Filter(until=period.until), size=LATEST)
    columns = shown(LATEST_COLUMNS, staff=actor.merchant_id is None)
    return {
        "heads": cells.heads(columns),
        "body": cells.rows_html(page.rows, columns, selectable=False),
        "has_rows": bool(page.rows),
    }
