"""What the list's templates are given."""

from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import QueryDict

from portal.kit.actor import Actor
from portal.kit.http import ActorRequest
from transactions.records.queries import rows as row_queries
from transactions.records.queries import sums
from transactions.records.rules import columns as column_rules
from transactions.records.rules.filters import DEFAULT_DAYS, Filter
from transactions.records.views import cells, tabs
from transactions.records.views.asking import LIST_NAME, Question, address
from transactions.records.views.bar import Bar
from transactions.records.views.figures import Figures, since_when


def canonical(question: Question) -> QueryDict:
    """Return the canonical query, for tags that build on the address of the page."""
    return QueryDict(urlencode(question.pairs))


def list_context(request: ActorRequest, question: Question) -> dict[str, object]:
    """Ask for the page and its sums, and dress the answers.

    :raises BadCursor: if the page is not one of this list
    """
    actor, asked = question.actor, question.asked
    figures = Figures(question)
    # before the rows: what comes in while they are read makes the pulse show it
    addresses = _addresses(question, figures)
    page = row_queries.list_transactions(
        actor, asked.filter, question.cursor, ascending=question.ascending
    )
    return {
        "bar": Bar(question, request.GET),
        **_columns(question),
        **addresses,
        "page": page,
        "body": cells.rows_html(page.rows, question.columns),
        "summary": figures.summary(page),
        **({} if page.rows else _emptiness(question)),
        "current": "at" if question.ascending else "-at",
        "views": tabs.tabs_of(question, figures.tab_counts),
        "own_views": tabs.own_views(question),
        "may_export": actor.may("transaction.export"),
        "days": DEFAULT_DAYS,
        "swapped": False,
    }


def mark(actor: Actor, wanted: Filter, *, today: date) -> int:
    """Return the number that tells whether anything came in since."""
    return sums.watermark(actor, wanted, since=since_when(actor, wanted, today=today))


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


def _addresses(question: Question, figures: Figures) -> dict[str, object]:
    pairs = question.pairs
    # the pulse carries the filter itself, so that it need not look up a saved view
    pulse = list(question.asked.parameters)
    return {
        "page_url": question.url,
        "query_string": urlencode(pairs),
        "export_url": address("transactions:export", pairs),
        "export_shown_url": address("transactions:export", [*pairs, ("columns", "shown")]),
        "exact_url": address("transactions:list", [*pairs, ("totals", "exact")]),
        "query": urlencode(question.asked.parameters),
        "live_url": address("transactions:newest", [*pulse, ("mark", str(figures.mark))])
        if question.is_live
        else "",
    }
