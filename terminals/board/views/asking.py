"""What a request asks of the fleet list: filter, order, page, view, columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.http import Http404, QueryDict
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import SavedView
from portal.accounts.queries import find_list_preference, list_saved_views
from portal.kit.actor import Actor
from portal.kit.http import ActorRequest
from portal.kit.paging import BadCursor, Cursor, decode
from terminals.board import queries
from terminals.board.forms import FleetFilters
from terminals.board.queries import Wanted
from terminals.board.rules import shown_columns

LIST_NAME = "terminals"
RISING, FALLING = SORTS = ("serial", "-serial")


@dataclass(frozen=True, slots=True)
class Question:
    """One request understood; ``view`` is the slug of the saved view that it opens."""

    actor: Actor
    form: FleetFilters
    wanted: Wanted
    query: QueryDict
    cursor: Cursor | None
    sort: str
    view: str
    views: Sequence[SavedView]
    columns: dict[str, bool]
    compact: bool
    today: date

    @property
    def staff(self) -> bool:
        """Whether one of our own people asks."""
        return self.actor.merchant_id is None

    @property
    def url(self) -> str:
        """The one address of this list, on its first page."""
        return address(QueryDict(f"view={self.view}")) if self.view else address(self.query)


def understand(request: ActorRequest) -> Question:
    """Read the query of a request.

    :raises Http404: if its page was not issued by us
    """
    actor = request.actor
    views = list_saved_views(actor, LIST_NAME)
    slug = request.GET.get("view", "")
    saved = next((view for view in views if view.slug == slug), None)
    own = QueryDict(address(request.GET, leave=("view",)).partition("?")[2])
    query = QueryDict(saved.query) if saved and not own else own
    form = FleetFilters(
        query,
        models=queries.list_models(actor),
        stores=queries.list_stores(actor),
        staff=actor.merchant_id is None,
    )
    kept = find_list_preference(actor, LIST_NAME)
    chosen = (saved.columns if saved else []) or (kept.columns if kept else [])
    return Question(
        actor=actor,
        form=form,
        wanted=form.wanted(),
        query=query,
        cursor=_cursor(request.GET.get("cursor", "")),
        sort=query.get("sort", "") if query.get("sort", "") in SORTS else RISING,
        view=slug if saved and not own else "",
        views=views,
        columns=shown_columns(chosen, staff=actor.merchant_id is None),
        compact=bool(kept and kept.compact),
        today=timezone.localdate(),
    )


def address(query: QueryDict, *, leave: Sequence[str] = (), **changes: str) -> str:
    """Write the address of a list: sorted, nothing empty, nothing that is the usual."""
    pairs = [
        (name, value)
        for name, values in query.lists()
        if name not in ("cursor", *leave, *changes)
        for value in values
    ]
    tidy = QueryDict(mutable=True)
    for name, value in sorted({*pairs, *changes.items()}):
        if value.strip() and (name, value) != ("sort", RISING):
            tidy.appendlist(name, value)
    here = reverse("terminals:list")
    return f"{here}?{tidy.urlencode()}" if tidy else here


def _cursor(text: str) -> Cursor | None:
    try:
        return decode(text) if text else None
    except BadCursor as bad:
        raise Http404 from bad
