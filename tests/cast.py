"""The same people in every test.

Lin owns Noodle House and Mei is its cashier; Wu owns Tea House and must never see
anything of Noodle House; Olga operates; Carol is compliance.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.transaction import atomic
from django.test import Client

from merchants.profiles.models import Merchant, Store
from merchants.staff.models import Membership
from portal.accounts.actor import actor_of
from portal.accounts.models import Role, User
from portal.kit.actor import Actor, ActorKind
from portal.kit.scope import through_gate
from tests.door import open_session

BORN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse 7 battery"
SYSTEM = Actor(kind=ActorKind.SYSTEM, label="system", via="TASK")

STAFF = {"olga": Role.OPERATOR, "carol": Role.COMPLIANCE, "ada": Role.AUDITOR, "ron": Role.ADMIN}
PEOPLE = {
    "lin": (Role.OWNER, "noodle"),
    "max": (Role.MANAGER, "noodle"),
    "mei": (Role.CASHIER, "noodle"),
    "fay": (Role.FINANCE, "noodle"),
    "wu": (Role.OWNER, "tea"),
}


@dataclass(frozen=True)
class Cast:
    """The people and their merchants."""

    users: dict[str, User]
    noodle: Merchant
    tea: Merchant
    noodle_store: Store
    tea_store: Store

    def user(self, name: str) -> User:
        """One person."""
        return self.users[name]

    def actor(self, name: str) -> Actor:
        """One person as an actor who has just proven itself for everything."""
        with atomic():
            return actor_of(self.users[name], proven=True)


@atomic
def assemble() -> Cast:
    """Make everybody."""
    noodle = Merchant.objects.create(
        code="M1000000001", name="面馆", name_en="Noodle House", created_at=BORN
    )
    tea = Merchant.objects.create(
        code="M1000000002", name="茶馆", name_en="Tea House", created_at=BORN
    )
    store = Store.objects.create(merchant=noodle, code="S1", name="静安店")
    other = Store.objects.create(merchant=tea, code="S1", name="徐汇店")
    users = {name: _person(name, role) for name, role in STAFF.items()}
    for name, (role, house) in PEOPLE.items():
        users[name] = _person(name, "")
        merchant = noodle if house == "noodle" else tea
        Membership.objects.create(user=users[name], merchant=merchant, role=role, created_at=BORN)
    return Cast(users, noodle, tea, store, other)


def _person(name: str, role: str) -> User:
    user = User(
        username=name,
        display_name=name.title(),
        role=role,
        language="en",
        created_at=BORN,
        password_changed_at=BORN,
    )
    user.set_password(PASSWORD)
    with through_gate():
        user.save()
    return user


def signed_in(user: User) -> Client:
    """A client whose session has passed both factors."""
    client = Client()
    open_session(client, user)
    return client
