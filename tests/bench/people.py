"""Signs people in to the product and writes cursors, before anything is timed.

Runs inside the product's process, which the harness asks to call it (see ``pages``).
"""

from __future__ import annotations

from datetime import datetime

from django.db.transaction import atomic
from django.test import Client
from django.utils import timezone

from merchants.staff.models import Membership
from portal.accounts.models import Role, User
from portal.kit.paging import Cursor, encode
from portal.kit.scope import WORKER, acting_as, through_gate
from tests.bench.fill import LARGEST_MERCHANT
from tests.door import open_session


def person(name: str, *, role: str, merchant_id: int | None, now: datetime) -> User:
    """Return somebody who works for us, or owns a merchant; made on first use."""
    with through_gate():
        if found := User.objects.filter(username=name).first():
            return found
        user = User(
            username=name,
            display_name=name.title(),
            role=role if merchant_id is None else "",
            created_at=now,
            password_changed_at=now,
        )
        user.set_unusable_password()
        user.save()
    if merchant_id is not None:
        Membership.objects.create(user=user, merchant_id=merchant_id, role=role, created_at=now)
    return user


def cookie_of(user: User) -> str:
    """Sign somebody in with both factors and return the Cookie header."""
    client = Client()
    open_session(client, user)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


def sign_in() -> dict[str, str]:
    """Return the cookies of an owner of the largest merchant and of a compliance officer."""
    now = timezone.now()
    with acting_as(WORKER), atomic():
        owner = person("bench-owner", role=Role.OWNER, merchant_id=LARGEST_MERCHANT, now=now)
        officer = person("bench-officer", role=Role.COMPLIANCE, merchant_id=None, now=now)
        return {"owner": cookie_of(owner), "compliance": cookie_of(officer)}


def cursors(*, keys: list[list[object]]) -> list[str]:
    """Write places in a list as our own pages write them."""
    return [encode(Cursor(tuple(map(str, place)))) for place in keys]
