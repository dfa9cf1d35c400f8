"""The fleet list: who sees what, filters, pages, counts, queries and plans."""

import re
from collections.abc import Callable
from datetime import date, datetime
from uuid import uuid4

import pytest
from django.http import QueryDict
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.kit.actor import Actor
from portal.kit.paging import BadCursor, Cursor, decode
from portal.kit.scope import acting_as, scope_of
from terminals.board.forms import FleetFilters
from terminals.board.queries import (
    Row,
    TabCounts,
    Wanted,
    count_by_link,
    count_tabs,
    list_models,
    list_terminals,
)
from terminals.board.views.fleet import BUILT_IN
from terminals.checkin.models import SignIn
from terminals.fleet.actions import provisioning
from terminals.fleet.models import Terminal, TerminalStatus
from tests.cast import Cast
from tests.make import make_register, make_terminal, make_terminals

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

TODAY = date(2026, 11, 20)
ClientFor = Callable[[str], Client]


def _rows(actor: Actor, wanted: Wanted | None = None, **also: object) -> list[Row]:
    with acting_as(scope_of(actor)):
        page = list_terminals(
            actor,
            wanted or Wanted(),
            today=TODAY,
            language="en",
            **also,  # type: ignore[arg-type]
        )
    return list(page.rows)


def _serials(actor: Actor, wanted: Wanted | None = None) -> list[str]:
    return [row.serial for row in _rows(actor, wanted)]


ALL = ["N9A000001", "N9A000002", "N9A000003", "N9A000004", "S1C000001", "T7B000001"]


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("olga", ALL),
        ("carol", ALL),
        ("ada", ALL),
        ("lin", ALL[:4]),
        ("max", ALL[:4]),
        ("mei", ALL[:4]),
        ("wu", ["T7B000001"]),
        ("fay", []),
        ("ron", []),
    ],
)
def test_everybody_sees_the_terminals_they_may_see(
    who: str, seen: list[str], cast: Cast, fleet: dict[str, Terminal]
) -> None:
    actor = cast.actor(who)

    assert _serials(actor) == seen
    # the query alone keeps strangers out, too, where no row-level security would
    page = list_terminals(actor, Wanted(), today=TODAY, language="en")
    assert [row.serial for row in page.rows] == seen


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        (Wanted(q="N9A"), ALL[:4]),
        (Wanted(q="N9A000002"), ["N9A000002"]),
        (Wanted(q="9A000002"), []),
        (Wanted(status=("SUSPENDED",)), ["N9A000003"]),
        (Wanted(status=("REGISTERED", "ALLOCATED")), ["N9A000004", "S1C000001"]),
        (Wanted(link=("ONLINE",)), ["N9A000001"]),
        (Wanted(link=("OFFLINE", "MISSING")), ["N9A000002", "T7B000001"]),
        (Wanted(link=("NEVER",)), ["N9A000004", "S1C000001"]),
        (Wanted(signed_in="yes"), ["N9A000001"]),
        (
            Wanted(signed_in="no", status=("ACTIVE", "SUSPENDED")),
            ["N9A000002", "N9A000003", "T7B000001"],
        ),
        (Wanted(merchant="M1000000002"), ["T7B000001"]),
        (Wanted(merchant="noodle"), ALL[:4]),
        (Wanted(merchant="面"), ALL[:4]),
        (Wanted(merchant="nobody"), []),
        (Wanted(model=(("Landi", "E350"),)), ["S1C000001"]),
        (Wanted(model=(("Landi", "A920"),)), []),
        (Wanted(q="N9A", status=("ACTIVE",), link=("OFFLINE",)), ["N9A000002"]),
    ],
    ids=str,
)
def test_each_filter_narrows_the_list_and_its_counts(
    wanted: Wanted, seen: list[str], olga: Actor, fleet: dict[str, Terminal]
) -> None:
    assert _serials(olga, wanted) == seen

    with acting_as(scope_of(olga)):
        links = count_by_link(olga, wanted, today=TODAY)
    assert sum(links.values()) == len(seen)


def test_a_terminal_is_found_by_its_number_and_by_its_store(
    cast: Cast, olga: Actor, fleet: dict[str, Terminal]
) -> None:
    tea = fleet["tea"]

    assert _serials(olga, Wanted(q=tea.terminal_no)) == ["T7B000001"]
    assert _serials(olga, Wanted(store=cast.tea_store.pk)) == ["T7B000001"]


def test_a_row_carries_all_three_axes(lin: Actor, fleet: dict[str, Terminal]) -> None:
    first, second, third, fourth = _rows(lin)

    assert (first.status, first.link, first.last_sign_in_code) == ("ACTIVE", "ONLINE", "OK")
    assert (first.merchant, first.store) == ("Noodle House", "静安店")
    assert (first.said.battery_percent, first.said.network) == (55, "wifi")
    assert (second.link, second.last_sign_in_code) == ("OFFLINE", "OK")
    assert (third.status, third.last_sign_in_code) == ("SUSPENDED", "TERMINAL_SUSPENDED")
    assert (fourth.link, fourth.last_seen_at, fourth.last_sign_in_at) == ("NEVER", None, None)


def test_the_counts_by_link_are_of_the_filter(olga: Actor, fleet: dict[str, Terminal]) -> None:
    with acting_as(scope_of(olga)):
        links = count_by_link(olga, Wanted(), today=TODAY)
        active = count_by_link(olga, Wanted(status=("ACTIVE",)), today=TODAY)

    assert links == {"NEVER": 2, "ONLINE": 1, "LATE": 1, "OFFLINE": 1, "MISSING": 1}
    assert active == {"NEVER": 0, "ONLINE": 1, "LATE": 0, "OFFLINE": 1, "MISSING": 1}


def test_a_merchant_counts_its_own(wu: Actor, fleet: dict[str, Terminal]) -> None:
    with acting_as(scope_of(wu)):
        links = count_by_link(wu, Wanted(), today=TODAY)
        models = list_models(wu)

    assert links == {"NEVER": 0, "ONLINE": 0, "LATE": 0, "OFFLINE": 0, "MISSING": 1}
    assert models == [("PAX", "A920")]


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        ("olga", TabCounts(6, 2, 2, 1, 1)),
        ("lin", TabCounts(4, 1, 1, 1, 1)),
        ("wu", TabCounts(1, 1, 1, 0, 0)),
        ("fay", TabCounts()),
        ("ron", TabCounts()),
    ],
)
def test_each_tab_counts_what_it_opens(
    who: str, counts: TabCounts, cast: Cast, fleet: dict[str, Terminal]
) -> None:
    actor = cast.actor(who)

    with acting_as(scope_of(actor)):
        assert count_tabs(actor, today=TODAY) == counts
        for _label, asked, name in BUILT_IN:
            form = FleetFilters(QueryDict(asked), models=[], stores=[], staff=True)
            links = count_by_link(actor, form.wanted(), today=TODAY)
            assert sum(links.values()) == getattr(counts, name)
    # the query alone keeps strangers out, too, where no row-level security would
    assert count_tabs(actor, today=TODAY) == counts


def test_a_terminal_that_signed_in_twice_counts_once(
    olga: Actor, fleet: dict[str, Terminal], noon: datetime
) -> None:
    SignIn.objects.filter(terminal=fleet["online"]).update(signed_out_at=noon)
    again = SignIn.objects.get(terminal=fleet["online"])
    again.pk, again.signin_id, again.session_id = None, "again", uuid4()
    again.save()

    assert count_tabs(olga, today=TODAY).not_signed_in == 2


def test_the_tabs_show_their_numbers(client_for: ClientFor, fleet: dict[str, Terminal]) -> None:
    page = client_for("olga").get("/terminals/?q=none").content.decode()
    piece = client_for("olga").get("/terminals/?q=none", headers={"HX-Request": "true"})

    assert 'Suspended <span class="count">1</span>' in page
    assert 'All <span class="count">6</span>' in piece.content.decode()


def test_the_models_are_those_of_the_fleet(olga: Actor, fleet: dict[str, Terminal]) -> None:
    with acting_as(scope_of(olga)):
        assert list_models(olga) == [("Landi", "E350"), ("PAX", "A920")]


def test_pages_follow_each_other_both_ways_and_lose_nobody(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    serials = [f"N9A{n:06}" for n in range(120)]
    make_register(serials, now=noon)
    provisioning.register_into_stock(serials, actor=olga, now=noon)

    for descending in (False, True):
        wanted = serials[::-1] if descending else serials
        pages, cursor = [], None
        for _ in range(3):
            page = list_terminals(
                olga, Wanted(), today=TODAY, language="en", cursor=cursor, descending=descending
            )
            pages.append(page)
            cursor = decode(page.next) if page.next else None
        assert [row.serial for page in pages for row in page.rows] == wanted
        assert [len(page.rows) for page in pages] == [50, 50, 20]
        assert (pages[0].previous, pages[2].next) == (None, None)
        back = list_terminals(
            olga,
            Wanted(),
            today=TODAY,
            language="en",
            cursor=decode(pages[2].previous or ""),
            descending=descending,
        )
        assert [row.serial for row in back.rows] == [row.serial for row in pages[1].rows]


def test_a_cursor_of_another_list_is_refused(olga: Actor) -> None:
    with pytest.raises(BadCursor):
        list_terminals(
            olga, Wanted(), today=TODAY, language="en", cursor=Cursor(("a", "b"), backwards=False)
        )


def test_a_page_needs_the_same_queries_for_one_row_and_for_fifty(
    cast: Cast,
    olga: Actor,
    noon: datetime,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_terminal("N9A900000", merchant=cast.noodle, store=cast.noodle_store, now=noon)
    for more in (0, 60):
        if more:
            serials = [f"N9A{n:06}" for n in range(more)]
            make_terminals(serials, merchant=cast.noodle, store=cast.noodle_store, now=noon)
        with django_assert_num_queries(5):
            list_terminals(olga, Wanted(), today=TODAY, language="en")
            count_by_link(olga, Wanted(), today=TODAY)
            list_models(olga)


def test_the_page_shows_the_fleet_to_an_operator(
    client_for: ClientFor, fleet: dict[str, Terminal]
) -> None:
    page = client_for("olga").get("/terminals/").content.decode()

    assert [serial for serial in ALL if f">{serial}</a>" in page] == ALL
    assert "6 terminals" in page
    assert "Noodle House" in page
    assert "Provision" in page


def test_the_page_shows_a_merchant_its_own_and_nothing_to_do(
    client_for: ClientFor, fleet: dict[str, Terminal]
) -> None:
    page = client_for("mei").get("/terminals/").content.decode()

    assert [serial for serial in ALL if serial in page] == ALL[:4]
    assert "Tea House" not in page
    assert "/terminals/provision/" not in page
    assert 'name="merchant"' not in page


def test_filters_are_chips_and_the_address_is_one(
    client_for: ClientFor, fleet: dict[str, Terminal]
) -> None:
    client = client_for("olga")
    asked = "/terminals/?status=SUSPENDED&q=n9a&link=&cursor="

    page = client.get(asked).content.decode()
    piece = client.get(asked, headers={"HX-Request": "true"})

    assert 'class="chip"' in page
    assert "N9A000003" in page
    assert "N9A000001" not in page
    assert piece["HX-Push-Url"] == "/terminals/?q=n9a&status=SUSPENDED"
    assert piece.content.decode().lstrip().startswith('<section id="list"')


def test_an_address_that_is_not_understood_shows_no_wrong_answer(
    client_for: ClientFor, fleet: dict[str, Terminal]
) -> None:
    client = client_for("olga")

    assert client.get("/terminals/?cursor=forged").status_code == 404
    assert client.get("/terminals/?status=HAPPY&sort=colour&link=X").status_code == 200
    assert client.get("/terminals/?q=" + "9" * 400).status_code == 200


def test_no_match_and_nothing_yet_are_two_different_texts(client_for: ClientFor) -> None:
    olga, lin = client_for("olga"), client_for("lin")

    assert "Import a maker" in olga.get("/terminals/").content.decode()
    assert "match these filters" in olga.get("/terminals/?q=X").content.decode()
    assert "once one is installed" in lin.get("/terminals/").content.decode()


@pytest.mark.parametrize(("who", "status"), [("fay", 403), ("ron", 403), ("carol", 200)])
def test_who_may_not_see_terminals_is_refused(
    who: str, status: int, client_for: ClientFor, fleet: dict[str, Terminal]
) -> None:
    assert client_for(who).get("/terminals/").status_code == status


def test_the_statuses_are_all_offered(client_for: ClientFor, fleet: dict[str, Terminal]) -> None:
    page = client_for("olga").get("/terminals/").content.decode()

    assert [s for s in TerminalStatus.values if f'value="{s}"' in page] == TerminalStatus.values


# --- columns and views ------------------------------------------------------------------------


def test_columns_and_density_are_a_persons_own(
    client_for: ClientFor, fleet: dict[str, Terminal]
) -> None:
    olga, carol = client_for("olga"), client_for("carol")
    number = fleet["online"].terminal_no
    before = olga.get("/terminals/").content.decode()
    assert number not in before
    assert '<td class="p2">Noodle House</td>' in before

    olga.post(
        "/lists/terminals/columns/",
        {"columns": ["terminal_no", "store"], "density": "compact", "next": "/terminals/"},
    )

    page = olga.get("/terminals/").content.decode()
    assert number in page
    assert '<td class="p2">Noodle House</td>' not in page
    assert "N9A000001" in page
    assert 'class="table compact"' in page
    assert number not in carol.get("/terminals/").content.decode()


def test_a_view_keeps_its_filter_and_is_opened_by_its_name(
    client_for: ClientFor, fleet: dict[str, Terminal]
) -> None:
    olga = client_for("olga")
    page = olga.get("/terminals/?status=SUSPENDED&q=n9a").content.decode()
    assert 'name="query" value="q=n9a&amp;status=SUSPENDED"' in page

    olga.post(
        "/lists/terminals/views/",
        {"name": "Trouble", "query": "q=n9a&status=SUSPENDED", "next": "/terminals/"},
    )
    slug = re.search(r"/terminals/\?view=([a-z0-9]+)", olga.get("/terminals/").content.decode())
    assert slug is not None
    opened = olga.get(f"/terminals/?view={slug[1]}")
    piece = olga.get(f"/terminals/?view={slug[1]}", headers={"HX-Request": "true"})

    assert "N9A000003" in opened.content.decode()
    assert "N9A000001" not in opened.content.decode()
    assert piece["HX-Push-Url"] == f"/terminals/?view={slug[1]}"
    assert "Trouble" in piece.content.decode()
    nobody = client_for("carol").get(f"/terminals/?view={slug[1]}").content.decode()
    assert "N9A000001" in nobody
