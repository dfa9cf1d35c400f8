"""One transaction in full."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from portal.kit.http import ActorRequest, found_or_404
from portal.templatetags.money import written
from terminals.presence.models import Link
from transactions.records.models import MONEY_OUT, Status
from transactions.records.queries.details import Detail, get_transaction
from transactions.records.queries.rows import Row
from transactions.records.rules.responses import advice, meaning
from transactions.records.views import cells

TONES = {Status.APPROVED: "ok", Status.DECLINED: "bad", Status.REVERSED: "warn"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline."""

    at: datetime
    title: str
    detail: str = ""
    who: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Related:
    """A transaction that this one follows or that follows it."""

    row: Row
    kind_label: str
    status_label: str


@require_GET
def detail_page(request: ActorRequest, reference: str) -> HttpResponse:
    """Show one transaction; a stranger's does not exist."""
    detail = found_or_404(get_transaction, request.actor, reference)
    row, said = detail.row, cells.words()
    context = {
        "row": row,
        "kind_label": said.of[row.kind],
        "status_label": said.of[row.status],
        "method_label": said.method(row),
        "entry_label": said.of.get(row.entry_mode, ""),
        "meaning": meaning(row.response_code),
        "advice": advice(row.response_code),
        "remaining_minor": detail.remaining_minor,
        "original": _related(detail.original) if detail.original else None,
        "followers": [_related(follower) for follower in detail.followers],
        "entries": _timeline(detail),
        "link": detail.link,
        "link_label": str(Link(detail.link).label) if detail.link else "",
        "last_seen_at": detail.last_seen_at,
        "sees_terminals": request.actor.may("terminal.read"),
        "sees_merchants": request.actor.merchant_id is None,
    }
    return render(request, "transactions/records/detail.html", context)


def _related(row: Row) -> Related:
    said = cells.words()
    return Related(row, said.of[row.kind], said.of[row.status])


def _timeline(detail: Detail) -> list[Entry]:
    """Tell what happened, in order: at the terminal, here, and afterwards."""
    row, said = detail.row, cells.words()
    reporter = _("Terminal %(serial)s") % {"serial": row.serial} if row.serial else ""
    operator = _("operator %(number)s") % {"number": row.operator_no} if row.operator_no else ""
    entries = [
        Entry(
            row.occurred_at,
            f"{said.of[row.kind]} · {said.of[row.status]}",
            detail=meaning(row.response_code),
            who=" · ".join(filter(None, [reporter, operator])),
            tone=TONES[Status(row.status)],
        ),
        Entry(row.received_at, _("Received by the acquirer"), who=_("Countinghouse")),
    ]
    entries += [
        Entry(
            follower.occurred_at,
            f"{said.of[follower.kind]} {written(follower.signed_minor, follower.currency)}",
            detail=f"{said.of[follower.status]} · {follower.reference}",
            who=_("Terminal %(serial)s") % {"serial": follower.serial} if follower.serial else "",
            tone="warn" if follower.kind in MONEY_OUT else "info",
        )
        for follower in detail.followers
    ]
    return sorted(entries, key=lambda entry: entry.at)
