"""The second check: whose it is, what for, how long, and what was typed meanwhile."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.actions import factors
from portal.accounts.actor import actor_of
from portal.accounts.models import AuthenticatorDevice, StepUp, User
from portal.audit.models import AuditEntry
from portal.kit.scope import through_gate
from tests.cast import PASSWORD, Cast
from tests.door import Clock, code_of, give_authenticator, open_session

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

PAGE = "/security/password/"
PROVE = f"/step-up/?permission=account.secure&next={PAGE}"


def open_to(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def test_a_code_opens_the_page_for_five_minutes(client: Client, owner: User, seed: bytes) -> None:
    open_session(client, owner)

    answer = client.post(PROVE, {"step_up_code": code_of(seed)})

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert open_to(client)
    with through_gate():
        proof = StepUp.objects.get()
        assert proof.expires_at - proof.proved_at == timedelta(minutes=5)
        StepUp.objects.update(expires_at=timezone.now())
    assert not open_to(client)
    entry = AuditEntry.objects.get(event="user.stepped_up")
    assert (entry.actor_label, entry.details) == ("lin", {"permission": "account.secure"})


def test_a_recovery_code_does_too(client: Client, owner: User, seed: bytes) -> None:
    codes = factors.make_recovery_codes(
        owner, actor=actor_of(owner, proven=True), now=timezone.now()
    )
    open_session(client, owner)

    assert client.post(PROVE, {"step_up_code": codes[0]}).status_code == 302
    assert open_to(client)


def test_a_wrong_code_opens_nothing(client: Client, owner: User, seed: bytes) -> None:
    open_session(client, owner)

    assert client.post(PROVE, {"step_up_code": "000000"}).status_code == 422
    assert not open_to(client)
    entry = AuditEntry.objects.get(event="user.step_up_refused")
    assert entry.details == {"permission": "account.secure"}


def test_the_code_of_the_sign_in_does_not_count_again(client: Client, seed: bytes) -> None:
    client.post("/sign-in/", {"username": "lin", "password": PASSWORD})
    client.post("/sign-in/code/", {"code": code_of(seed)})

    assert not open_to(client)
    answer = client.post(PROVE, {"step_up_code": code_of(seed)})
    assert "That code was used already." in answer.content.decode()


def test_a_proof_of_another_session_does_not_count(client: Client, owner: User) -> None:
    open_session(Client(), owner, proven=("account.secure",))
    open_session(client, owner)

    assert not open_to(client)


def test_a_proof_of_another_permission_does_not_count(client: Client, cast: Cast) -> None:
    open_session(client, cast.user("carol"), proven=("audit.export",))

    assert not open_to(client)


def test_the_code_of_somebody_else_does_not_count(
    client: Client, cast: Cast, owner: User, seed: bytes
) -> None:
    other = give_authenticator(cast.user("wu"), now=timezone.now())
    open_session(client, owner)

    assert client.post(PROVE, {"step_up_code": code_of(other)}).status_code == 422


@pytest.mark.parametrize("permission", ["", "audit.export", "transaction.read", "no.such"])
def test_only_what_the_role_holds_and_can_prove_is_asked_for(
    client: Client, owner: User, seed: bytes, permission: str
) -> None:
    open_session(client, owner)

    assert client.get(f"/step-up/?permission={permission}").status_code == 403


def test_what_was_typed_is_not_lost_when_the_proof_ran_out(
    client: Client, owner: User, seed: bytes
) -> None:
    open_session(client, owner)
    page = "/security/authenticator/"

    asked = client.post(page, {"begin": "1"})
    carried = {"begin": "1", "step_up_code": code_of(seed)}
    sent_on = client.post(PROVE.replace(PAGE, page), carried)
    done = client.post(sent_on["Location"], carried)

    assert (asked.status_code, sent_on.status_code, sent_on["Location"]) == (403, 307, page)
    assert '<input type="hidden" name="begin" value="1">' in asked.content.decode()
    assert (done.status_code, done["Location"]) == (302, page)
    with through_gate():
        assert AuthenticatorDevice.objects.filter(user=owner, confirmed=False).count() == 1


def test_a_password_is_never_carried_through_a_page(client: Client, owner: User) -> None:
    open_session(client, owner)

    answer = client.post(PAGE, {"current": PASSWORD, "new": "x", "repeated": "x"})

    assert (answer.status_code, answer["Location"]) == (
        302,
        "/step-up/?permission=account.secure",
    )


def test_no_step_leads_off_this_site(client: Client, owner: User, seed: bytes) -> None:
    open_session(client, owner)

    answer = client.post(
        "/step-up/?permission=account.secure&next=//evil.example/", {"step_up_code": code_of(seed)}
    )

    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_htmx_is_sent_to_the_whole_page(client: Client, owner: User) -> None:
    open_session(client, owner)

    answer = client.get(
        PAGE, HTTP_HX_REQUEST="true", HTTP_HX_CURRENT_URL="http://testserver/security/"
    )

    assert answer["HX-Redirect"] == "/step-up/?permission=account.secure&next=%2Fsecurity%2F"


def test_the_present_proof_is_shown_in_the_frame(client: Client, owner: User) -> None:
    open_session(client, owner, proven=("account.secure",))

    assert "Verified until" in client.get("/security/").content.decode()


def test_a_used_code_does_not_make_the_next_wait(
    client: Client, owner: User, seed: bytes, clock: Clock
) -> None:
    open_session(client, owner)
    client.post(PROVE, {"step_up_code": code_of(seed)})
    client.post(PROVE, {"step_up_code": code_of(seed)})
    clock.move()

    assert client.post(PROVE, {"step_up_code": code_of(seed)}).status_code == 302
    with through_gate():
        assert AuthenticatorDevice.objects.get().throttling_failure_count == 0
