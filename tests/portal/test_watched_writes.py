"""AUD-02: every kind of write to a watched table leaves its trace, and none can be silenced."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.db.models import Model
from django.db.transaction import atomic

from merchants.profiles.models import Merchant
from portal.accounts.models import AuthenticatorDevice
from portal.audit.models import AuditEntry
from portal.kit.scope import GATE, WORKER, DatabaseRole, Scope, acting_as, statement
from tests.cast import BORN
from tests.psql import (
    EVERYBODY,
    NO_LEAVE,
    ROLES,
    House,
    Link,
    ask,
    connect,
    names,
    refusal,
    speaking,
)

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

WATCHED = "select tgrelid::regclass::text from pg_trigger where tgname = 'watch_rows' order by 1"
SEED = "the seed in its cipher"


# --- the kinds of write: what is new, and a row that is there already -----------------------


def save_new(new: Any, row: Any) -> None:
    new.save()


def save_changed(new: Any, row: Any) -> None:
    row.name = "changed"
    row.save()


def bulk_create(new: Any, row: Any) -> None:
    type(row).objects.bulk_create([new])


def bulk_update(new: Any, row: Any) -> None:
    row.name = "changed"
    type(row).objects.bulk_update([row], ["name"])


def queryset_update(new: Any, row: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(name="changed")


def upsert(new: Any, row: Any) -> None:
    row.name = "changed"
    type(row).objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["id"], update_fields=["name"]
    )


def sql_insert(new: Any, row: Any) -> None:
    columns, values = _cells(new)
    marks = ", ".join(["%s"] * len(values))
    _say(f"insert into {new._meta.db_table} ({columns}) values ({marks})", *values)


def sql_update(new: Any, row: Any) -> None:
    _say(f"update {row._meta.db_table} set name = 'changed' where id = %s", row.pk)


def copy_in(new: Any, row: Any) -> None:
    columns, values = _cells(new)
    said = f"copy {new._meta.db_table} ({columns}) from stdin"
    with connection.cursor() as cursor, cursor.copy(said) as copy:
        copy.write_row(values)


def queryset_delete(new: Any, row: Any) -> None:
    type(row).objects.filter(pk=row.pk).delete()


def raw_delete(new: Any, row: Any) -> None:
    type(row).objects.filter(pk=row.pk)._raw_delete("default")


def sql_delete(new: Any, row: Any) -> None:
    _say(f"delete from {row._meta.db_table} where id = %s", row.pk)


def _cells(new: Model) -> tuple[str, list[Any]]:
    fields = [field for field in new._meta.concrete_fields if not field.primary_key]
    return ", ".join(str(f.column) for f in fields), [getattr(new, f.attname) for f in fields]


def _say(said: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(said, values)


Write = Callable[[Any, Any], None]
PUT: list[Write] = [save_new, bulk_create, sql_insert]
CHANGE: list[Write] = [save_changed, bulk_update, queryset_update, upsert, sql_update]
REMOVE: list[Write] = [queryset_delete, raw_delete, sql_delete]
EVENT = {
    **dict.fromkeys((*PUT, copy_in), "row.insert"),
    **dict.fromkeys(CHANGE, "row.update"),
    **dict.fromkeys(REMOVE, "row.delete"),
}
ACTORS = [("PERSON:7", "PERSON:7"), ("", "db:{role}")]


def a_merchant() -> Merchant:
    return Merchant(code="M9", name="new", created_at=BORN)


def a_device(house: House) -> AuthenticatorDevice:
    return AuthenticatorDevice(user_id=house.owner, name="new", confirmed=False, sealed_seed=SEED)


@pytest.fixture
def noodle(houses: tuple[House, House]) -> Merchant:
    """A merchant whose name is "old"."""
    with atomic():
        Merchant.objects.filter(pk=houses[0].merchant).update(name="old")
        return Merchant.objects.get(pk=houses[0].merchant)


@atomic
def traces(table: str) -> dict[object, tuple[object, ...]]:
    """The entries of the row triggers about one table."""
    with acting_as(WORKER):
        found = AuditEntry.objects.filter(subject_type=table, event__startswith="row.")
        return {
            entry.pk: (entry.event, entry.actor_label, entry.subject_id, *_names(entry.details))
            for entry in found
        }


def _names(details: dict[str, Any]) -> list[str | None]:
    assert SEED not in str(details)
    return [(details[side] or {}).get("name") for side in ("before", "after")]


def trace_left(write: Write, new: Model, row: Model, scope: Scope) -> list[tuple[object, ...]]:
    """Do one write under a scope and return the entries it left."""
    before = traces(row._meta.db_table)
    with acting_as(scope), atomic():
        write(new, row)
    return [told for key, told in traces(row._meta.db_table).items() if key not in before]


def expected(write: Write, table: str, row_id: object, actor: str) -> list[tuple[object, ...]]:
    """The one entry that a write must leave."""
    was, became = {
        "row.insert": (None, "new"),
        "row.update": ("old", "changed"),
        "row.delete": ("old", None),
    }[EVENT[write]]
    return [(EVENT[write], actor, str(row_id), was, became)]


@pytest.mark.parametrize(("declared", "label"), ACTORS, ids=["declared", "undeclared"])
@pytest.mark.parametrize("write", [*PUT, *CHANGE])
def test_each_kind_of_write_to_a_merchant_leaves_one_entry_with_its_actor(
    write: Write, declared: str, label: str, noodle: Merchant
) -> None:
    told = trace_left(write, a_merchant(), noodle, Scope(DatabaseRole.WORKER, actor=declared))

    with atomic():
        written = noodle.pk if write in CHANGE else Merchant.objects.get(code="M9").pk
    assert told == expected(write, "merchants_merchant", written, label.format(role="pos_worker"))


@pytest.mark.parametrize(("declared", "label"), ACTORS, ids=["declared", "undeclared"])
@pytest.mark.parametrize("write", [*PUT, copy_in, *CHANGE, *REMOVE])
def test_each_kind_of_write_to_a_second_factor_leaves_one_entry_without_the_seed(
    write: Write, declared: str, label: str, houses: tuple[House, House]
) -> None:
    row, new = a_device(houses[0]), a_device(houses[0])
    row.name = "old"
    with acting_as(GATE), atomic():
        row.save()
        row_id = row.pk

    told = trace_left(write, new, row, Scope(DatabaseRole.GATE, actor=declared))

    if EVENT[write] == "row.insert":
        with acting_as(GATE), atomic():
            row_id = AuthenticatorDevice.objects.get(name="new").pk
    label = label.format(role="pos_gate")
    assert told == expected(write, "portal_authenticatordevice", row_id, label)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("write", [copy_in, raw_delete, sql_delete])
def test_no_role_may_delete_a_merchant_or_copy_many_in(
    write: Write, role: str, noodle: Merchant
) -> None:
    scope = Scope(DatabaseRole(role), noodle.pk)
    with pytest.raises((DatabaseError, psycopg.Error)) as refused, acting_as(scope), atomic():
        write(a_merchant(), noodle)

    assert str(refused.value).splitlines()[0] in (
        "permission denied for table merchants_merchant",
        "COPY FROM not supported with row-level security",
    )


def test_a_write_that_changes_nothing_leaves_nothing(noodle: Merchant) -> None:
    assert trace_left(lambda _new, row: row.save(), noodle, noodle, WORKER) == []


# --- the same by psql, as each role ----------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "table", "change"),
    [
        (
            "pos_gate",
            "portal_user",
            "update portal_user set theme = 'DARK' where username = 'lin'",
        ),
        (
            "pos_staff",
            "merchants_merchant",
            "update merchants_merchant set name = 'x' where id = {house.merchant}",
        ),
        (
            "pos_device",
            "terminals_terminal",
            "update terminals_terminal set status = 'ENROLLED' where id = {house.terminal}",
        ),
        (
            "pos_worker",
            "merchants_store",
            "update merchants_store set name = 'x' where id = {house.store}",
        ),
    ],
)
def test_a_write_past_the_application_is_told_of_the_role(
    role: str, table: str, change: str, houses: tuple[House, House], link: Link
) -> None:
    with speaking(link, Scope(DatabaseRole(role), houses[0].merchant)):
        link.execute(change.format(house=houses[0]).encode())
        link.execute(statement(WORKER).encode())
        told = ask(
            link,
            "select event, actor_kind, actor_label, subject_type, via from portal_auditentry"
            " where xmin::text = pg_current_xact_id()::xid::text",
        )

    assert told == [("row.update", "DB", f"db:{role}", table, "DB")]


def test_a_temporary_table_cannot_stand_in_for_the_log(
    houses: tuple[House, House], link: Link
) -> None:
    with speaking(link, WORKER):
        link.execute("create temp table portal_auditentry (like public.portal_auditentry)")
        link.execute("update merchants_store set name = 'x'")

        assert ask(link, "select count(*) from pg_temp.portal_auditentry") == [(0,)]
        assert ask(
            link,
            "select count(*) from public.portal_auditentry"
            " where xmin::text = pg_current_xact_id()::xid::text",
        ) == [(2,)]


def test_merchants_and_the_sealer_may_write_no_watched_table_and_rows_go_in_one_place_alone(
    link: Link,
) -> None:
    writable = {
        (role, table, right)
        for role in ROLES
        for table in names(link, WATCHED)
        for right in ("insert", "update", "delete")
        if ask(link, _MAY[right], role, table)[0][0]
    }

    assert {role for role, _table, _right in writable} == {
        "pos_gate", "pos_staff", "pos_device", "pos_worker",
    }  # fmt: skip
    assert {found for found in writable if found[2] == "delete"} == {
        ("pos_gate", "portal_authenticatordevice", "delete")
    }


_MAY = {
    "insert": "select has_any_column_privilege(%s, %s, 'insert')",
    "update": "select has_any_column_privilege(%s, %s, 'update')",
    "delete": "select has_table_privilege(%s, %s, 'delete')",
}


def test_nobody_may_empty_a_watched_table_or_silence_its_trigger(
    houses: tuple[House, House], link: Link
) -> None:
    tables = names(link, WATCHED)
    said = [
        refusal(link, scope, statement.format(table=table)).partition(":")[0]
        for scope in EVERYBODY
        for table in tables
        for statement in (
            "truncate {table} cascade",
            "alter table {table} disable trigger watch_rows",
            "alter table {table} disable trigger all",
            "drop trigger watch_rows on {table}",
        )
    ]

    assert len(tables) == 8
    assert said == [NO_LEAVE] * (len(EVERYBODY) * len(tables) * 4)


def test_nobody_may_pass_for_a_replica_not_even_the_owner(link: Link) -> None:
    replica = "set session_replication_role = replica"
    with connect("owner") as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(replica)
    with connect() as fresh, pytest.raises(psycopg.errors.InsufficientPrivilege):
        fresh.execute(replica)

    assert {refusal(link, scope, replica).partition(":")[0] for scope in EVERYBODY} == {NO_LEAVE}
