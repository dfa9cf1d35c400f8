"""The stores and terminals that a merchant's people can filter by."""

from merchants.profiles.models import Store
from portal.kit.actor import Actor
from terminals.fleet.models import Terminal

MOST_CHOICES = 40


def list_stores(actor: Actor) -> list[tuple[str, str]]:
    """Return code and name of the actor's stores."""
    stores = Store.objects.visible_to(actor).order_by("code", "id")
    return list(stores.values_list("code", "name")[:MOST_CHOICES])


def list_serials(actor: Actor) -> list[str]:
    """Return the serials of the actor's terminals; none when they are too many for a menu."""
    terminals = Terminal.objects.visible_to(actor).order_by("serial", "id")
    serials = list(terminals.values_list("serial", flat=True)[: MOST_CHOICES + 1])
    return serials if len(serials) <= MOST_CHOICES else []
