"""What the list's templates are given."""

from datetime import date, timedelta
from urllib.parse import urlencode

from django.forms import BoundField
from django.http import QueryDict
from django.utils.translation import gettext as _

from portal.accounts.roles import ROLES
from portal.kit.actor import Actor
from portal.kit.http import ActorRequest
from transactions.records.forms import FilterForm
from transactions.records.queries import places, sums
from transactions.records.queries import rows as row_queries
from transactions.records.rules import columns as column_rules
from transactions.records.rules.filters import DEFAULT_DAYS, Filter
from transactions.records.views import cells, tabs
from transactions.records.views.asking import LIST_NAME, Question, address

PULSE_DAYS = 2
MORE_TEXTS = ("store", "operator")
MORE_CHOICES = ("card_type", "entry_mode")


def canonical(question: Question) -> QueryDict:
    """Return the canonical query, for tags that build on the address of the page."""
    return QueryDict(urlencode(question.pairs))


def list_context(request: ActorRequest, question: Question) -> dict[str, object]:
    """Ask for the page and its sums, and dress the answers.

    :raises BadCursor: if the page is not one of this list
    """
    actor, asked = question.actor, question.asked
    page = row_queries.list_transactions(
        actor, asked.filter, question.cursor, ascending=question.ascending
    )
    return {
        **_filters(question, request.GET),
        **_columns(question),
        **_addresses(question),
        "page": page,
        "body": cells.rows_html(page.rows, question.columns),
        "summary": sums.summarise(actor, asked.filter, exact=question.exact),
        **({} if page.rows else _emptiness(question)),
        "current": "at" if question.ascending else "-at",
        "views": tabs.tabs_of(question),
        "own_views": tabs.own_views(question),
        "may_export": actor.may("transaction.export"),
        "days": DEFAULT_DAYS,
        "swapped": False,
    }


def mark(actor: Actor, wanted: Filter, *, today: date) -> int:
    """Return the number that tells whether anything came in since.

    A merchant's people hear of every day of the list, our own people of the last few: over
    all merchants the rest would cost more than it tells.
    """
    last = today - timedelta(days=PULSE_DAYS)
    if actor.merchant_id is None:
        return sums.watermark(actor, wanted, since=last)
    return sums.watermark(actor, wanted, since=wanted.since or last)


def _filters(question: Question, given: QueryDict) -> dict[str, object]:
    form = FilterForm(
        question.asked,
        given,
        staff=question.staff,
        stores=[] if question.staff else places.list_stores(question.actor),
        serials=[] if question.staff else places.list_serials(question.actor),
    )
    return {
        "form": form,
        "problems": [
            (form.fields[name].label if name in form.fields else "", error)
            for name, errors in form.errors.items()
            for error in errors
        ],
        "more_texts": [form[name] for name in MORE_TEXTS],
        "more_choices": [_options(form[name]) for name in MORE_CHOICES],
        "dates_count": sum(bool(form.data.get(n)) for n in ("period", "from", "to")) or "",
        "more_count": sum(bool(form.data.get(n)) for n in MORE_TEXTS + MORE_CHOICES) or "",
        "keep": [("sort", "at")] if question.ascending else [],
        "filtered": bool(question.asked.parameters),
        "roles": _roles(staff=question.staff),
    }


def _options(bound: BoundField) -> tuple[str, str, list[tuple[str, str, bool]]]:
    """Return name, label and choices of a field; a widget would take ten times as long."""
    chosen = set(bound.value() or ())
    choices = bound.field.choices  # type: ignore[attr-defined]
    return bound.name, str(bound.label), [(v, str(label), v in chosen) for v, label in choices]


def _roles(*, staff: bool) -> list[tuple[str, str]]:
    """Return whom a saved view can be shared with."""
    cards = [card for card in ROLES.values() if card.is_staff == staff]
    return [("", _("Nobody else")), *((card.code, card.name) for card in cards)]


def _emptiness(question: Question) -> dict[str, object]:
    """Tell a page without rows why: nothing ever, or nothing in these days."""
    last_day = sums.find_last_day(question.actor, question.asked.filter)
    if last_day is None:
        return {"last_day": None}
    first = last_day - timedelta(days=DEFAULT_DAYS - 1)
    pairs = [("from", first.isoformat()), ("to", last_day.isoformat())]
    return {"last_day": last_day, "last_url": address("transactions:list", pairs)}


def _columns(question: Question) -> dict[str, object]:
    offered = column_rules.offered(staff=question.staff)
    return {
        "heads": cells.heads(question.columns),
        "choices": cells.choices(offered, question.columns),
        "density": "compact" if question.compact else "normal",
        "list_name": LIST_NAME,
    }


def _addresses(question: Question) -> dict[str, object]:
    pairs = question.pairs
    # the pulse carries the filter itself, so that it need not look up a saved view
    pulse = list(question.asked.parameters)
    now = mark(question.actor, question.asked.filter, today=question.today)
    return {
        "export_url": address("transactions:export", pairs),
        "export_shown_url": address("transactions:export", [*pairs, ("columns", "shown")]),
        "exact_url": address("transactions:list", [*pairs, ("totals", "exact")]),
        "query": urlencode(question.asked.parameters),
        "live_url": address("transactions:newest", [*pulse, ("mark", str(now))])
        if question.is_live
        else "",
    }
