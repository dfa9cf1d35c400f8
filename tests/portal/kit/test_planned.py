"""Statements whose plan is kept: same rows, under the role of the moment."""

from datetime import datetime, timedelta

import pytest
from django.db import ProgrammingError, connection
from django.db.transaction import atomic

from portal.accounts.models import SavedView, User
from portal.kit import planned
from portal.kit.actor import Actor
from portal.kit.scope import GATE, acting_as, scope_of, through_gate
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

STORES = "select merchant_id from merchants_store where id > %s"


def prepared(text: str) -> int:
    """How many statements with this text the connection holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_prepared_statements where statement like %s", [f"%{text}%"]
        )
        return int(cursor.fetchone()[0])


def test_a_statement_is_planned_once_for_each_role(lin: Actor, carol: Actor) -> None:
    with acting_as(GATE), atomic():
        before = prepared("merchants_store where id")
    for actor in (lin, carol, lin, carol):
        with acting_as(scope_of(actor)), atomic():
            planned.ask(STORES, [0])

    with acting_as(GATE), atomic():
        assert prepared("merchants_store where id") - before == 2


def test_row_security_holds_for_a_plan_that_another_merchant_made(
    cast: Cast, lin: Actor, wu: Actor
) -> None:
    seen = {}
    for _ in range(7):  # from the sixth time on the plan may be one for all values
        for actor in (lin, wu):
            with acting_as(scope_of(actor)), atomic():
                seen[actor.label] = {row[0] for row in planned.ask(STORES, [0])}

    assert seen == {lin.label: {lin.merchant_id}, wu.label: {wu.merchant_id}}


def test_an_object_is_the_one_that_the_model_would_find(cast: Cast, noon: datetime) -> None:
    user = cast.user("lin")
    with through_gate(), atomic():
        made = SavedView.objects.create(
            user=user, merchant_id=None, list_name="l", name="n", slug="s", query="q",
            columns=["a", "b"], created_at=noon,
        )  # fmt: skip
        view = planned.find(SavedView, "where slug = %s", ["s"])[0]
        person = planned.find(User, "where id = %s", [user.pk])[0]

    assert (view.pk, view.columns, view.created_at) == (made.pk, ["a", "b"], noon)
    assert {f.attname: getattr(person, f.attname) for f in User._meta.concrete_fields} == {
        f.attname: getattr(user, f.attname) for f in User._meta.concrete_fields
    }


def test_times_are_read_to_the_microsecond_in_utc() -> None:
    said = "2026-11-20T23:59:59.999999+08:00"
    with acting_as(GATE), atomic():
        ((read, nothing),) = planned.ask("select %s::timestamptz, null::timestamptz", [said])

    assert (read, nothing) == (datetime.fromisoformat(said), None)
    assert read.utcoffset() == timedelta()


def test_a_mistake_is_reported_as_django_reports_it() -> None:
    with pytest.raises(ProgrammingError), acting_as(GATE), atomic():
        planned.ask("select nothing_of_this_name", [])
