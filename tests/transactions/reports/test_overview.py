"""The overview: figures of the period out of daily totals, and what needs a hand."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from portal.kit.actor import Actor
from portal.kit.scope import acting_as, scope_of
from terminals.checkin.models import SignIn
from terminals.fleet.models import Terminal, TerminalStatus
from terminals.presence.models import Liveness
from tests.cast import Cast
from tests.make import make_terminal
from tests.transactions.rows import SHANGHAI, built, prepare_months, put
from transactions.reports.queries import TerminalCounts, count_terminals

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
SignInAs = Callable[[str], Client]


@pytest.fixture
def now() -> datetime:
    """The moment of the request: pages read the clock themselves."""
    return timezone.now()


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def _fortnight(a1041: Terminal, b2052: Terminal, now: datetime) -> None:
    """Noodle House: 200.00 and a refund of 20.00 today, 100.00 eight days ago."""
    prepare_months(now - timedelta(days=40), now)
    put([
        built(a1041, 1, occurred_at=now),
        built(a1041, 2, occurred_at=now),
        built(a1041, 3, occurred_at=now, kind="REFUND", amount_minor=2000),
        built(a1041, 4, occurred_at=now, status="DECLINED"),
        built(a1041, 5, occurred_at=now - timedelta(days=8)),
        built(b2052, 6, occurred_at=now, amount_minor=77_700),
    ])  # fmt: skip


@pytest.mark.usefixtures("_fortnight")
def test_the_figures_are_those_of_the_period_and_compare_with_the_one_before(
    client_for: SignInAs,
) -> None:
    page = text(client_for("lin"), "/overview/")

    for words in ("Net sales", "¥180.00", "80.0%", "Average sale ", "¥100.00", "0.0%", "10.0%"):
        assert words in page, words
    assert "vs the 7 days before" in page
    assert "777" not in page


@pytest.mark.usefixtures("_fortnight")
def test_staff_see_all_merchants_together(client_for: SignInAs) -> None:
    assert "¥957.00" in text(client_for("carol"), "/overview/?period=today")


def test_a_period_without_anything_leads_to_the_last_one_that_had(
    client_for: SignInAs, a1041: Terminal
) -> None:
    at = datetime(2025, 2, 28, 12, tzinfo=SHANGHAI)
    prepare_months(at, at)
    put([built(a1041, 1, occurred_at=at)])
    lin = client_for("lin")

    page = lin.get("/overview/").content.decode()

    assert "The last transaction was on 28 Feb 2025." in page
    link = re.search(r'href="(/overview/\?from=2025-01-30&amp;to=2025-02-28)"', page)
    assert link is not None
    assert "¥100.00" in text(lin, link[1].replace("&amp;", "&"))


def test_dates_that_make_no_period_are_explained(client_for: SignInAs) -> None:
    lin = client_for("lin")

    response = lin.get("/overview/", {"from": "2026-01-01", "to": "2026-12-31"})

    assert (response.status_code, response["Location"]) == (302, "/overview/")
    assert "at most 92 days apart" in text(lin, "/overview/")


def test_the_overview_renews_itself_only_when_something_came_in(
    client_for: SignInAs, a1041: Terminal, now: datetime
) -> None:
    lin = client_for("lin")
    prepare_months(now, now)
    put([built(a1041, 1, occurred_at=now)])
    found = re.search(r'data-live hx-get="([^"]+)"', lin.get("/overview/").content.decode())
    assert found is not None
    pulse = found[1].replace("&amp;", "&")

    silent = lin.get(pulse, headers={"HX-Request": "true"})
    put([built(a1041, 2, occurred_at=now)])
    answer = lin.get(pulse, headers={"HX-Request": "true"})

    assert pulse.startswith("/overview/newest/?")
    assert silent.status_code == 204
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert "¥200.00" in answer.content.decode()
    assert "data-live" not in lin.get("/overview/?from=2025-01-01&to=2025-01-31").content.decode()


@pytest.fixture
def fleet(cast: Cast, noon: datetime) -> list[Terminal]:
    """Six terminals: signed in, signed out again, offline, never heard, suspended, retired."""
    states = [TerminalStatus.ACTIVE] * 4 + [TerminalStatus.ACTIVE, TerminalStatus.RETIRED]
    made = [
        make_terminal(f"N9A04{n:04d}", merchant=cast.noodle, store=cast.noodle_store, now=noon,
                      status=status)
        for n, status in enumerate(states)
    ]  # fmt: skip
    Terminal.objects.filter(pk=made[4].pk).update(
        status="SUSPENDED", suspended_at=noon, suspended_reason="RISK"
    )
    Liveness.objects.update_or_create(
        terminal=made[2], defaults={"merchant_id": cast.noodle.pk, "link": "OFFLINE"}
    )
    for terminal, out in ((made[0], None), (made[1], noon), (made[2], None)):
        SignIn.objects.create(
            terminal=terminal, merchant_id=cast.noodle.pk, signin_id="s", body_sha256="x",
            business_date=noon.date(), at=noon, operator_no="01", code="OK", session_id=uuid4(),
            batch_no=1, expires_at=noon + timedelta(hours=12), signed_out_at=out,
        )  # fmt: skip
    return made


def test_each_terminal_counts_once_by_the_worst_that_holds(
    lin: Actor, wu: Actor, fleet: list[Terminal], noon: datetime
) -> None:
    at = noon + timedelta(hours=1)
    for actor, wanted in ((lin, TerminalCounts(1, 2, 1, 1)), (wu, TerminalCounts(0, 0, 0, 0))):
        with acting_as(scope_of(actor)):
            assert count_terminals(actor, now=at, today=noon.date()) == wanted


def test_what_needs_attention_is_said_with_its_number(
    client_for: SignInAs, fleet: list[Terminal]
) -> None:
    page = text(client_for("lin"), "/overview/")

    assert "1 terminal is suspended" in page
    assert "1 terminal is offline" in page
    assert "terminals have not signed in today" in page


def test_nothing_to_do_is_said_too(client_for: SignInAs) -> None:
    assert "Nothing needs attention." in text(client_for("wu"), "/overview/")


def test_finance_sees_no_terminals(client_for: SignInAs, fleet: list[Terminal]) -> None:
    assert "is suspended" not in text(client_for("fay"), "/overview/")
