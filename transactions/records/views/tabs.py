"""The tabs above the list: built-in views, one's own, those that were shared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from django.http import QueryDict
from django.utils.translation import gettext as _

from portal.templatetags.lists import Tab
from transactions.records.rules.filters import parse
from transactions.records.views.asking import BUILT_IN, Question, address


@dataclass(frozen=True, slots=True)
class OwnView:
    """A view that the reader may delete."""

    slug: str
    name: str


def tabs_of(question: Question, counts: Mapping[str, int]) -> tuple[Tab, ...]:
    """Return every view the reader can open; counts are those of the usual period."""
    names = {
        "": _("All"),
        "declined": _("Declined"),
        "given-back": _("Refunds and voids"),
        "large": _("¥1,000 and over"),
    }
    built_in = tuple(
        Tab(name, _url(slug), _is_open(question, slug, BUILT_IN.get(slug, "")), counts.get(slug))
        for slug, name in names.items()
    )
    kept = tuple(
        Tab(view.name, _url(view.slug), _is_open(question, view.slug, view.query))
        for view in question.views
    )
    return built_in + kept


def own_views(question: Question) -> tuple[OwnView, ...]:
    """Return the views that the reader may delete."""
    return tuple(
        OwnView(view.slug, view.name)
        for view in question.views
        if view.user_id == question.actor.id
    )


def _is_open(question: Question, slug: str, query: str) -> bool:
    if question.view or not question.asked.parameters:
        return question.view == slug
    return bool(query) and _parameters(query, question.today) == question.asked.parameters


@lru_cache(maxsize=256)
def _parameters(query: str, today: date) -> tuple[tuple[str, str], ...]:
    """Return what a view asks for as the list would write it."""
    given: Iterable[tuple[str, Sequence[str]]] = QueryDict(query).lists()
    return parse(dict(given), today=today).parameters


def _url(slug: str) -> str:
    return address("transactions:list", [("view", slug)] if slug else [])
