"""Everything that happens to an account is in the log, and its owner sees it."""

from datetime import datetime

import pytest
from django.test import Client

from portal.accounts.actions import factors, people
from portal.accounts.actor import actor_of
from portal.accounts.models import Role, User
from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, ActorKind
from tests.cast import PASSWORD, Cast
from tests.door import Clock, code_of, open_session

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

RON = Actor(kind=ActorKind.SYSTEM, label="ron", permissions=frozenset({"person.manage"}))


def said(*events: str) -> list[tuple[str, str, str, dict[str, object]]]:
    """The entries of some kinds: event, who, how it ended, details."""
    rows = AuditEntry.objects.filter(event__in=events).order_by("at")
    return [(row.event, row.actor_label, row.outcome, row.details) for row in rows]


def test_setting_up_an_authenticator(client: Client, owner: User, clock: Clock) -> None:
    open_session(client, owner, otp=False)
    client.post("/sign-in/authenticator/", {"begin": "1"})
    seed = factors.begin_enrolment(owner).seed
    client.post("/sign-in/authenticator/", {"code": code_of(seed)})

    assert sorted(
        said("user.authenticator_added", "user.recovery_codes_made", "user.signed_in")
    ) == [
        ("user.authenticator_added", "lin", "DONE", {}),
        ("user.recovery_codes_made", "lin", "DONE", {"count": 10}),
        ("user.signed_in", "lin", "DONE", {"factor": "TOTP"}),
    ]


def test_refused_and_used_codes(client: Client, owner: User, seed: bytes, noon: datetime) -> None:
    codes = factors.make_recovery_codes(owner, actor=actor_of(owner, proven=True), now=noon)
    open_session(client, owner, otp=False)
    client.post("/sign-in/code/", {"code": "000000"})
    client.post("/sign-in/recovery/", {"code": "nonsense"})
    client.post("/sign-in/recovery/", {"code": codes[0]})

    assert said("user.second_factor_refused", "user.recovery_code_used") == [
        ("user.second_factor_refused", "lin", "REFUSED", {"why": "WRONG"}),
        ("user.second_factor_refused", "lin", "REFUSED", {"why": "RECOVERY_CODE"}),
        ("user.recovery_code_used", "lin", "DONE", {"left": 9}),
    ]


def test_a_changed_password(owner: User, noon: datetime) -> None:
    people.change_own_password(
        owner,
        current=PASSWORD,
        new="seven green kettles boil 4 us",
        session_id=None,
        actor=actor_of(owner, proven=True),
        now=noon,
    )

    assert said("user.password_changed") == [("user.password_changed", "lin", "DONE", {})]


def test_a_changed_role_and_a_closed_account(cast: Cast, noon: datetime) -> None:
    people.change_role(cast.user("olga"), Role.AUDITOR, actor=RON, now=noon)
    people.deactivate(cast.user("olga"), actor=RON, now=noon)

    assert sorted(said("user.role_changed", "user.deactivated")) == [
        ("user.deactivated", "ron", "DONE", {}),
        ("user.role_changed", "ron", "DONE", {"role": "AUDITOR"}),
    ]


def test_a_handed_over_authenticator(cast: Cast, noon: datetime) -> None:
    factors.hand_over_authenticator(cast.user("olga"), actor=RON, now=noon)

    assert said("user.authenticator_added") == [("user.authenticator_added", "ron", "DONE", {})]


def test_a_person_sees_what_happened_to_their_own_account_and_no_other(
    client: Client, cast: Cast, seed: bytes
) -> None:
    Client().post("/sign-in/", {"username": "lin", "password": "wrong 1 wrong"})
    Client().post(
        "/sign-in/", {"username": "wu", "password": "wrong 1 wrong"}, REMOTE_ADDR="10.9.9.9"
    )
    open_session(client, cast.user("lin"))

    page = client.get("/security/").content.decode()

    assert page.count("Sign-in refused") == 1
    assert "10.9.9.9" not in page
