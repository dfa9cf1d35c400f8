"""What a request asks of the list: filter, order, page, view, columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from urllib.parse import urlencode

from django.http import Http404, QueryDict
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import SavedView
from portal.accounts.queries import find_list_preference, list_saved_views
from portal.kit.actor import Actor
from portal.kit.http import ActorRequest
from portal.kit.paging import BadCursor, Cursor, decode
from portal.kit.scope import through_gate
from transactions.records.rules import columns as column_rules
from transactions.records.rules.columns import Column
from transactions.records.rules.filters import PARAMETERS, Asked, parse

LIST_NAME = "transactions"
RISING = "at"
# slug: the query it stands for
BUILT_IN = {
    "declined": "status=DECLINED",
    "given-back": "kind=REFUND&kind=VOID",
    "large": "min=1000",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One request understood; ``view`` is the slug of the saved view it opens."""

    actor: Actor
    asked: Asked
    cursor: Cursor | None
    ascending: bool
    exact: bool
    view: str
    views: Sequence[SavedView]
    columns: tuple[Column, ...]
    compact: bool
    today: date

    @property
    def staff(self) -> bool:
        """Whether one of our own people asks."""
        return self.actor.merchant_id is None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The canonical parameters, without the page."""
        pairs = [("view", self.view)] if self.view else list(self.asked.parameters)
        if self.ascending:
            pairs.append(("sort", RISING))
        if self.exact:
            pairs.append(("totals", "exact"))
        return sorted(pairs)

    @property
    def url(self) -> str:
        """The one address of this list."""
        return address("transactions:list", self.pairs)

    @property
    def is_live(self) -> bool:
        """Whether new transactions would appear on this page: the first, newest first."""
        return self.cursor is None and not self.ascending and not self.asked.filter.is_exact


def address(name: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Write the address of a page of ours with its parameters."""
    path = _path(name)
    return f"{path}?{urlencode(pairs)}" if pairs else path


@cache
def _path(name: str) -> str:
    return reverse(name)


def understand(request: ActorRequest, query: QueryDict | None = None) -> Question:
    """Read the query of a request.

    :raises Http404: if its page was not issued by us
    """
    actor, given = request.actor, query if query is not None else request.GET
    today = timezone.localdate()
    with through_gate():  # once for both
        views = list_saved_views(actor, LIST_NAME)
        preference = find_list_preference(actor, LIST_NAME)
    filters = own_parameters(given, actor)
    slug = "" if filters else given.get("view", "")
    saved = next((view for view in views if view.slug == slug), None)
    stored = saved.query if saved else BUILT_IN.get(slug, "")
    asked = parse(filters or own_parameters(QueryDict(stored), actor), today=today)
    chosen = (saved.columns if saved else []) or (preference.columns if preference else [])
    return Question(
        actor=actor,
        asked=asked,
        cursor=_cursor(given.get("cursor", "")),
        ascending=given.get("sort") == RISING,
        exact=given.get("totals") == "exact",
        view=slug if stored else "",
        views=views,
        columns=column_rules.shown(chosen, staff=actor.merchant_id is None),
        compact=bool(preference and preference.compact),
        today=today,
    )


def own_parameters(given: QueryDict, actor: Actor) -> dict[str, list[str]]:
    """Return the parameters of the filter; a merchant's people need not name their merchant."""
    left_out = {"merchant"} if actor.merchant_id is not None else set()
    return {
        name: values
        for name, values in given.lists()
        if name in PARAMETERS and name not in left_out and any(text.strip() for text in values)
    }


def _cursor(text: str) -> Cursor | None:
    if not text:
        return None
    try:
        return decode(text)
    except BadCursor as foreign:
        raise Http404 from foreign
