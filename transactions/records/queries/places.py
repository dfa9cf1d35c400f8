"""The stores and terminals that a merchant's people can filter by."""

from dataclasses import dataclass

from portal.kit import planned
from portal.kit.actor import Actor

MOST_CHOICES = 40
PLACES = """
(select true, code, name from merchants_store where merchant_id = %s order by code, id limit %s)
union all
(select false, serial, '' from terminals_terminal
  where merchant_id = %s order by serial, id limit %s)
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Code and name of stores, and serials; no serials when they are too many for a menu."""

    stores: tuple[tuple[str, str], ...] = ()
    serials: tuple[str, ...] = ()


def list_places(actor: Actor) -> Places:
    """Return the choices of the actor's merchant; our own people type what they look for."""
    house = actor.merchant_id
    if house is None:
        return Places()
    found = planned.ask(PLACES, [house, MOST_CHOICES, house, MOST_CHOICES + 1])
    serials = tuple(code for is_store, code, _name in found if not is_store)
    return Places(
        tuple((code, name) for is_store, code, name in found if is_store),
        serials if len(serials) <= MOST_CHOICES else (),
    )
