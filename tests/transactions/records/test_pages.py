"""The pages of transactions: the state is the URL, the file is the filter, strangers see none."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import UserSession
from portal.audit.models import AuditEntry
from portal.kit.scope import through_gate
from terminals.fleet.models import Terminal
from tests.transactions.rows import built, prepare_months, put

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
SignIn = Callable[[str], Client]
# in pieces, so that no full card number stands in a file
FULL_NUMBER = "622588" + "000000000" + "1"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def now() -> datetime:
    """The moment of the request: pages read the clock themselves."""
    return timezone.now()


@pytest.fixture
def day(a1041: Terminal, b2052: Terminal, now: datetime) -> list[str]:
    """Sixty sales of Noodle House this hour, every tenth declined; one of Tea House."""
    prepare_months(now, now)
    rows = [
        built(a1041, n, occurred_at=now - timedelta(seconds=n),
              status="DECLINED" if n % 10 == 0 else "APPROVED",
              card_last4="0417" if n % 2 else "0418")
        for n in range(1, 61)
    ]  # fmt: skip
    stored = put([*rows, built(b2052, 99, occurred_at=now)])
    return [row.reference for row in stored]


def references(page: str) -> list[str]:
    return re.findall(r'<a class="row-link" href="/transactions/(\w+)/">', page)


def get(client: Client, path: str, **query: str | list[str]) -> str:
    response = client.get(f"{path}?{urlencode(query, doseq=True)}" if query else path)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def rows_of(response: HttpResponseBase) -> str:
    """Take a download to its end, and return the number of rows it says it holds."""
    assert isinstance(response, FileResponse)
    list(response)
    response.close()
    return response["X-Rows"]


def test_the_list_shows_a_page_its_summary_and_the_number_in_the_export(
    client_for: SignIn, day: list[str]
) -> None:
    page = get(client_for("lin"), "/transactions/")

    assert references(page) == day[:50]
    assert "60 transactions · Sales ¥5,400.00 · Refunds ¥0.00" in re.sub(
        r"\s+", " ", re.sub(r"</?span>", "", page)
    )
    assert "Export 60" in page
    assert 'data-net="10000"' in page


def test_a_strangers_list_is_empty_and_his_sale_is_404(client_for: SignIn, day: list[str]) -> None:
    wu = client_for("wu")

    assert references(get(wu, "/transactions/")) == [day[60]]
    assert wu.get(f"/transactions/{day[0]}/").status_code == 404
    assert wu.get(f"/transactions/{day[60]}/").status_code == 200


def test_staff_see_all_merchants_with_a_column_and_a_filter(
    client_for: SignIn, day: list[str]
) -> None:
    carol = client_for("carol")

    page = get(carol, "/transactions/")
    assert "61 transactions" in page
    assert "M1000000002" in page
    assert references(get(carol, "/transactions/", merchant="M1000000002")) == [day[60]]


def test_who_has_not_the_right_is_refused(client_for: SignIn, day: list[str]) -> None:
    assert client_for("ron").get("/transactions/").status_code == 403


def test_an_operator_looks_up_all_merchants_and_takes_nothing_out(
    client_for: SignIn, day: list[str]
) -> None:
    olga = client_for("olga")

    page = get(olga, "/transactions/")

    assert "61 transactions" in page
    assert "M1000000002" in page
    assert "/transactions/export/" not in page
    assert olga.get(f"/transactions/{day[60]}/").status_code == 200
    assert olga.post("/transactions/export/", {"form": "csv"}).status_code == 403
    assert not AuditEntry.objects.filter(event="transaction.exported").exists()


def test_operators_of_the_box_become_parameters_of_the_address(
    client_for: SignIn, day: list[str]
) -> None:
    response = client_for("lin").get(
        "/transactions/", {"q": "status:declined amount:>1", "min": "", "kind": ""}, headers=HTMX
    )

    page = response.content.decode()
    assert response["HX-Push-Url"] == "/transactions/?min=1.01&status=DECLINED"
    assert len(references(page)) == 6
    assert "<html" not in page
    assert "Export 6" in page


def test_a_filter_is_a_chip_that_can_be_taken_off(client_for: SignIn, day: list[str]) -> None:
    page = get(client_for("lin"), "/transactions/", status="DECLINED", kind="SALE")

    assert '<a class="chip" href="/transactions/?kind=SALE">Declined' in page
    assert '<a class="chip" href="/transactions/?status=DECLINED">Sale' in page
    assert '<a class="clear" href="/transactions/">' in page


def test_a_bad_value_is_shown_at_its_field_and_nothing_else_is_lost(
    client_for: SignIn, day: list[str]
) -> None:
    page = get(client_for("lin"), "/transactions/", min="lots", status="DECLINED")

    assert "lots is not an amount. Write it like 1000 or 12.50." in page
    assert 'value="lots"' in page
    assert 'aria-invalid="true"' in page
    assert len(references(page)) == 6


def test_a_full_card_number_leaves_the_address_and_is_kept_nowhere(
    client_for: SignIn, day: list[str]
) -> None:
    lin = client_for("lin")

    response = lin.get("/transactions/", {"q": FULL_NUMBER, "kind": "SALE"})

    assert (response.status_code, response["Location"]) == (302, "/transactions/?kind=SALE")
    page = lin.get(response["Location"]).content.decode()
    assert "Search by the last 4 digits." in page
    assert FULL_NUMBER not in page + str(list(AuditEntry.objects.values()))


def test_a_search_by_card_is_one_entry_however_many_pages(
    client_for: SignIn, day: list[str]
) -> None:
    lin = client_for("lin")

    for _ in range(3):
        get(lin, "/transactions/", q="0417")
    get(lin, "/transactions/", q="0418")

    entries = AuditEntry.objects.filter(event="transaction.searched_by_card").order_by("id")
    assert [(e.actor_label, e.details) for e in entries] == [
        ("lin", {"filter": "q=0417"}),
        ("lin", {"filter": "q=0418"}),
    ]


def test_the_next_page_is_a_link_that_keeps_the_filter(client_for: SignIn, day: list[str]) -> None:
    lin = client_for("lin")
    page = get(lin, "/transactions/", kind="SALE")

    link = re.search(r'rel="next" href="([^"]+)"', page)

    assert link is not None
    rest = lin.get(link[1].replace("&amp;", "&")).content.decode()
    assert references(rest) == day[50:60]
    assert "kind=SALE" in link[1]


def test_a_forged_page_is_not_found(client_for: SignIn, day: list[str]) -> None:
    assert client_for("lin").get("/transactions/?cursor=abc.def").status_code == 404


def test_the_pulse_is_silent_until_something_comes_in(
    client_for: SignIn, day: list[str], a1041: Terminal, now: datetime
) -> None:
    lin = client_for("lin")
    page = get(lin, "/transactions/", kind="SALE")
    found = re.search(r'hx-get="(/transactions/newest/[^"]+)"', page)
    assert found is not None
    pulse = found[1].replace("&amp;", "&")

    before = lin.get(pulse, headers=HTMX)
    put([built(a1041, 500, occurred_at=now)])
    after = lin.get(pulse, headers=HTMX)

    assert (before.status_code, before.content) == (204, b"")
    assert after.status_code == 200
    assert len(references(after.content.decode())) == 50
    assert "HX-Push-Url" not in after


def test_a_page_that_asks_by_itself_does_not_keep_a_session_awake(
    client_for: SignIn, day: list[str], now: datetime
) -> None:
    lin = client_for("lin")
    quiet = now - timedelta(minutes=5)
    with through_gate():
        UserSession.objects.update(last_seen_at=quiet)

    for path in ("/transactions/newest/?mark=0", "/overview/newest/?mark=0"):
        assert lin.get(path, headers=HTMX).status_code == 200
    with through_gate():
        assert UserSession.objects.get().last_seen_at == quiet
    get(lin, "/transactions/")

    with through_gate():
        assert UserSession.objects.get().last_seen_at > quiet


def test_only_the_first_page_newest_first_renews_itself(
    client_for: SignIn, day: list[str]
) -> None:
    lin = client_for("lin")

    assert "data-live" in get(lin, "/transactions/")
    assert "data-live" not in get(lin, "/transactions/", sort="at")
    assert "data-live" not in get(lin, "/transactions/", q=day[0])


def test_saved_views_are_tabs(client_for: SignIn, day: list[str]) -> None:
    lin = client_for("lin")
    lin.post("/lists/transactions/views/", {
        "name": "Big cards", "query": "method=CARD&min=50", "shared_with_role": "CASHIER",
        "columns": ["at", "rrn", "amount"], "next": "/transactions/",
    })  # fmt: skip

    page = get(client_for("mei"), "/transactions/")
    link = re.search(r'href="(/transactions/\?view=\w+)">Big cards', page)
    assert link is not None
    opened = lin.get(link[1]).content.decode()
    assert 'aria-current="page">Big cards' in opened
    assert '<a class="chip" href="/transactions/?min=50">Bank card' in opened
    assert "RRN</th>" in re.sub(r"<a [^>]*>|</a>", "", opened)


def test_columns_and_density_are_kept(client_for: SignIn, day: list[str]) -> None:
    lin = client_for("lin")
    lin.post("/lists/transactions/columns/", {
        "columns": ["rrn", "operator"], "density": "compact", "next": "/transactions/",
    })  # fmt: skip

    page = get(lin, "/transactions/")

    heads = re.findall(r'<th scope="col"[^>]*>(?:<a [^>]*>)?([^<]+)', page)
    assert heads == ["Time", "RRN", "Operator number", "Amount"]
    assert 'class="table compact"' in page


def test_nothing_ever_nothing_matching_and_nothing_lately_are_three_texts(
    client_for: SignIn, b2052: Terminal, now: datetime
) -> None:
    lin, wu = client_for("lin"), client_for("wu")
    prepare_months(now - timedelta(days=100), now)
    put([built(b2052, 1, occurred_at=now - timedelta(days=100))])

    assert "No transactions yet." in get(lin, "/transactions/")
    lately = get(wu, "/transactions/")
    assert "Nothing in the last 31 days." in lately
    link = re.search(r'href="(/transactions/\?from=[^"]+)"', lately)
    assert link is not None
    assert len(references(wu.get(link[1].replace("&amp;", "&")).content.decode())) == 1
    assert "No transactions match these filters." in get(wu, "/transactions/", kind="VOID")


def test_the_file_is_the_filter(client_for: SignIn, day: list[str]) -> None:
    lin = client_for("lin")

    response = lin.get("/transactions/export/", {"status": "DECLINED"})

    body = b"".join(response).decode("utf-8-sig")
    response.close()
    assert (response["Content-Type"], response["X-Rows"]) == ("text/csv; charset=utf-8", "6")
    assert response["Content-Disposition"].startswith('attachment; filename="transactions-')
    assert len(body.splitlines()) == 7


def test_the_file_can_hold_the_columns_shown_alone(client_for: SignIn, day: list[str]) -> None:
    lin = client_for("lin")
    page = get(lin, "/transactions/")
    assert 'href="/transactions/export/?columns=shown"' in page

    response = lin.get("/transactions/export/?columns=shown")

    head = b"".join(response).decode("utf-8-sig").split("\r\n")[0]
    response.close()
    assert head == (
        "occurred_at,reference,store_code,store_name,serial,terminal_no,kind,status,method,"
        "card_type,card,currency,amount,net"
    )


def test_ticked_rows_are_exported_and_all_matching_only_when_asked(
    client_for: SignIn, day: list[str]
) -> None:
    lin = client_for("lin")
    few = {"ids": day[:2], "query": "status=APPROVED"}

    two = lin.post("/transactions/export/", few)
    everything = lin.post("/transactions/export/", {**few, "all": "1"})
    nothing = lin.post("/transactions/export/", {"query": "status=APPROVED"})

    assert (rows_of(two), rows_of(everything)) == ("2", "54")
    assert (nothing.status_code, nothing["Location"]) == (302, "/transactions/?status=APPROVED")


def test_a_strangers_ticks_are_worth_nothing(client_for: SignIn, day: list[str]) -> None:
    response = client_for("wu").post("/transactions/export/", {"ids": day[:2]})

    assert rows_of(response) == "0"


def test_a_cashier_is_offered_no_export_and_given_none(client_for: SignIn, day: list[str]) -> None:
    mei = client_for("mei")

    assert "Export" not in get(mei, "/transactions/")
    assert mei.get("/transactions/export/").status_code == 403


def test_a_bad_filter_is_not_exported_but_explained(client_for: SignIn, day: list[str]) -> None:
    lin = client_for("lin")

    response = lin.get("/transactions/export/", {"min": "lots", "kind": "SALE"})

    assert (response.status_code, response["Location"]) == (302, "/transactions/?kind=SALE")
    assert "Put the filter right first" in lin.get("/transactions/").content.decode()


def test_the_detail_tells_the_whole_story(client_for: SignIn, day: list[str]) -> None:
    page = get(client_for("lin"), f"/transactions/{day[9]}/")

    for words in ("Sale ¥100.00", "Declined", "N9A041041", "6225 **** 0418", "operator 01",
                  "Received by the acquirer", "000001 / 000010"):  # fmt: skip
        assert words in page, words


@pytest.mark.parametrize(
    ("path", "queries"), [("/transactions/", 13), ("/transactions/newest/?mark=0", 15)]
)
def test_the_number_of_queries_does_not_grow(
    client_for: SignIn, day: list[str], path: str, queries: int
) -> None:
    lin = client_for("lin")
    lin.get(path)

    with CaptureQueriesContext(connection) as captured:
        assert lin.get(path).status_code == 200

    asked = [q["sql"] for q in captured if not re.match("(RELEASE )?SAVEPOINT|BEGIN", q["sql"])]
    assert len(asked) <= queries, "\n".join(asked)
