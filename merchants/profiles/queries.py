"""Questions about merchants and their stores."""

from collections.abc import Collection

from django.db.models import Q

from merchants.profiles.models import Merchant, Store
from portal.kit.actor import Actor

MOST_FOUND = 20


def get_merchant(actor: Actor, code: str) -> Merchant:
    """Return the merchant with this number if the actor may see it.

    :raises Merchant.DoesNotExist: if there is none it may see
    """
    return Merchant.objects.visible_to(actor).get(code=code)


def find_merchants(actor: Actor, text: str) -> list[Merchant]:
    """Return up to 20 merchants by number or a part of the name; without text, the newest."""
    rows = Merchant.objects.visible_to(actor)
    if not text:
        return list(rows.order_by("-created_at", "code")[:MOST_FOUND])
    named = Q(code__istartswith=text) | Q(name__icontains=text) | Q(name_en__icontains=text)
    return list(rows.filter(named).order_by("code")[:MOST_FOUND])


def list_merchants_by_id(actor: Actor, keys: Collection[int]) -> list[Merchant]:
    """Return those of the merchants that the actor may see."""
    return list(Merchant.objects.visible_to(actor).filter(pk__in=keys))


def list_stores_of(actor: Actor, merchant: Merchant) -> list[Store]:
    """Return the stores of one merchant in order of their codes."""
    return list(Store.objects.visible_to(actor).filter(merchant=merchant).order_by("code"))
