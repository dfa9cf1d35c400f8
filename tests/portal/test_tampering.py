"""AUD-03: what was written to the log and to the book stays."""

import re
from typing import Any

import psycopg
import pytest

from portal.kit.scope import WORKER, Scope, statement
from tests.psql import EVERYBODY, LOGIN, NO_LEAVE, House, Link, ask, connect, names, speaking

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

APPEND_ONLY = (
    "select tgrelid::regclass::text from pg_trigger where tgname = 'append_only'"
    " and tgparentid = 0 order by 1"
)
KEY = {
    "portal_auditentry": ("at, id", "event"),
    "transactions_transaction": ("merchant_id, business_date, id", "reference"),
}
TAMPERING = {
    "update": "update {table} set {column} = 'x'",
    "delete": "delete from {table}",
    "truncate": "truncate {table}",
    "drop": "drop table {table} cascade",
    "trigger off": "alter table {table} disable trigger append_only",
    "insert over": "insert into {table} select * from jsonb_populate_record(null::{table}, %s)"
    " on conflict ({key}) do update set {column} = 'x'",
    "partition": "update {partition} set {column} = 'x'",
    "row security off": "alter table {table} disable row level security",
    "grant": "grant update, delete on {table} to {role}",
}


@pytest.mark.parametrize("tampering", TAMPERING)
@pytest.mark.parametrize("table", KEY)
def test_nobody_may_tamper_with_the_log_or_the_book(
    table: str, tampering: str, houses: tuple[House, House], link: Link
) -> None:
    key, column = KEY[table]
    with speaking(link, WORKER):
        [(row, partition)] = ask(
            link, f"select to_jsonb(t)::text, tableoid::regclass from {table} t limit 1"
        )
    before = rows_and_rights(link, table)

    said = {}
    for scope in EVERYBODY:
        role = scope.role if scope else LOGIN
        text = TAMPERING[tampering].format(
            table=table, column=column, key=key, partition=partition, role=role
        )
        house = Scope(scope.role, houses[0].merchant) if scope else None
        said[str(role)] = done(link, house, text, *([row] if "%s" in text else []))

    assert partition != table
    if tampering == "grant":  # to one who may do some of it PostgreSQL only says that it gave none
        assert set(said.values()) <= {NO_LEAVE, "01007"}
    else:
        assert set(said.values()) == {NO_LEAVE}
    assert rows_and_rights(link, table) == before


def done(link: Link, scope: Scope | None, said: str, *values: object) -> str:
    """Say something and commit it; return the refusal, or the code of the warning given."""
    warnings: list[str] = []
    link.add_notice_handler(lambda notice: warnings.append(notice.sqlstate or ""))
    try:
        with link.transaction():
            link.execute(statement(scope).encode())
            link.execute(said.encode(), values or None)
    except psycopg.Error as error:
        return type(error).__name__
    return warnings[0] if warnings else "done"


def rows_and_rights(link: Link, table: str) -> list[tuple[Any, ...]]:
    """A picture of the rows of a table, and of who may do what with it."""
    with speaking(link, WORKER):
        return [
            *ask(link, f"select md5(t::text) from {table} t order by 1"),
            *ask(
                link,
                "select relacl, relrowsecurity, relforcerowsecurity,"
                " array(select tgenabled from pg_trigger where tgrelid = c.oid)"
                " from pg_class c where oid = %s::regclass",
                table,
            ),
        ]


def test_the_owner_cannot_change_what_is_append_only_either(
    houses: tuple[House, House], link: Link
) -> None:
    tables = names(link, APPEND_ONLY)
    said = {}
    with connect("owner") as owner:
        for table in tables:
            column = names(
                link,
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
                " and attidentity = '' order by attnum desc limit 1",
                table,
            )[0]
            for change in (f"update {table} set {column} = {column}", f"delete from {table}"):
                hidden = f"alter table {table} no force row level security"
                said[change] = _refused_to_owner(owner, hidden, change)

    assert set(KEY) < set(tables)
    assert len(tables) == 6
    assert [
        change
        for change, why in said.items()
        if not re.fullmatch(rf"{NO_LEAVE}: (\w+_)+\w+ is append-only", why)
    ] == []


def test_the_owner_cannot_change_a_partition_of_the_book_by_its_own_name(
    houses: tuple[House, House],
) -> None:
    with connect("owner") as owner:
        for table in KEY:
            partition = f"{table}_202611"
            hidden = f"alter table {partition} no force row level security"

            assert _refused_to_owner(owner, hidden, f"delete from {partition}") == (
                f"{NO_LEAVE}: {partition} is append-only"
            )


def test_the_owner_does_not_even_see_the_rows_while_row_security_is_forced(
    houses: tuple[House, House],
) -> None:
    with connect("owner") as owner:
        for table in KEY:
            assert ask(owner, f"select count(*) from {table}") == [(0,)]
            assert owner.execute(f"delete from {table}".encode()).rowcount == 0


def _refused_to_owner(owner: Link, first: str, change: str) -> str:
    """Lift what hides the rows from the owner, then try to change them; undo it all."""
    try:
        with owner.transaction(force_rollback=True):
            owner.execute(first.encode())
            owner.execute(change.encode())
    except psycopg.Error as error:
        return f"{type(error).__name__}: {error.diag.message_primary}"
    return "done"
