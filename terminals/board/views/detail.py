"""One terminal in full."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import TextChoices
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from merchants.profiles.rules import called
from portal.audit.events import EVENTS
from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, ActorKind
from portal.kit.http import ActorRequest, found_or_404
from portal.templatetags.when import day as written
from terminals.board import queries
from terminals.board.rules import Day, Said, Span, Try, beats, month, read_said, strip
from terminals.fleet.models import SuspendReason, Terminal, TerminalStatus
from terminals.fleet.queries import get_terminal, list_keys
from terminals.fleet.rules.verdict import Verdict
from terminals.presence.models import Link

HISTORY_TONES = {
    "terminal.suspended": "warn",
    "terminal.reinstated": "ok",
    "terminal.activated": "ok",
    "terminal.signed_in": "ok",
    "terminal.sign_in_refused": "warn",
    "terminal.fell_silent": "warn",
    "device.refused": "bad",
    "device.fork_seen": "bad",
}
TOLD = ("reason", "because", "store", "operator_no", "code", "verdict", "why")
WORDS: dict[str, type[TextChoices]] = {"reason": SuspendReason, "verdict": Verdict}


@dataclass(frozen=True, slots=True)
class Past:
    """One entry of a terminal's history."""

    at: datetime
    title: str
    who: str
    detail: str
    tone: str


@require_GET
def detail(request: ActorRequest, serial: str) -> HttpResponse:
    """Show one terminal: who, where, how it does, its keys and what was done to it."""
    actor, now, today = request.actor, timezone.now(), timezone.localdate()
    terminal = found_or_404(get_terminal, actor, serial)
    live = queries.find_liveness(actor, terminal)
    link = Link(live.link) if live else Link.NEVER
    spans = strip(queries.list_changes(actor, terminal, until=now), link=link, until=now)
    tries = queries.list_tries(actor, terminal, today=today)
    active_on = timezone.localdate(terminal.activated_at) if terminal.activated_at else None
    days = month(tries, today=today, since=active_on)
    context = {
        "terminal": terminal,
        "merchant": _merchant(terminal),
        "place": terminal.store.name if terminal.store else "",
        "status": TerminalStatus(terminal.status),
        "reason": _reason(terminal),
        "live": live,
        "link": link,
        "said": read_said(live.said) if live else Said(),
        "beats": beats(spans, [_span_title(span) for span in spans]),
        "days": [Day(day.on, day.state, _day_title(day, tries)) for day in days],
        "signed_in": _signed_in(days),
        "latest": tries[0] if tries else None,
        "keys": list_keys(actor, terminal),
        "history": [_past(entry) for entry in queries.list_history(actor, terminal)],
        "staff": actor.merchant_id is None,
        **_allowed(actor, terminal),
    }
    return render(request, "terminals/board/detail.html", context)


def _allowed(actor: Actor, terminal: Terminal) -> dict[str, bool]:
    status = terminal.status
    return {
        "may_suspend": status == TerminalStatus.ACTIVE and actor.may("terminal.suspend"),
        "may_reinstate": status == TerminalStatus.SUSPENDED and actor.may("terminal.reinstate"),
        "may_issue": status == TerminalStatus.ALLOCATED and actor.may("terminal.provision"),
        "may_verify": actor.may("terminal.verify"),
    }


def _merchant(terminal: Terminal) -> str:
    merchant = terminal.merchant
    if merchant is None:
        return ""
    return called(merchant.name, merchant.name_en, language=get_language() or "")


def _signed_in(days: list[Day]) -> str:
    count = sum(day.state == "ok" for day in days)
    return ngettext("%(n)s day", "%(n)s days", count) % {"n": count}


def _reason(terminal: Terminal) -> str:
    reason = terminal.suspended_reason
    return str(SuspendReason(reason).label) if reason else ""


def _span_title(span: Span) -> str:
    began, ended = timezone.localtime(span.began_at), timezone.localtime(span.ended_at)
    words = {"from": f"{began:%H:%M}", "to": f"{ended:%H:%M}", "link": Link(span.link).label}
    return _("%(from)s to %(to)s: %(link)s") % words


def _day_title(day: Day, tries: list[Try]) -> str:
    on = written(day.on)
    good = next((t for t in reversed(tries) if t.on == day.on and t.code == "OK"), None)
    if good is not None:
        named = {"on": on, "at": f"{timezone.localtime(good.at):%H:%M}"}
        return _("%(on)s: signed in at %(at)s") % named
    bad = next((t for t in tries if t.on == day.on), None)
    if bad is not None:
        return _("%(on)s: sign-in failed, %(code)s") % {"on": on, "code": bad.code}
    missed = day.state == "missed"
    return (_("%(on)s: no sign-in") if missed else _("%(on)s: none expected")) % {"on": on}


def _worded(name: str, value: object) -> str:
    words = WORDS.get(name)
    text = str(value)
    return str(words(text).label) if words and text in words.values else text


def _past(entry: AuditEntry) -> Past:
    words = EVENTS.get(entry.event)
    said = [_worded(name, entry.details[name]) for name in TOLD if entry.details.get(name)]
    return Past(
        at=entry.at,
        title=str(words[0]) if words else entry.event,
        who=_("System") if entry.actor_kind == ActorKind.SYSTEM else entry.actor_label,
        detail=" · ".join(said),
        tone=HISTORY_TONES.get(entry.event, ""),
    )
