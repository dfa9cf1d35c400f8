"""The list of the fleet reads along its indexes."""

from datetime import date

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from portal.kit.actor import Actor
from terminals.board.queries import OF_ALL, TABS, Wanted, count_tabs, list_terminals
from terminals.fleet.models import Terminal
from tests.cast import Cast

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

TODAY = date(2026, 11, 20)


def _plan(wanted: Wanted, actor: Actor) -> str:
    """The plan of a page where tables are large: no reading of whole tables, no sorting."""
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off; set local enable_sort = off")
        with connection.execute_wrapper(_explained):
            page = list_terminals(actor, wanted, today=TODAY, language="en")
        cursor.execute("set local enable_seqscan = on; set local enable_sort = on")
    assert page.rows == []
    return _explained.plan


class _Explained:
    """Runs EXPLAIN in place of the one statement, and keeps the plan."""

    plan = ""

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        with context["connection"].cursor() as cursor:
            cursor.cursor.execute("explain " + sql, params)
            self.plan = "\n".join(row[0] for row in cursor.cursor.fetchall())
        return execute(f"select * from ({sql}) nothing where false", params, many, context)


_explained = _Explained()


@pytest.mark.parametrize(
    "wanted",
    [Wanted(), Wanted(status=("SUSPENDED",)), Wanted(model=(("PAX", "A920"),)), Wanted(q="N9A")],
    ids=str,
)
def test_the_list_reads_along_an_index_and_sorts_nothing(
    wanted: Wanted, cast: Cast, olga: Actor, fleet: dict[str, Terminal]
) -> None:
    plan = _plan(wanted, olga)

    assert "Sort" not in plan
    assert "Seq Scan" not in plan
    assert "sign_in_of_terminal" in plan


def test_who_signed_in_today_is_found_along_an_index(
    olga: Actor, fleet: dict[str, Terminal]
) -> None:
    assert "sign_in_good_of_day" in _plan(Wanted(signed_in="yes"), olga)
    assert "liveness_not_online" in _plan(Wanted(link=("OFFLINE",)), olga)


def test_the_counts_of_the_tabs_are_one_statement_along_indexes(
    olga: Actor, fleet: dict[str, Terminal], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        count_tabs(olga, today=TODAY)

    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        cursor.execute("explain " + TABS.format(**OF_ALL), {"today": TODAY})
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("set local enable_seqscan = on")
    assert "Seq Scan" not in plan
    for index in ("terminal_by_status", "sign_in_good_of_day", "liveness_not_online"):
        assert index in plan
