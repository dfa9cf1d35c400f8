"""People given a place in a merchant, and operators of its terminals."""

from datetime import datetime

import pytest
from django.contrib.auth.hashers import check_password
from django.db import IntegrityError
from django.test import Client

from merchants.staff import actions, queries
from merchants.staff.models import Membership, TerminalOperator
from portal.accounts.actions import people
from portal.accounts.actor import Seat
from portal.accounts.models import Role
from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, ActorKind, MissingPermission
from tests.cast import Cast
from tests.door import open_session

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

MAKER = Actor(
    kind=ActorKind.SYSTEM,
    label="system",
    permissions=frozenset({"person.manage", "merchant.manage"}),
)
SECRET = "seven green kettles boil 4 us"


def said(event: str) -> list[tuple[str, dict[str, object]]]:
    rows = AuditEntry.objects.filter(event=event).order_by("at")
    return [(row.subject_label, row.details) for row in rows]


def test_a_person_gets_an_account_and_a_place(cast: Cast, noon: datetime) -> None:
    user = people.create_person(
        username=" Nina ", display_name="Nina", password=SECRET, actor=MAKER, now=noon
    )
    actions.add_member(user, cast.tea, role=Role.CASHIER, actor=MAKER, now=noon)

    tea = Seat("CASHIER", cast.tea.pk, "茶馆", "Tea House", "ACTIVE")
    assert queries.find_seat(user.pk) == tea
    assert (said("user.created"), said("membership.created")) == (
        [("nina", {"role": ""})],
        [("CASHIER", {"role": "CASHIER"})],
    )


def test_a_username_belongs_to_one_person(cast: Cast, noon: datetime) -> None:
    with pytest.raises(people.NameTaken):
        people.create_person(
            username="LIN", display_name="x", password=SECRET, actor=MAKER, now=noon
        )


def test_nobody_sits_in_two_merchants(cast: Cast, noon: datetime) -> None:
    with pytest.raises(actions.HasAPlace):
        actions.add_member(cast.user("lin"), cast.tea, role=Role.OWNER, actor=MAKER, now=noon)

    seat = queries.find_seat(cast.user("lin").pk)
    assert (seat and seat.merchant_id) == cast.noodle.pk


def test_a_role_that_is_no_merchants_is_not_called_a_second_place(
    cast: Cast, noon: datetime
) -> None:
    nina = people.create_person(
        username="nina", display_name="Nina", password=SECRET, actor=MAKER, now=noon
    )

    with pytest.raises(IntegrityError, match="membership_role_is_a_merchants"):
        actions.add_member(nina, cast.tea, role=Role.OPERATOR, actor=MAKER, now=noon)

    assert not Membership.objects.filter(user=nina).exists()
    assert said("membership.created") == []


def test_another_role_in_the_merchant_ends_the_sessions(
    client: Client, cast: Cast, noon: datetime
) -> None:
    open_session(client, cast.user("mei"))
    member = Membership.objects.get(user=cast.user("mei"))

    actions.change_member_role(member, role=Role.MANAGER, actor=MAKER, now=noon)

    assert client.get("/roles/").status_code == 302
    assert said("membership.changed") == [("MANAGER", {"role": "MANAGER"})]


def test_a_person_without_a_place_has_no_seat(cast: Cast) -> None:
    assert queries.find_seat(cast.user("olga").pk) is None


def test_people_see_the_members_of_their_own_merchant(cast: Cast) -> None:
    assert [m.role for m in queries.list_members(cast.actor("lin"))] == [
        "OWNER",
        "MANAGER",
        "CASHIER",
        "FINANCE",
    ]
    assert len(queries.list_members(cast.actor("olga"))) == 5


def test_an_operator_of_terminals_has_a_number_and_a_hashed_password(
    cast: Cast, noon: datetime
) -> None:
    made = actions.create_terminal_operator(
        cast.noodle, number="01", name="Mei", password="483920", actor=MAKER, now=noon
    )
    with pytest.raises(actions.NumberTaken):
        actions.create_terminal_operator(
            cast.noodle, number="01", name="x", password="483921", actor=MAKER, now=noon
        )

    assert check_password("483920", TerminalOperator.objects.get(pk=made.pk).password)
    assert said("terminal_operator.created") == [("01", {"number": "01"})]


@pytest.mark.parametrize("who", ["lin", "max", "mei", "fay", "wu", "olga", "carol", "ada"])
def test_nobody_but_an_administrator_gives_places(cast: Cast, who: str, noon: datetime) -> None:
    with pytest.raises(MissingPermission):
        actions.add_member(
            cast.user("ron"), cast.tea, role=Role.OWNER, actor=cast.actor(who), now=noon
        )
    with pytest.raises(MissingPermission):
        people.create_person(
            username="x", display_name="x", password=SECRET, actor=cast.actor(who), now=noon
        )
