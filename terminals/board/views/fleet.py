"""The fleet at a glance: the list of terminals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from portal.accounts.roles import ROLES
from portal.kit.actor import Actor
from portal.kit.charts import Part, Tone
from portal.kit.http import ActorRequest
from portal.kit.paging import BadCursor
from portal.templatetags.lists import Tab
from terminals.board import queries
from terminals.board.rules import ALWAYS
from terminals.board.views.asking import FALLING, LIST_NAME, RISING, Question, address, understand
from terminals.presence.models import Link

LINKS: dict[Link, Tone] = {
    Link.ONLINE: "ok",
    Link.LATE: "warn",
    Link.OFFLINE: "bad",
    Link.MISSING: "bad",
    Link.NEVER: "mute",
}
HEADS = {
    "serial": gettext_lazy("Serial number"),
    "terminal_no": gettext_lazy("Terminal number"),
    "merchant": gettext_lazy("Merchant"),
    "store": gettext_lazy("Store"),
    "status": gettext_lazy("Status"),
    "link": gettext_lazy("Link"),
    "sign_in": gettext_lazy("Last sign-in"),
    "model": gettext_lazy("Model"),
    "battery": gettext_lazy("Battery"),
    "network": gettext_lazy("Network"),
    "firmware": gettext_lazy("Firmware"),
}
# What each is called, what it asks for, and which of TabCounts is its number.
BUILT_IN = (
    (gettext_lazy("All"), "", "all"),
    (gettext_lazy("Not signed in today"), "signed_in=no&status=ACTIVE", "not_signed_in"),
    (gettext_lazy("Offline"), "link=MISSING&link=OFFLINE", "offline"),
    (gettext_lazy("Suspended"), "status=SUSPENDED", "suspended"),
    (gettext_lazy("To be activated"), "status=ALLOCATED&status=ENROLLED", "to_activate"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One column in the column chooser."""

    key: str
    label: str
    shown: bool


@require_GET
def fleet(request: ActorRequest) -> HttpResponse:
    """List the terminals that the reader may see.

    :raises Http404: if the page asked for was not issued by us
    """
    question = understand(request)
    try:
        context = _context(question)
    except BadCursor as bad:
        raise Http404 from bad
    if not request.htmx:
        return render(request, "terminals/board/list.html", context)
    context["swapped"] = True
    response = render(request, "terminals/board/_list.html", context)
    response["HX-Push-Url"] = question.url
    return response


def _context(question: Question) -> dict[str, Any]:
    actor, wanted, today = question.actor, question.wanted, question.today
    page = queries.list_terminals(
        actor,
        wanted,
        today=today,
        language=get_language() or "",
        cursor=question.cursor,
        descending=question.sort == FALLING,
    )
    links = queries.count_by_link(actor, wanted, today=today)
    return {
        "here": address(QueryDict()),
        "form": question.form,
        "page": page,
        "rows": page.rows,
        "sort": question.sort,
        "keep": [("sort", question.sort)] if question.sort != RISING else [],
        "links": _parts(links, question.query),
        "total": sum(links.values()),
        "filtered": wanted.anything,
        "staff": question.staff,
        "may_provision": actor.may("terminal.provision"),
        "show": question.columns,
        "choices": _choices(question),
        "density": "compact" if question.compact else "normal",
        **_views(question),
    }


def _parts(links: Mapping[Link, int], query: QueryDict) -> list[Part]:
    return [
        Part(str(link.label), links[link], tone, address(query, link=link.value))
        for link, tone in LINKS.items()
    ]


def _choices(question: Question) -> list[Choice]:
    return [
        Choice(key, str(HEADS[key]), shown)
        for key, shown in question.columns.items()
        if key not in ALWAYS and (question.staff or key != "merchant")
    ]


def _views(question: Question) -> dict[str, object]:
    now = question.url
    counts = queries.count_tabs(question.actor, today=question.today)
    built_in = [
        Tab(str(label), url := address(QueryDict(asked)), url == now, getattr(counts, count))
        for label, asked, count in BUILT_IN
    ]
    kept = [
        Tab(view.name, address(QueryDict(f"view={view.slug}")), view.slug == question.view)
        for view in question.views
    ]
    return {
        "list_name": LIST_NAME,
        "tabs": built_in + kept,
        "own_views": [view for view in question.views if view.user_id == question.actor.id],
        "saved_query": address(question.query).partition("?")[2],
        "saved_columns": [key for key, shown in question.columns.items() if shown],
        "roles": _roles(question.actor),
        "swapped": False,
    }


def _roles(actor: Actor) -> list[tuple[str, str]]:
    """Name the roles that a view can be shared with: those of one's own house."""
    ours = actor.merchant_id is None
    sharing = [card for card in ROLES.values() if card.is_staff == ours]
    return [("", _("Nobody else")), *((card.code, card.name) for card in sharing)]
