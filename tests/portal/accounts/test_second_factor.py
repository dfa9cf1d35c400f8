"""Authenticators and recovery codes: set up, used once, replaced, guessed at."""

import re
from base64 import b32decode
from datetime import datetime

import pytest
from django.test import Client

from portal.accounts.actions import factors
from portal.accounts.actor import actor_of
from portal.accounts.models import AuthenticatorDevice, CodeFault, RecoveryCode, User
from portal.accounts.qr import provisioning_uri
from portal.jobs.models import OutboxMessage
from portal.kit.actor import ANONYMOUS, MissingPermission, ProofNeeded
from portal.kit.scope import through_gate
from tests.addresses import Answer
from tests.cast import Cast
from tests.door import Clock, code_of, give_authenticator, open_session

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

CODE, RECOVERY, ENROL = "/sign-in/code/", "/sign-in/recovery/", "/sign-in/authenticator/"
EVERYBODY = ["lin", "max", "mei", "fay", "wu", "olga", "carol", "ada", "ron"]


def pending(user: User) -> Client:
    """A browser that gave the password."""
    client = Client()
    open_session(client, user, otp=False)
    return client


def is_in(client: Client) -> bool:
    return client.get("/security/").status_code == 200


def key_on(page: Answer) -> bytes:
    """The secret that a page shows, typed by hand."""
    found = re.search(r'data-copy="([A-Z2-7 ]+)"', page.content.decode())
    assert found is not None
    return b32decode(found[1].replace(" ", ""))


def codes_on(page: Answer) -> list[str]:
    return re.findall(r"<li>([0-9A-Z-]{29})</li>", page.content.decode())


@pytest.mark.parametrize("who", EVERYBODY)
def test_nobody_gets_in_without_setting_up_an_authenticator(cast: Cast, who: str) -> None:
    client = pending(cast.user(who))

    for path in ("/", "/security/", "/roles/", "/step-up/?permission=account.secure"):
        assert client.get(path)["Location"].startswith(CODE)
    assert client.get(CODE)["Location"] == ENROL
    assert client.get(RECOVERY)["Location"] == ENROL


def test_the_first_authenticator_is_set_up_and_used(
    owner: User, clock: Clock, noon: datetime
) -> None:
    client = pending(owner)
    assert "Begin" in client.get(ENROL).content.decode()
    client.post(ENROL, {"begin": "1"})
    page = client.get(ENROL)
    wrong = client.post(ENROL, {"code": "000000"})
    with through_gate():
        AuthenticatorDevice.objects.update(throttling_failure_timestamp=None)
    right = client.post(ENROL, {"code": code_of(key_on(page))})

    assert (wrong.status_code, right.status_code) == (422, 200)
    assert (len(set(codes_on(right))), is_in(client)) == (10, True)
    with through_gate():
        assert AuthenticatorDevice.objects.get().confirmed
        assert RecoveryCode.objects.filter(user=owner, used_at=None).count() == 10


def test_the_picture_holds_what_apps_read() -> None:
    uri = provisioning_uri("lin", bytes(20))

    assert uri == (
        f"otpauth://totp/Countinghouse:lin?secret={'A' * 32}&issuer=Countinghouse"
        "&algorithm=SHA1&digits=6&period=30"
    )


def test_a_page_that_is_only_opened_makes_no_key(owner: User) -> None:
    client = pending(owner)
    client.get(ENROL)

    with through_gate():
        assert AuthenticatorDevice.objects.count() == 0


def test_an_authenticator_in_use_is_not_replaced_from_the_way_in(owner: User, seed: bytes) -> None:
    client = pending(owner)

    assert client.get(ENROL)["Location"] == CODE
    assert client.post(ENROL, {"begin": "1"})["Location"] == CODE
    with through_gate():
        assert AuthenticatorDevice.objects.get().seed == seed


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (-2, CodeFault.LATE),
        (-1, CodeFault.LATE),
        (1, CodeFault.EARLY),
        (2, CodeFault.EARLY),
        (5, CodeFault.WRONG),
    ],
)
def test_a_code_lives_for_its_own_thirty_seconds(
    owner: User, seed: bytes, steps: int, words: CodeFault
) -> None:
    client = pending(owner)

    answer = client.post(CODE, {"code": code_of(seed, steps=steps)})

    assert (answer.status_code, is_in(client)) == (422, False)
    assert str(words.label) in answer.content.decode()


def test_a_code_passes_once(owner: User, seed: bytes, clock: Clock) -> None:
    first, second = pending(owner), pending(owner)
    code = code_of(seed)

    assert first.post(CODE, {"code": code}).status_code == 302
    again = second.post(CODE, {"code": code})
    clock.move()
    fresh = second.post(CODE, {"code": code_of(seed)})

    assert (again.status_code, fresh.status_code) == (422, 302)
    assert "That code was used already." in again.content.decode()


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 45 6x"])
def test_what_is_no_code_is_refused(owner: User, seed: bytes, code: str) -> None:
    client = pending(owner)

    assert (client.post(CODE, {"code": code}).status_code, is_in(client)) == (422, False)


def test_wrong_codes_make_even_the_right_one_wait(owner: User, seed: bytes) -> None:
    client = pending(owner)
    client.post(CODE, {"code": "000000"})

    answer = client.post(CODE, {"code": code_of(seed)})

    assert (answer.status_code, is_in(client)) == (422, False)
    assert "Too many wrong codes." in answer.content.decode()


def test_the_wait_doubles_and_ends_at_half_an_hour(owner: User, seed: bytes) -> None:
    waits = []
    with through_gate():
        device = AuthenticatorDevice.objects.get(user=owner)
        for _ in range(15):
            device.throttle_increment()
            until = device.verify_is_allowed()[1]["locked_until"]
            waits.append((until - device.throttling_failure_timestamp).total_seconds())

    assert waits == [2.0**n for n in range(12)] + [2048.0] * 3


def test_a_code_of_somebody_else_is_refused(cast: Cast, seed: bytes, noon: datetime) -> None:
    other = give_authenticator(cast.user("wu"), now=noon)
    client = pending(cast.user("lin"))

    assert client.post(CODE, {"code": code_of(other)}).status_code == 422


def test_a_recovery_code_gets_in_once(owner: User, seed: bytes, noon: datetime) -> None:
    codes = factors.make_recovery_codes(owner, actor=actor_of(owner, proven=True), now=noon)
    first, second = pending(owner), pending(owner)

    used = first.post(RECOVERY, {"code": codes[3].lower().replace("-", " ")})
    again = second.post(RECOVERY, {"code": codes[3]})

    assert (used.status_code, used["Location"]) == (302, "/security/")
    assert (is_in(first), again.status_code, is_in(second)) == (True, 422, False)
    assert "9 codes left" in first.get("/security/").content.decode()


def test_recovery_codes_are_long_and_kept_only_as_keyed_hashes(
    owner: User, noon: datetime
) -> None:
    codes = factors.make_recovery_codes(owner, actor=actor_of(owner, proven=True), now=noon)

    assert {len(code.replace("-", "")) * 5 for code in codes} == {120}
    with through_gate():
        kept = str(list(RecoveryCode.objects.values()))
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


def test_new_recovery_codes_replace_the_former(owner: User, seed: bytes, noon: datetime) -> None:
    actor = actor_of(owner, proven=True)
    former = factors.make_recovery_codes(owner, actor=actor, now=noon)
    factors.make_recovery_codes(owner, actor=actor, now=noon)

    assert pending(owner).post(RECOVERY, {"code": former[0]}).status_code == 422


def test_guessing_recovery_codes_ends_after_ten_tries(
    owner: User, seed: bytes, noon: datetime
) -> None:
    codes = factors.make_recovery_codes(owner, actor=actor_of(owner, proven=True), now=noon)
    client = pending(owner)
    for n in range(10):
        client.post(RECOVERY, {"code": f"AAAA-AAAA-AAAA-AAAA-AAAA-AA{n:02d}"})

    assert client.post(RECOVERY, {"code": codes[0]}).status_code == 422


def test_making_codes_takes_a_second_check(owner: User, noon: datetime) -> None:
    with pytest.raises(ProofNeeded):
        factors.make_recovery_codes(owner, actor=actor_of(owner), now=noon)


def test_a_stranger_makes_no_codes(owner: User, noon: datetime) -> None:
    with pytest.raises(MissingPermission):
        factors.make_recovery_codes(owner, actor=ANONYMOUS, now=noon)


def test_replacing_the_authenticator_ends_the_other_sessions(
    owner: User, seed: bytes, clock: Clock
) -> None:
    client, other = Client(), Client()
    open_session(client, owner, proven=("account.secure",))
    open_session(other, owner)
    client.post("/security/authenticator/", {"begin": "1"})
    new = key_on(client.get("/security/authenticator/"))

    answer = client.post("/security/authenticator/", {"code": code_of(new)})

    assert len(codes_on(answer)) == 10
    assert (is_in(client), is_in(other)) == (True, False)
    with through_gate():
        assert AuthenticatorDevice.objects.get().seed == new


def test_until_it_is_confirmed_the_former_authenticator_counts(
    owner: User, seed: bytes, clock: Clock
) -> None:
    client = Client()
    open_session(client, owner, proven=("account.secure",))
    client.post("/security/authenticator/", {"begin": "1"})
    client.post("/security/authenticator/", {"code": "000000"})

    assert pending(owner).post(CODE, {"code": code_of(seed)}).status_code == 302


def test_a_change_is_told_by_mail(owner: User, seed: bytes, noon: datetime) -> None:
    owner.email = "lin@noodle.example"
    factors.make_recovery_codes(owner, actor=actor_of(owner, proven=True), now=noon)

    message = OutboxMessage.objects.get()
    assert (message.payload["notice"], message.payload["to"]) == (
        "recovery_codes_made",
        "lin@noodle.example",
    )
