"""Questions about who works for a merchant."""

from merchants.staff.models import Membership
from portal.accounts.actor import Seat
from portal.kit import planned
from portal.kit.actor import Actor

# Asked by every page of a merchant's people.
SEAT = """
select seat.role, seat.merchant_id, house.name, house.name_en, house.status
  from merchants_membership seat join merchants_merchant house on house.id = seat.merchant_id
 where seat.user_id = %s
"""


def find_seat(user_id: int) -> Seat | None:
    """Find a person's place in a merchant (settings.MEMBERSHIP_QUERY).

    It is asked before there is an actor, by the gate, which may read memberships.
    """
    found = planned.ask(SEAT, [user_id])
    return Seat(*found[0]) if found else None


def list_members(actor: Actor) -> list[Membership]:
    """List the people of the merchants that the actor may see."""
    return list(Membership.objects.visible_to(actor).order_by("pk"))
