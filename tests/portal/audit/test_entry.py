"""One entry in full: before and after in words, where it leads, and that it was read."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from merchants.profiles.models import Merchant
from portal.audit.actions import record
from portal.audit.models import AuditEntry
from portal.audit.rules.searches import Change, changes
from portal.audit.rules.words import said
from portal.kit.actor import Actor
from portal.kit.masking import without_card_numbers
from portal.kit.scope import acting_as, scope_of
from tests.cast import Cast

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
SignIn = Callable[[str], Client]


def url_of(entry: AuditEntry) -> str:
    return f"/audit/{entry.at.astimezone(UTC):%Y-%m-%d}/{entry.pk}/"


def test_a_change_of_a_row_reads_before_and_after_in_words(
    client_for: SignIn, cast: Cast, noon: datetime
) -> None:
    Merchant.objects.filter(pk=cast.noodle.pk).update(status="SUSPENDED", suspended_at=noon)
    entry = AuditEntry.objects.get(event="row.update", subject_type="merchants_merchant")

    page = client_for("carol").get(url_of(entry))

    assert [(c.label, c.before, c.value) for c in page.context["changes"]] == [
        ("Status", "Active", "Suspended"),
        ("Suspended", "–", "2026-11-20 12:00:00 UTC+8"),
    ]
    assert page.context["row"].subject_kind == "Merchant"


def test_a_row_changed_by_a_person_names_the_person(
    client_for: SignIn, cast: Cast, olga: Actor, noon: datetime
) -> None:
    record(olga, "user.signed_out", "user", now=noon)
    with acting_as(scope_of(olga)):
        Merchant.objects.filter(pk=cast.noodle.pk).update(name="新面馆")
    entry = AuditEntry.objects.get(event="row.update", subject_type="merchants_merchant")

    page = client_for("carol").get(url_of(entry))

    assert entry.actor_label == f"PERSON:{olga.id}"
    assert page.context["row"].who == "olga"


def test_an_act_shows_its_details_and_leads_on(client_for: SignIn, lin: Actor) -> None:
    entry = record(
        lin, "job.requested", "job", now=timezone.now(), kind="transactions.day_summary"
    )

    page = client_for("ada").get(url_of(entry))

    assert [(line.label, line.value) for line in page.context["details"]] == [
        ("Kind", "transactions.day_summary")
    ]
    assert [link.url for link in page.context["links"]] == ["/audit/?actor=lin&period=30"]


def test_reading_an_entry_is_recorded_once(client_for: SignIn, lin: Actor) -> None:
    entry = record(lin, "user.signed_out", "user", now=timezone.now())
    client = client_for("carol")

    client.get(url_of(entry))
    client.get(url_of(entry))

    looks = AuditEntry.objects.filter(event="audit.searched")
    assert [look.details["filter"] for look in looks] == [f"entry={entry.pk}"]


@pytest.mark.parametrize("address", ["/audit/2026-13-01/{}/", "/audit/2001-01-01/{}/"])
def test_a_wrong_day_finds_nothing(client_for: SignIn, lin: Actor, address: str) -> None:
    entry = record(lin, "user.signed_out", "user", now=timezone.now())

    assert client_for("carol").get(address.format(entry.pk)).status_code == 404


@pytest.mark.parametrize(
    ("case", "value", "words"),
    [
        ("nothing", None, "–"),
        ("yes", True, "Yes"),
        ("a list", ["theme", "RISK"], "theme, Risk"),
        ("a hidden value", "***", "hidden"),
        ("a moment", "2026-11-20T04:00:00+00:00", "2026-11-20 12:00:00 UTC+8"),
        ("not a moment", "2026-99-99T04:00:00", "2026-99-99T04:00:00"),
        ("a number", 7, "7"),
        ("a record", {"b": 1, "a": "数"}, '{"a": "数", "b": 1}'),
    ],
)
def test_values_read_as_words(case: str, value: object, words: str) -> None:
    assert said(value) == words


def test_a_new_row_shows_every_column_and_a_changed_one_only_what_changed() -> None:
    new = {"before": None, "after": {"name": "x", "code": 1}}
    changed = {"before": {"name": "x", "code": 1}, "after": {"name": "y", "code": 1}}

    assert changes(new) == (Change("code", None, 1), Change("name", None, "x"))
    assert changes(changed) == (Change("name", "x", "y"),)


def test_no_entry_holds_a_full_card_number(lin: Actor, noon: datetime) -> None:
    number = "4" + "1" * 15

    entry = record(
        lin, "access.refused", "page", now=noon, permission="x", path=f"/transactions/{number}/"
    )

    assert entry.details["path"] == "/transactions/411111******1111/"
    assert without_card_numbers([{"a": (f"{number} {number}", 1)}]) == [
        {"a": ["411111******1111 411111******1111", 1]}
    ]
