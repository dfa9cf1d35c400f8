"""One transaction, with what it followed and what followed it."""

from dataclasses import dataclass
from datetime import datetime

from portal.kit.actor import Actor
from terminals.presence.models import Liveness
from transactions.records.models import MONEY_IN, MONEY_OUT, Status, Transaction
from transactions.records.queries.rows import Row, fetch


@dataclass(frozen=True, slots=True)
class Detail:
    """A transaction, its original, its followers in time order, and the terminal's link.

    ``remaining_minor`` is what of a sale has not been given back, None for other kinds.
    """

    row: Row
    original: Row | None
    followers: tuple[Row, ...]
    remaining_minor: int | None
    link: str
    last_seen_at: datetime | None


def get_transaction(actor: Actor, reference: str) -> Detail:
    """Return the transaction with this public reference if the actor may see it.

    :raises Transaction.DoesNotExist: if there is none it may see
    """
    seen = Transaction.objects.visible_to(actor)
    found = fetch(seen.filter(reference=reference.upper()).order_by("-occurred_at", "-id")[:1])
    if not found:
        raise Transaction.DoesNotExist(reference)
    row = found[0]
    originals = (
        fetch(
            seen.filter(
                merchant_id=row.merchant_id, business_date=row.original_date, id=row.original_id
            )
        )
        if row.original_id and row.original_date
        else []
    )
    followers = fetch(
        seen.filter(
            merchant_id=row.merchant_id, original_date=row.business_date, original_id=row.id
        )
    )
    followers.sort(key=lambda follower: (follower.occurred_at, follower.id))
    link, last_seen_at = _heard(actor, row.terminal_id)
    return Detail(
        row=row,
        original=originals[0] if originals else None,
        followers=tuple(followers),
        remaining_minor=_remaining(row, followers),
        link=link,
        last_seen_at=last_seen_at,
    )


def _remaining(row: Row, followers: list[Row]) -> int | None:
    """Return what of an approved sale has not been given back, in minor units."""
    if row.kind not in MONEY_IN or row.status != Status.APPROVED:
        return None
    return row.amount_minor + sum(f.net_minor for f in followers if f.kind in MONEY_OUT)


def _heard(actor: Actor, terminal_id: int) -> tuple[str, datetime | None]:
    lives = Liveness.objects.visible_to(actor).filter(pk=terminal_id)
    return lives.values_list("link", "last_seen_at").first() or ("", None)
