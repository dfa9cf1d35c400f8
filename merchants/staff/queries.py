"""Questions about who works for a merchant."""

from merchants.staff.models import Membership
from portal.accounts.actor import Seat
from portal.kit.actor import Actor


def find_seat(user_id: int) -> Seat | None:
    """Find a person's place in a merchant (settings.MEMBERSHIP_QUERY).

    It is asked before there is an actor, by the gate, which may read memberships.
    """
    found = (
        Membership.objects.filter(user_id=user_id)
        .values_list(
            "role", "merchant_id", "merchant__name", "merchant__name_en", "merchant__status"
        )
        .first()
    )
    return Seat(*found) if found else None


def list_members(actor: Actor) -> list[Membership]:
    """List the people of the merchants that the actor may see."""
    return list(Membership.objects.visible_to(actor).order_by("pk"))
