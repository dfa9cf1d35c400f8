"""Looks that the audit log must know of."""

from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode

from django.db.transaction import atomic

from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.limits.actions import take
from transactions.records.rules.filters import Asked

# The same person asking for the same card again within the hour is still the same look.
SAME_LOOK_SECONDS = 3600
UNLIMITED = 2_000_000_000


def note_card_search(*, actor: Actor, asked: Asked, now: datetime) -> bool:
    """Leave one entry for a search by card, however many pages of it are turned.

    Returns whether this was a new look.

    :raises MissingPermission: if the actor may not see transactions
    """
    actor.require("transaction.read")
    if not asked.filter.last4:
        return False
    with atomic():
        return _note(actor, urlencode(asked.parameters), now)


def _note(actor: Actor, words: str, now: datetime) -> bool:
    look = sha256(f"{actor.key}|{actor.session_id}|{words}".encode()).hexdigest()
    uses = take(
        name="card_search", key=look, limit=UNLIMITED, window_seconds=SAME_LOOK_SECONDS, now=now
    )
    if uses > 1:
        return False
    record(actor, "transaction.searched_by_card", "transactions", now=now, filter=words)
    return True
