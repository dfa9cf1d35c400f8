"""Accounts that nobody uses close; there is a way back; and a person has five sessions."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from portal.accounts.actions import people
from portal.accounts.actions.sessions import MOST_SESSIONS
from portal.accounts.models import AuthenticatorDevice, User, UserSession
from portal.accounts.tasks import close_unused_accounts
from portal.audit.models import AuditEntry
from portal.kit.actor import MissingPermission
from portal.kit.scope import through_gate
from tests.cast import PASSWORD, Cast
from tests.door import Clock, code_of, open_session

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

DAY = timedelta(days=1)


def aged(user: User, **ages: timedelta) -> None:
    with through_gate():
        User.objects.filter(pk=user.pk).update(
            **{name: timezone.now() - age for name, age in ages.items()}
        )


def open_accounts() -> set[str]:
    with through_gate():
        return set(User.objects.filter(is_active=True).values_list("username", flat=True))


def test_accounts_unused_for_ninety_days_close(cast: Cast) -> None:
    everybody = set(cast.users)
    for name in everybody:
        aged(cast.user(name), last_login=DAY)
    long = {"created_at": 400 * DAY, "password_changed_at": 400 * DAY}
    aged(cast.user("lin"), **long, last_login=90 * DAY)
    aged(cast.user("mei"), **long, last_login=89 * DAY)
    aged(cast.user("max"), **{**long, "password_changed_at": DAY}, last_login=90 * DAY)

    assert close_unused_accounts() == {"closed": 1}
    assert everybody - open_accounts() == {"lin"}
    assert close_unused_accounts() == {"closed": 0}


def reset(*arguments: str) -> dict[str, str]:
    out = io.StringIO()
    call_command("reset_login", *arguments, "--json", stdout=out)
    said: dict[str, str] = json.loads(out.getvalue())
    return said


def test_a_closed_account_is_opened_again_with_a_new_password(
    client: Client, owner: User, seed: bytes
) -> None:
    open_session(client, owner)
    aged(owner, created_at=400 * DAY, password_changed_at=400 * DAY, last_login=400 * DAY)
    close_unused_accounts()

    said = reset("lin")

    fresh = Client()
    old = fresh.post("/sign-in/", {"username": "lin", "password": PASSWORD})
    new = fresh.post("/sign-in/", {"username": "lin", "password": said["password"]})
    assert (old.status_code, new["Location"]) == (422, "/sign-in/code/")
    assert client.get("/roles/").status_code == 302
    assert close_unused_accounts() == {"closed": 0}
    entry = AuditEntry.objects.get(event="user.login_reset")
    assert (entry.actor_label, entry.details) == ("reset_login", {"new_authenticator": False})


def test_who_lost_the_phone_sets_up_another_on_the_way_in(owner: User, seed: bytes) -> None:
    said = reset("lin", "--new-authenticator")

    client = Client()
    answer = client.post("/sign-in/", {"username": "lin", "password": said["password"]})
    assert answer["Location"] == "/sign-in/authenticator/"
    assert client.get("/roles/").status_code == 302
    with through_gate():
        assert not AuthenticatorDevice.objects.filter(confirmed=True).exists()


def test_a_name_that_nobody_has_is_wrong_usage(cast: Cast) -> None:
    with pytest.raises(CommandError) as refused:
        reset("nobody")

    assert refused.value.returncode == 2


@pytest.mark.parametrize("who", ["lin", "olga", "carol", "ada"])
def test_nobody_without_the_right_resets_a_login(cast: Cast, who: str) -> None:
    with pytest.raises(MissingPermission):
        people.reset_login(
            cast.user("mei"),
            password="seven green kettles boil 4 us",
            new_authenticator=False,
            actor=cast.actor(who),
            now=timezone.now(),
        )


def test_the_oldest_session_ends_when_there_are_too_many(
    owner: User, seed: bytes, clock: Clock
) -> None:
    clients = [Client() for _ in range(MOST_SESSIONS + 1)]
    for number, client in enumerate(clients):
        row = open_session(client, owner, otp=False)
        client.post("/sign-in/code/", {"code": code_of(seed)})
        clock.move()
        with through_gate():
            UserSession.objects.filter(pk=row.pk).update(
                last_seen_at=timezone.now() - timedelta(minutes=10 - number)
            )

    inside = [client.get("/roles/").status_code for client in clients]

    assert inside == [302, *[200] * MOST_SESSIONS]
    with through_gate():
        assert UserSession.objects.get(ended_because="TOO_MANY").user_id == owner.pk
