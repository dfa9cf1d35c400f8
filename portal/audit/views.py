"""Pages of the log: search, one entry, the file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from portal.audit import actions, queries
from portal.audit.events import EVENTS
from portal.audit.forms import ExportForm, SearchForm
from portal.audit.models import AuditEntry, Outcome, Via
from portal.audit.rules.searches import PERIODS, Search, changes, kind_of
from portal.audit.rules.words import ACTORS, CODES, label_of, said, subject_of
from portal.kit.downloads import BLOCK, csv_blocks
from portal.kit.http import ActorRequest, found_or_404
from portal.kit.paging import COUNT_CAP, BadCursor, Cursor, Page, decode
from portal.kit.snapshot import Snapshot

OLDEST_FIRST, NEWEST_FIRST = "at", "-at"
# Subjects that have a page of their own, found by the label of the entry.
PAGES = {"terminal": "terminals:detail"}
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the list shows it."""

    url: str
    at: datetime
    title: str
    event: str
    who: str
    role: str
    subject: str
    subject_kind: str
    merchant: str
    outcome: str
    outcome_label: str
    via: str


@dataclass(frozen=True, slots=True)
class Line:
    """A detail of an entry: its name, its value, and the value before where there was one."""

    label: str
    value: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A way on from here."""

    label: str
    url: str
    active: bool = False
    key: str = ""


@require_GET
def search(request: ActorRequest) -> HttpResponse:
    """Show the entries that match; the look itself becomes an entry."""
    here, now = reverse("audit:search"), timezone.now()
    form = SearchForm(request.GET)
    wanted = form.search(today=timezone.localdate(now))
    sort = OLDEST_FIRST if request.GET.get("sort") == OLDEST_FIRST else NEWEST_FIRST
    page = _page(request, wanted, oldest_first=sort == OLDEST_FIRST)
    if "cursor" not in request.GET:
        actions.note_search(actor=request.actor, search=wanted, now=now)
    total = queries.count_entries(request.actor, wanted)
    query = _canonical(request.GET)
    context = {
        "here": here,
        "form": form,
        "problems": list(form.problems.items()),
        "wanted": wanted,
        "rows": _rows(request, page.rows),
        "page": page,
        "sort": sort,
        "keep": [(n, request.GET[n]) for n in ("sort", "period") if request.GET.get(n)],
        "periods": _periods(request.GET, here),
        "total": min(total, COUNT_CAP),
        "capped": total > COUNT_CAP,
        "filtered": bool(query.keys() - {"sort", "period"}),
        "rows_url": _with(request.GET, here, rows="" if wanted.rows else "on"),
        "export_url": _with(request.GET, reverse("audit:export"), sort=""),
        "may_export": request.actor.may("audit.export"),
    }
    if not request.htmx:
        return render(request, "portal/audit/page.html", context)
    response = render(request, "portal/audit/_list.html", context)
    response["HX-Push-Url"] = f"{here}?{query.urlencode()}" if query else here
    return response


@require_GET
def detail(request: ActorRequest, on: str, entry_id: UUID) -> HttpResponse:
    """Show one entry in full."""
    try:
        day = date.fromisoformat(on)
    except ValueError as foreign:
        raise Http404 from foreign
    entry = found_or_404(queries.get_entry, request.actor, day, entry_id)
    actions.note_reading(entry, actor=request.actor, now=timezone.now())
    row = _rows(request, [entry])[0]
    is_row = entry.via == Via.DB
    context = {
        "entry": entry,
        "row": row,
        "is_row": is_row,
        "actor_kind": str(ACTORS.get(entry.actor_kind, entry.actor_kind)),
        "subject_url": _subject_url(entry),
        "details": []
        if is_row
        else [Line(label_of(n), said(v)) for n, v in entry.details.items()],
        "changes": [
            Line(label_of(c.name), said(c.after), said(c.before)) for c in changes(entry.details)
        ],
        "links": _links(entry, who=row.who),
    }
    return render(request, "portal/audit/detail.html", context)


@require_http_methods(["GET", "POST"])
def export(request: ActorRequest) -> HttpResponse | StreamingHttpResponse:
    """Ask for the reason, then stream exactly the entries of the filter."""
    now = timezone.now()
    wanted_form = SearchForm(request.GET)
    wanted = wanted_form.search(today=timezone.localdate(now))
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and not wanted_form.problems:
        kind = actions.FileForm(form.cleaned_data["format"])
        rows = actions.export(
            actor=request.actor,
            search=wanted,
            form=kind,
            reason=form.cleaned_data["reason"],
            now=now,
        )
        name = f"audit-{timezone.localtime(now):%Y%m%d-%H%M%S}.{kind.value}"
        return _download(rows, kind=kind, filename=name)
    total = queries.count_entries(request.actor, wanted)
    context = {
        "form": form,
        "search_form": wanted_form,
        "problems": list(wanted_form.problems.items()),
        "wanted": wanted,
        "total": min(total, COUNT_CAP),
        "capped": total > COUNT_CAP,
        "action": _with(request.GET, reverse("audit:export"), sort=""),
        "back": _with(request.GET, reverse("audit:search")),
    }
    status = 422 if form.is_bound else 200
    return render(request, "portal/audit/export.html", context, status=status)


class _Blocks:
    """The bytes of a file, whose end also ends the snapshot they are read from."""

    def __init__(self, blocks: Iterator[bytes], rows: Snapshot) -> None:
        self._blocks, self._rows = blocks, rows

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._blocks
        finally:
            self._rows.close()

    def close(self) -> None:
        """End the snapshot, also when nothing was read."""
        self._rows.close()


def _download(rows: Snapshot, *, kind: actions.FileForm, filename: str) -> StreamingHttpResponse:
    blocks = csv_blocks(queries.COLUMNS, _cells(rows))
    if kind is actions.FileForm.JSONL:
        blocks = _json_lines(rows)
    response = StreamingHttpResponse(_Blocks(blocks, rows), content_type=TYPES[kind.value])
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["Cache-Control"] = "no-store"
    return response


def _cells(rows: Snapshot) -> Iterator[Sequence[object]]:
    for at, *cells in rows:
        yield [at.isoformat(), *cells]


def _json_lines(rows: Snapshot) -> Iterator[bytes]:
    block = bytearray()
    for *cells, details in rows:
        named = dict(zip(queries.COLUMNS, cells, strict=False))
        block += msgspec.json.encode({**named, "details": msgspec.Raw(details.encode())}) + b"\n"
        if len(block) > BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def _page(request: ActorRequest, wanted: Search, *, oldest_first: bool) -> Page[AuditEntry]:
    text = request.GET.get("cursor", "")
    try:
        cursor: Cursor | None = decode(text) if text else None
        return queries.list_entries(
            request.actor, wanted, cursor=cursor, oldest_first=oldest_first
        )
    except BadCursor as foreign:
        raise Http404 from foreign


def _rows(request: ActorRequest, entries: Sequence[AuditEntry]) -> list[Row]:
    merchants = queries.merchant_names(request.actor, entries)
    people = queries.person_names(entries)
    return [
        Row(
            url=reverse("audit:entry", args=[f"{timezone.localtime(e.at, UTC):%Y-%m-%d}", e.pk]),
            at=e.at,
            title=str(EVENTS[e.event][0]) if e.event in EVENTS else e.event,
            event=e.event,
            who=people.get(e.actor_label, e.actor_label),
            role=str(CODES.get(e.actor_role, e.actor_role)),
            subject=e.subject_label or e.subject_id,
            subject_kind=subject_of(kind_of(e.subject_type)),
            merchant=merchants[e.merchant_id].code if e.merchant_id in merchants else "",
            outcome=e.outcome,
            outcome_label=str(Outcome(e.outcome).label),
            via=str(Via(e.via).label),
        )
        for e in entries
    ]


def _subject_url(entry: AuditEntry) -> str:
    page = PAGES.get(entry.subject_type)
    return reverse(page, args=[entry.subject_label]) if page and entry.subject_label else ""


def _links(entry: AuditEntry, *, who: str) -> list[Link]:
    """Offer what a reader asks next: the same subject, the same person, the same request."""
    here = reverse("audit:search")
    links = []
    if entry.subject_id:
        same = {"subject_type": kind_of(entry.subject_type), "subject": entry.subject_id}
        words = urlencode({**same, "rows": "on", "period": "365"})
        links.append(Link(_("Everything about this subject"), f"{here}?{words}"))
    person = urlencode({"actor": who, "period": "30"})
    links.append(Link(_("Everything by this person"), f"{here}?{person}"))
    if entry.request_id:
        request = urlencode({"q": entry.request_id, "rows": "on", "period": "365"})
        links.append(Link(_("Everything in this request"), f"{here}?{request}"))
    return links


def _periods(query: QueryDict, here: str) -> list[Link]:
    dated = query.get("since") or query.get("until")
    now = "" if dated else query.get("period") or "7"
    keys = {"today": "d t", "7": "d 7", "30": "d 3"}
    return [
        Link(
            str(words),
            _with(query, here, period="" if code == "7" else code, since="", until=""),
            code == now,
            keys.get(code, ""),
        )
        for code, (_days, words) in PERIODS.items()
    ]


def _canonical(query: QueryDict) -> QueryDict:
    """Return the query sorted, with nothing empty."""
    tidy = QueryDict(mutable=True)
    for name in sorted(query):
        values = [value for value in query.getlist(name) if value]
        if values:
            tidy.setlist(name, values)
    return tidy


def _with(query: QueryDict, path: str, **changed: str) -> str:
    """Return the address of a list with some parameters changed, from its first page."""
    copy = query.copy()
    for name, value in {**changed, "cursor": ""}.items():
        copy[name] = value
    tidy = _canonical(copy)
    return f"{path}?{tidy.urlencode()}" if tidy else path
