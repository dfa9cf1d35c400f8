"""From the address bar to the portal: password, second factor, and every refusal on the way."""

import re
from datetime import timedelta
from statistics import median
from time import thread_time
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from portal.accounts.models import User, UserSession
from portal.audit.models import AuditEntry
from portal.kit.scope import through_gate
from portal.limits.models import RateWindow
from tests.addresses import Answer
from tests.cast import PASSWORD, Cast
from tests.door import Clock, code_of

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

SIGN_IN, CODE = "/sign-in/", "/sign-in/code/"


def give_password(
    client: Client, username: str = "lin", password: str = PASSWORD, **extra: Any
) -> Answer:
    """Send the first form."""
    return client.post(SIGN_IN, {"username": username, "password": password}, **extra)


def words(answer: Answer) -> str:
    """The text of a page, without its tags, tokens and the name typed."""
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(text.split())


def said(event: str) -> list[tuple[str, str, dict[str, object]]]:
    """The entries of one kind: who, on whom, details."""
    rows = AuditEntry.objects.filter(event=event).order_by("at")
    return [(row.actor_label, row.subject_label, row.details) for row in rows]


def test_a_person_with_an_authenticator_gets_in_with_both(client: Client, seed: bytes) -> None:
    first = give_password(client)
    second = client.post(first["Location"], {"code": code_of(seed)})

    assert (first.status_code, first["Location"]) == (302, CODE)
    assert (second.status_code, second["Location"]) == (302, "/")
    assert client.get("/security/").status_code == 200
    assert said("user.signed_in") == [("lin", "lin", {"factor": "TOTP"})]


def test_the_way_leads_to_the_page_that_was_asked_for(client: Client, seed: bytes) -> None:
    asked = client.get("/security/preferences/")
    first = client.post(asked["Location"], {"username": " LIN ", "password": PASSWORD})
    second = client.post(first["Location"], {"code": f" {code_of(seed)[:3]} {code_of(seed)[3:]}"})

    assert second["Location"] == "/security/preferences/"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"],
)
def test_the_way_never_leads_off_this_site(client: Client, seed: bytes, target: str) -> None:
    first = client.post(f"{SIGN_IN}?next={target}", {"username": "lin", "password": PASSWORD})
    second = client.post(first["Location"], {"code": code_of(seed)})

    assert (first["Location"], second["Location"]) == (CODE, "/")


def test_the_password_alone_opens_nothing(client: Client, seed: bytes) -> None:
    give_password(client)

    answer = client.get("/security/")

    assert (answer.status_code, answer["Location"]) == (302, f"{CODE}?next=%2Fsecurity%2F")
    assert client.post("/lists/x/columns/").status_code == 302


def test_known_and_unknown_names_hear_the_same(client: Client, cast: Cast) -> None:
    known, unknown = (
        give_password(client, password="wrong 1 wrong"),
        give_password(client, username="nobody", password="wrong 1 wrong"),
    )

    assert (known.status_code, unknown.status_code) == (422, 422)
    assert words(known) == words(unknown)
    assert "The username or the password is not right." in words(known)


@pytest.mark.parametrize("state", ["inactive", "closed", "no seat"])
def test_who_may_not_sign_in_hears_the_same(client: Client, cast: Cast, state: str) -> None:
    wrong = give_password(client, password="wrong 1 wrong")
    if state == "closed":
        type(cast.noodle).objects.filter(pk=cast.noodle.pk).update(status="CLOSED")
    with through_gate():
        if state == "inactive":
            User.objects.filter(username="lin").update(is_active=False)
        if state == "no seat":
            stray = cast.user("lin")
            stray.pk, stray.username = None, "stray"
            stray.save()
    answer = give_password(client, username="stray" if state == "no seat" else "lin")

    assert (answer.status_code, words(answer)) == (422, words(wrong))


def test_people_of_a_suspended_merchant_get_in_and_are_told(
    client: Client, cast: Cast, seed: bytes
) -> None:
    type(cast.noodle).objects.filter(pk=cast.noodle.pk).update(
        status="SUSPENDED", suspended_at=timezone.now()
    )
    first = give_password(client)
    client.post(first["Location"], {"code": code_of(seed)})

    assert "This merchant is suspended" in words(client.get("/security/"))


def test_known_and_unknown_names_take_the_same_work(settings: Settings, cast: Cast) -> None:
    settings.AXES_ENABLED = False
    took: dict[str, list[float]] = {"lin": [], "nobody": []}
    asked: dict[str, set[int]] = {"lin": set(), "nobody": set()}
    for turn in range(24):
        for name, times in took.items():
            client = Client(REMOTE_ADDR=f"10.0.{turn}.{len(name)}")
            # the thread's own time, which the load of the machine does not stretch
            began = thread_time()
            with CaptureQueriesContext(connection) as queries:
                give_password(client, name, "wrong 1 wrong")
            times.append(thread_time() - began)
            asked[name].add(len(queries))

    known, unknown = median(took["lin"]), median(took["nobody"])
    assert abs(known - unknown) / known < 0.10
    assert asked["lin"] == asked["nobody"]


def test_ten_wrong_passwords_lock_the_name_for_that_address_alone(
    client: Client, cast: Cast, seed: bytes
) -> None:
    tries = [give_password(client, password=f"wrong {n} wrong").status_code for n in range(10)]
    locked = give_password(client)
    elsewhere = give_password(Client(REMOTE_ADDR="10.1.1.1"))

    assert tries == [422] * 8 + [429] * 2
    assert (locked.status_code, elsewhere.status_code) == (429, 302)
    assert said("user.locked_out") == [("anonymous", "lin", {})]


def test_the_lock_holds_for_half_an_hour_and_then_ends(client: Client, cast: Cast) -> None:
    for n in range(8):
        give_password(client, password=f"wrong {n} wrong")

    def after(minutes: int) -> int:
        with through_gate():
            RateWindow.objects.all().delete()
            AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=minutes))
        return int(give_password(client).status_code)

    assert (after(29), after(31)) == (429, 302)


def test_a_lock_tells_nothing_about_the_name(cast: Cast) -> None:
    answers = {}
    for name in ("lin", "nobody"):
        client = Client()
        for n in range(9):
            answers[name] = give_password(client, name, f"wrong {n} wrong")

    assert answers["lin"].status_code == answers["nobody"].status_code == 429
    assert words(answers["lin"]) == words(answers["nobody"])


def test_an_address_in_a_header_changes_nothing(client: Client, cast: Cast) -> None:
    seen = [
        give_password(
            client, password="wrong 1 wrong", HTTP_X_FORWARDED_FOR=f"203.0.113.{n % 250}"
        ).status_code
        for n in range(12)
    ]

    assert seen == [422] * 8 + [429] * 4
    with through_gate():
        assert list(AccessAttempt.objects.values_list("ip_address", flat=True)) == ["127.0.0.1"]


def test_the_address_is_believed_from_a_proxy_we_named(
    client: Client, cast: Cast, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1", "10.0.0.5"]
    give_password(
        client, password="wrong 1 wrong", HTTP_X_FORWARDED_FOR="1.2.3.4, 203.0.113.9, 10.0.0.5"
    )

    with through_gate():
        assert AccessAttempt.objects.get().ip_address == "203.0.113.9"


def test_many_addresses_guessing_one_name_must_wait_longer_each_time(cast: Cast) -> None:
    for n in range(18):
        give_password(Client(REMOTE_ADDR=f"10.2.0.{n}"), password=f"wrong {n} wrong")

    with through_gate():
        waits = RateWindow.objects.filter(name__startswith="sign_in_wait")
        names = sorted(waits.values_list("name", flat=True))
    assert names == ["sign_in_wait_2"]
    statuses = [
        give_password(Client(REMOTE_ADDR=f"10.3.0.{n}"), password="wrong 1 wrong").status_code
        for n in range(6)
    ]
    assert 429 in statuses


def test_a_browser_that_signed_in_before_need_not_wait_for_guessers(
    client: Client, seed: bytes
) -> None:
    first = give_password(client)
    client.post(first["Location"], {"code": code_of(seed)})
    client.post("/sign-out/")
    for n in range(30):
        give_password(Client(REMOTE_ADDR=f"10.4.0.{n}"), password=f"wrong {n} wrong")

    assert give_password(client).status_code == 302


def test_what_is_typed_as_a_name_is_kept_nowhere(client: Client, cast: Cast) -> None:
    typed = "4111" + "1111" + "1111" + "1111"
    give_password(client, username=typed, password="wrong 1 wrong")
    give_password(client, username=typed, password=typed)

    with through_gate():
        kept = str(list(AccessAttempt.objects.values())) + str(list(RateWindow.objects.values()))
    assert typed not in kept + str(list(AuditEntry.objects.values()))


def test_signing_out_ends_the_session(client: Client, seed: bytes) -> None:
    first = give_password(client)
    client.post(first["Location"], {"code": code_of(seed)})

    answer = client.post("/sign-out/")

    assert (answer.status_code, answer["Location"]) == (302, SIGN_IN)
    assert client.get("/security/").status_code == 302
    assert said("user.signed_out") == [("lin", "lin", {})]
    with through_gate():
        assert UserSession.objects.get().ended_because == "SIGNED_OUT"


def test_a_refused_password_is_in_the_log(client: Client, cast: Cast) -> None:
    give_password(client, password="wrong 1 wrong")
    give_password(client, username="nobody")

    assert said("user.sign_in_refused") == [
        ("anonymous", "lin", {"why": "CREDENTIALS"}),
        ("anonymous", "", {"why": "CREDENTIALS"}),
    ]


def test_somebody_signed_in_is_sent_on_from_the_sign_in_page(
    client: Client, seed: bytes, clock: Clock
) -> None:
    first = give_password(client)
    client.post(first["Location"], {"code": code_of(seed)})

    answer = client.get(f"{SIGN_IN}?next=/roles/")

    assert (answer.status_code, answer["Location"]) == (302, "/roles/")
