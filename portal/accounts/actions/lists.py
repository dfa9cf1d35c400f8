"""Saved views of lists."""

from datetime import datetime

from django.db.transaction import atomic

from portal.accounts.actor import person_id
from portal.accounts.models import SavedView
from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.ids import random_code
from portal.kit.scope import through_gate

SLUG_LENGTH = 8
MOST_VIEWS = 50


class TooManyViews(Exception):
    """A person keeps at most fifty views of one list."""


def save_view(
    list_name: str,
    *,
    name: str,
    query: str,
    columns: list[str],
    shared_with_role: str,
    actor: Actor,
    now: datetime,
) -> SavedView:
    """Keep the present filters, columns and order of a list under a name.

    The same name again replaces what it stood for.

    :raises TooManyViews: if the actor keeps fifty already
    """
    owner = person_id(actor)
    with through_gate(), atomic():
        mine = SavedView.objects.filter(user_id=owner, list_name=list_name)
        view = mine.filter(name=name).first()
        if view is None:
            if mine.count() >= MOST_VIEWS:
                raise TooManyViews
            view = SavedView(
                user_id=owner,
                list_name=list_name,
                name=name,
                created_at=now,
                slug=random_code(SLUG_LENGTH).lower(),
                merchant_id=actor.merchant_id,
            )
        view.query, view.columns, view.shared_with_role = query, columns, shared_with_role
        view.save()
    record(actor, "view.saved", view, now=now, list=list_name, name=name)
    return view


def delete_view(list_name: str, slug: str, *, actor: Actor, now: datetime) -> None:
    """Forget one of the actor's own views.

    :raises SavedView.DoesNotExist: if the actor has no such view
    """
    owner = person_id(actor)
    with through_gate():
        view = SavedView.objects.get(user_id=owner, list_name=list_name, slug=slug)
        SavedView.objects.filter(pk=view.pk).delete()
    record(actor, "view.deleted", view, now=now, list=list_name, name=view.name)
