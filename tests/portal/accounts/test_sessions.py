"""How sessions begin, change their key and end."""

from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from portal.accounts.actions import people, sessions
from portal.accounts.actor import actor_of
from portal.accounts.models import Role, User, UserSession
from portal.accounts.tasks import end_stale_sessions
from portal.audit.models import AuditEntry
from portal.kit.actor import MissingPermission
from portal.kit.scope import through_gate
from tests.cast import PASSWORD, SYSTEM, Cast
from tests.door import code_of, open_session

ENGLISH = {"Accept-Language": "en"}  # signed-out pages speak the browser's language

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

NEW_PASSWORD = "a fresh kettle 9 boils"
MANAGER = SYSTEM.__class__(
    kind=SYSTEM.kind, label="system", permissions=frozenset({"person.manage"})
)


def key_of(client: Client) -> str:
    return client.cookies["session"].value


def is_in(client: Client) -> bool:
    return client.get("/roles/").status_code == 200


def with_key(key: str) -> Client:
    client = Client()
    client.cookies["session"] = key
    return client


def shift(row: UserSession, **moments: timedelta) -> None:
    """Move moments of a session into the past."""
    with through_gate():
        UserSession.objects.filter(pk=row.pk).update(
            **{name: timezone.now() - ago for name, ago in moments.items()}
        )


def ended(row: UserSession) -> str:
    with through_gate():
        return UserSession.objects.get(pk=row.pk).ended_because


def test_a_key_from_before_is_not_taken_over(seed: bytes) -> None:
    planted = "a" * 32
    client = with_key(planted)

    client.post("/sign-in/", {"username": "lin", "password": PASSWORD})

    assert key_of(client) != planted
    assert with_key(planted).get("/sign-in/code/").status_code == 302


def test_the_key_changes_with_the_second_factor(client: Client, seed: bytes) -> None:
    client.post("/sign-in/", {"username": "lin", "password": PASSWORD})
    before, token = key_of(client), client.cookies["csrf"].value
    client.post("/sign-in/code/", {"code": code_of(seed)})

    assert key_of(client) != before
    assert client.cookies["csrf"].value != token
    assert (is_in(client), is_in(with_key(before))) == (True, False)


def test_the_key_changes_with_a_step_up(client: Client, owner: User, seed: bytes) -> None:
    open_session(client, owner)
    before = key_of(client)
    client.post(
        "/step-up/?permission=account.secure&next=/roles/", {"step_up_code": code_of(seed)}
    )

    assert key_of(client) != before
    assert (is_in(client), is_in(with_key(before))) == (True, False)


def test_a_request_under_the_former_key_takes_no_cookie_away(
    client: Client, owner: User, seed: bytes
) -> None:
    open_session(client, owner)
    late = with_key(key_of(client))
    client.post("/step-up/?permission=account.secure", {"step_up_code": code_of(seed)})

    assert "session" not in late.get("/roles/").cookies


@pytest.mark.parametrize(
    ("idle", "holds"), [(timedelta(minutes=14, seconds=59), True), (timedelta(minutes=15), False)]
)
def test_fifteen_idle_minutes_end_it(
    client: Client,
    owner: User,
    idle: timedelta,
    holds: bool,  # noqa: FBT001 - a table
) -> None:
    row = open_session(client, owner)
    shift(row, last_seen_at=idle)

    answer = client.get("/roles/")

    assert (answer.status_code, ended(row)) == ((200, "") if holds else (302, "IDLE"))
    if not holds:
        assert answer["Location"] == "/sign-in/?ended=idle&next=%2Froles%2F"
        assert "15 minutes" in client.get(answer["Location"], headers=ENGLISH).content.decode()
        assert answer.cookies["session"]["max-age"] == 0


def test_twelve_hours_end_it_however_busy(client: Client, owner: User) -> None:
    row = open_session(client, owner)
    shift(row, created_at=timedelta(hours=11, minutes=59))
    assert is_in(client)
    shift(row, created_at=timedelta(hours=12))

    assert (is_in(client), ended(row)) == (False, "ABSOLUTE")


def test_the_second_factor_must_follow_within_ten_minutes(client: Client, owner: User) -> None:
    row = open_session(client, owner, otp=False)
    shift(row, created_at=timedelta(minutes=10))

    answer = client.get("/sign-in/code/")

    assert (answer.status_code, ended(row)) == (302, "UNFINISHED")


def test_last_seen_is_written_once_a_minute(client: Client, owner: User) -> None:
    row = open_session(client, owner)

    def seen() -> datetime:
        client.get("/roles/")
        with through_gate():
            return UserSession.objects.get(pk=row.pk).last_seen_at

    assert seen() == row.last_seen_at
    shift(row, last_seen_at=timedelta(seconds=60))
    assert seen() > row.last_seen_at


def test_a_person_ends_one_of_their_sessions(client: Client, owner: User) -> None:
    other = Client()
    open_session(client, owner)
    row = open_session(other, owner)

    answer = client.post(f"/security/sessions/{row.pk}/end/")

    assert (answer.status_code, is_in(client)) == (302, True)
    told = other.get("/roles/")
    assert (told.status_code, ended(row)) == (302, "BY_OWNER")
    assert "from another device" in other.get(told["Location"], headers=ENGLISH).content.decode()


def test_nobody_ends_the_session_of_a_stranger(client: Client, cast: Cast) -> None:
    theirs = Client()
    open_session(client, cast.user("lin"))
    row = open_session(theirs, cast.user("wu"))

    assert client.post(f"/security/sessions/{row.pk}/end/").status_code == 404
    assert is_in(theirs)


def test_a_person_ends_all_other_sessions(client: Client, owner: User) -> None:
    others = [Client() for _ in range(3)]
    open_session(client, owner)
    for other in others:
        open_session(other, owner)

    client.post("/security/sessions/end-others/")

    assert (is_in(client), [is_in(other) for other in others]) == (True, [False] * 3)


def test_a_new_password_ends_the_other_sessions(client: Client, owner: User) -> None:
    other = Client()
    open_session(client, owner, proven=("account.secure",))
    open_session(other, owner)
    before = key_of(client)

    answer = client.post(
        "/security/password/",
        {"current": PASSWORD, "new": NEW_PASSWORD, "repeated": NEW_PASSWORD},
    )

    assert (answer.status_code, key_of(client) != before) == (302, True)
    assert (is_in(client), is_in(other)) == (True, False)


def test_closing_an_account_ends_its_sessions_at_once(client: Client, owner: User) -> None:
    row = open_session(client, owner)

    people.deactivate(owner, actor=MANAGER, now=timezone.now())

    assert (is_in(client), ended(row)) == (False, "DEACTIVATED")


def test_a_person_made_inactive_by_hand_is_out_at_the_next_click(
    client: Client, owner: User
) -> None:
    row = open_session(client, owner)
    with through_gate():
        User.objects.filter(pk=owner.pk).update(is_active=False)

    assert (is_in(client), ended(row)) == (False, "DEACTIVATED")


def test_another_role_ends_the_sessions(client: Client, cast: Cast) -> None:
    row = open_session(client, cast.user("olga"))

    people.change_role(cast.user("olga"), Role.AUDITOR, actor=MANAGER, now=timezone.now())

    assert (is_in(client), ended(row)) == (False, "ROLE_CHANGED")


def test_when_the_merchant_closes_its_people_are_out(client: Client, cast: Cast) -> None:
    row = open_session(client, cast.user("lin"))
    type(cast.noodle).objects.filter(pk=cast.noodle.pk).update(status="CLOSED")

    assert (is_in(client), ended(row)) == (False, "NO_PLACE")


@pytest.mark.parametrize("who", ["lin", "olga", "carol"])
def test_nobody_but_who_manages_people_closes_accounts(cast: Cast, who: str) -> None:
    with pytest.raises(MissingPermission):
        people.deactivate(
            cast.user("mei"), actor=actor_of(cast.user(who), proven=True), now=timezone.now()
        )


def test_the_sweep_ends_what_nobody_came_back_to(owner: User) -> None:
    now = timezone.now()
    rows = [open_session(Client(), owner) for _ in range(3)]
    shift(rows[0], last_seen_at=timedelta(minutes=20))
    shift(rows[1], created_at=timedelta(hours=13))

    assert end_stale_sessions() == {"ended": 2}
    assert [ended(row) for row in rows] == ["IDLE", "ABSOLUTE", ""]
    assert sessions.end_stale(now=now) == 0
    said = AuditEntry.objects.filter(event="session.ended").values_list("details", flat=True)
    assert sorted(entry["because"] for entry in said) == ["ABSOLUTE", "IDLE"]


def test_no_key_of_a_session_is_in_the_database(client: Client, owner: User) -> None:
    row = open_session(client, owner)

    with through_gate():
        kept = str(list(Session.objects.values())) + str(
            list(UserSession.objects.filter(pk=row.pk).values())
        )
    assert key_of(client) not in kept


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    client: Client, seed: bytes
) -> None:
    client.post("/sign-in/", {"username": "lin", "password": PASSWORD})
    cookie = client.cookies["session"]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
