"""The tabs above the list: built-in views, one's own, those that were shared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _

from portal.accounts.models import SavedView
from transactions.records.models import MONEY_OUT, Status
from transactions.records.queries import sums
from transactions.records.rules.filters import Asked, parse
from transactions.records.views.asking import BUILT_IN, Question, address


@dataclass(frozen=True, slots=True)
class Tab:
    """One view of the list."""

    label: str
    url: str
    active: bool
    count: int | None = None


def tabs_of(question: Question) -> list[Tab]:
    """Return every view the reader can open; counts are those of the usual period."""
    counts = _counts(question)
    names = {
        "": _("All"),
        "declined": _("Declined"),
        "given-back": _("Refunds and voids"),
        "large": _("¥1,000 and over"),
    }
    built_in = [
        Tab(name, _url(slug), _is_open(question, slug, BUILT_IN.get(slug, "")), counts.get(slug))
        for slug, name in names.items()
    ]
    kept = [
        Tab(view.name, _url(view.slug), _is_open(question, view.slug, view.query))
        for view in question.views
    ]
    return built_in + kept


def own_views(question: Question) -> list[SavedView]:
    """Return the views that the reader may delete."""
    return [view for view in question.views if view.user_id == question.actor.id]


def _counts(question: Question) -> Mapping[str, int]:
    """Count for a merchant; over all merchants it would cost more than it tells."""
    if question.staff:
        return {}
    usual = parse({}, today=question.today).filter
    cells = sums.count_by_kind_and_status(question.actor, usual).items()
    return {
        "": sum(rows for _cell, rows in cells),
        "declined": sum(rows for (_kind, status), rows in cells if status == Status.DECLINED),
        "given-back": sum(rows for (kind, _status), rows in cells if kind in MONEY_OUT),
    }


def _is_open(question: Question, slug: str, query: str) -> bool:
    if question.view or not question.asked.parameters:
        return question.view == slug
    return bool(query) and _asked(query, question).parameters == question.asked.parameters


def _asked(query: str, question: Question) -> Asked:
    given: Iterable[tuple[str, Sequence[str]]] = QueryDict(query).lists()
    return parse(dict(given), today=question.today)


def _url(slug: str) -> str:
    return address("transactions:list", [("view", slug)] if slug else [])
