"""Searching the log: what is found, what is said, and that the look is itself recorded."""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from portal.audit import queries
from portal.audit.actions import note_search, record
from portal.audit.models import AuditEntry, Outcome
from portal.audit.rules.searches import Search
from portal.kit.actor import Actor, MissingPermission
from portal.kit.paging import decode
from tests.cast import Cast

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
SignIn = Callable[[str], Client]


def write(actor: Actor, *, now: datetime, event: str = "user.signed_out", **over: object) -> str:
    return str(record(actor, event, over.pop("subject", "user"), now=now, **over).pk)  # type: ignore[arg-type]


def found(reader: Actor, /, **asked: object) -> list[str]:
    page = queries.list_entries(reader, Search(**asked))  # type: ignore[arg-type]
    return [str(entry.pk) for entry in page.rows]


def test_each_filter_keeps_what_it_names(
    lin: Actor, wu: Actor, carol: Actor, cast: Cast, noon: datetime
) -> None:
    hers = write(lin, now=noon)
    refused = write(
        wu,
        now=noon + timedelta(minutes=1),
        event="access.refused",
        subject="page",
        outcome=Outcome.REFUSED,
        permission="terminal.suspend",
        path="/terminals/N9A1/suspend/",
    )
    day = {"since": noon.date(), "until": noon.date()}

    assert found(carol, **day) == [refused, hers]
    assert found(carol, actor="lin", **day) == [hers]
    assert found(carol, events=("access.refused",), **day) == [refused]
    assert found(carol, outcome="REFUSED", **day) == [refused]
    assert found(carol, subject_type="page", **day) == [refused]
    assert found(carol, merchant=cast.tea.code, **day) == [refused]
    assert found(carol, merchant="Noodle", **day) == [hers]
    assert found(carol, via=("API",), **day) == []
    assert found(carol, q="wu", **day) == [refused]
    assert found(carol, since=noon.date() + timedelta(days=1)) == []
    assert found(carol, until=noon.date() - timedelta(days=1)) == []


def test_what_row_triggers_wrote_is_shown_on_demand(carol: Actor, cast: Cast) -> None:
    merchant = {"subject_type": "merchant", "subject": str(cast.noodle.pk)}

    assert found(carol, **merchant) == []
    assert len(found(carol, rows=True, **merchant)) == 1


@pytest.mark.parametrize("who", ["lin", "mei", "wu", "olga"])
def test_nobody_else_reads_the_log(who: str, cast: Cast, noon: datetime) -> None:
    actor = cast.actor(who)
    write(actor, now=noon)

    assert found(actor) == []
    with pytest.raises(MissingPermission):
        note_search(actor=actor, search=Search(), now=noon)


def test_pages_meet_and_lead_back(lin: Actor, carol: Actor, noon: datetime) -> None:
    made = [write(lin, now=noon + timedelta(seconds=number // 3)) for number in range(120)]

    pages, cursor = [], None
    for _turn in range(3):
        page = queries.list_entries(carol, Search(actor="lin"), cursor=cursor)
        pages.append([str(entry.pk) for entry in page.rows])
        cursor = decode(page.next) if page.next else None
    back = queries.list_entries(carol, Search(actor="lin"), cursor=decode(page.previous or ""))
    oldest = queries.list_entries(carol, Search(actor="lin"), oldest_first=True)

    assert [len(one) for one in pages] == [50, 50, 20]
    newest_first = [entry for one in pages for entry in one]
    assert sorted(newest_first) == sorted(made)
    assert [str(entry.pk) for entry in back.rows] == pages[1]
    assert [str(entry.pk) for entry in oldest.rows] == newest_first[:-51:-1]


def looks() -> list[str]:
    entries = AuditEntry.objects.filter(event="audit.searched").order_by("at", "id")
    return [entry.details["filter"] for entry in entries]


def test_a_look_is_recorded_once_for_each_filter_not_for_each_page(
    client_for: SignIn, lin: Actor
) -> None:
    for _number in range(60):
        write(lin, now=timezone.now())
    client = client_for("carol")
    today = timezone.localdate()
    days = {"since": today - timedelta(days=6), "until": today}

    first = client.get("/audit/?actor=lin")
    client.get("/audit/", {"actor": "lin", "cursor": first.context["page"].next})
    client.get("/audit/?actor=lin&sort=at")
    client.get("/audit/?actor=wu")

    assert looks() == [urlencode({"actor": name, **days}) for name in ("lin", "wu")]


def test_the_list_says_what_happened_in_words(client_for: SignIn, wu: Actor) -> None:
    now = timezone.now()
    write(
        wu,
        now=now,
        event="access.refused",
        subject="page",
        outcome=Outcome.REFUSED,
        permission="audit.read",
        path="/audit/",
    )

    page = client_for("carol").get("/audit/?outcome=REFUSED").content.decode()

    assert "Access refused" in page
    assert "1 entry" in page
    assert "M1000000002" in page


def test_a_fragment_carries_the_canonical_address(client_for: SignIn) -> None:
    query = "until=&q=wu&actor=&event=user.signed_in&event=user.signed_out"
    response = client_for("carol").get(f"/audit/?{query}", headers={"HX-Request": "true"})

    assert response["HX-Push-Url"] == "/audit/?event=user.signed_in&event=user.signed_out&q=wu"
    assert response.content.decode().startswith('<section id="list"')


@pytest.mark.parametrize(
    "query", ["since=yesterday", "event=nothing.known", "via=PIGEON", "period=9", "outcome=MAYBE"]
)
def test_a_filter_that_makes_no_sense_is_named_and_left_out(
    client_for: SignIn, query: str
) -> None:
    response = client_for("carol").get(f"/audit/?{query}")

    assert response.status_code == 200
    assert len(response.context["problems"]) == 1


def test_a_full_card_number_is_neither_searched_nor_kept(client_for: SignIn) -> None:
    number = "6225" + "88" * 5 + "01"
    number += next(str(d) for d in range(10) if _luhn(number + str(d)))

    response = client_for("carol").get("/audit/", {"q": number})

    assert "Full card numbers" in response.content.decode()
    assert number not in " ".join(looks())


def _luhn(digits: str) -> bool:
    doubled = [int(c) * (1 + i % 2) for i, c in enumerate(reversed(digits))]
    return sum(n // 10 + n % 10 for n in doubled) % 10 == 0


def test_a_foreign_cursor_leads_nowhere(client_for: SignIn) -> None:
    assert client_for("carol").get("/audit/?cursor=abc").status_code == 404


@pytest.mark.parametrize(
    ("who", "status"),
    [("carol", 200), ("ada", 200), ("olga", 403), ("ron", 403), ("lin", 403), ("mei", 403)],
)
def test_only_compliance_and_the_auditor_open_the_page(
    client_for: SignIn, who: str, status: int
) -> None:
    assert client_for(who).get("/audit/").status_code == status
