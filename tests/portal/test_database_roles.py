"""SEC-07: who the application is to the database, and what stays of it on a line."""

import pytest
from django.db import connections

from portal.kit.scope import DatabaseRole, Scope, acting_as, statement
from tests.psql import (
    EVERY_RELATION,
    LOGIN,
    ROLES,
    House,
    Link,
    ask,
    denied,
    may,
    names,
    refusal,
    speaking,
    tenant_tables,
)

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

WHOLE = "select, insert, update, delete, truncate, references, trigger"
# Views that see past the row-level security of the reader; a materialised one always does.
LEAKING_VIEWS = """
select relname from pg_class where relnamespace = 'public'::regnamespace
   and (relkind = 'm' or (relkind = 'v' and not coalesce(reloptions, '{}') @>
        array['security_invoker=true'])) order by 1
"""


def test_the_login_alone_may_do_nothing_with_any_table(
    houses: tuple[House, House], link: Link
) -> None:
    rights = [
        table
        for table in names(link, EVERY_RELATION)
        if ask(link, "select has_table_privilege(%s, %s, %s)", LOGIN, table, WHOLE)[0][0]
        or may(link, LOGIN, table, "select, insert, update, references")
    ]
    said = {t: refusal(link, None, f"select 1 from {t}") for t, _c in tenant_tables(link)}

    assert rights == ["django_migrations"]
    assert said == {table: denied(table) for table in said}


def test_no_role_of_the_application_stands_above_the_rows(link: Link) -> None:
    assert ask(
        link,
        "select rolname, rolcanlogin, rolinherit, rolsuper or rolbypassrls or rolcreatedb"
        " or rolcreaterole or rolreplication from pg_roles where rolname like 'pos\\_%%'"
        " and rolname <> 'pos_owner' order by 1",
    ) == [
        (LOGIN, True, False, False),
        *((role, False, False, False) for role in sorted(ROLES)),
    ]


def test_the_login_holds_its_roles_only_when_it_takes_one_and_can_pass_none_on(
    link: Link,
) -> None:
    assert ask(
        link,
        "select r.rolname, pg_has_role(m.member, r.oid, 'usage'), m.admin_option"
        " from pg_auth_members m join pg_roles r on r.oid = m.roleid"
        " where m.member = %s::regrole and r.rolname like 'pos\\_%%' order by 1",
        LOGIN,
    ) == [(role, False, False) for role in sorted(ROLES)]
    assert (
        names(
            link,
            "select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.member"
            " where r.rolname = any(%s)",
            list(ROLES),
        )
        == []
    )


def test_the_owner_of_the_tables_is_not_who_the_application_is(link: Link) -> None:
    owners = names(
        link,
        "select distinct relowner::regrole::text from pg_class"
        " where relnamespace = 'public'::regnamespace",
    )

    assert len(owners) == 1
    assert owners[0] not in (LOGIN, *ROLES)
    assert ask(link, "select pg_has_role(%s, %s, 'member')", LOGIN, owners[0]) == [(False,)]
    assert "InsufficientPrivilege" in refusal(link, None, f"set role {owners[0]}")
    assert ask(link, "select has_schema_privilege(%s, 'public', 'create')", LOGIN) == [(False,)]


def test_nothing_of_a_scope_stays_on_the_line_after_its_transaction(
    houses: tuple[House, House], link: Link
) -> None:
    scope = Scope(DatabaseRole.MERCHANT, houses[0].merchant, "PERSON:7")
    told = "select current_user, current_setting('app.merchant', true), current_setting(%s, true)"
    with link.transaction():
        link.execute(statement(scope).encode())
        within = ask(link, told, "app.actor")
        assert ask(link, "select count(*) from merchants_store") == [(1,)]
    with link.transaction():
        after = ask(link, told, "app.actor")

    assert within == [("pos_merchant", str(houses[0].merchant), "PERSON:7")]
    assert after == [(LOGIN, "", "")]
    assert refusal(link, None, "select 1 from merchants_store") == denied("merchants_store")
    # the setting is '' now, not unset: the policy takes that for no tenant, without an error
    with speaking(link, Scope(DatabaseRole.MERCHANT)):
        assert ask(link, "select count(*) from merchants_store") == [(0,)]


def test_django_too_leaves_nothing_on_its_line() -> None:
    line = connections["default"].copy()  # the test's own has a transaction open
    heard = []
    for scope in (Scope(DatabaseRole.MERCHANT, 7), None):
        with acting_as(scope), line.cursor() as cursor:
            line.set_autocommit(False)
            cursor.execute(
                "select current_user, coalesce(current_setting('app.merchant', true), '')"
            )
            heard.append(cursor.fetchone())
            line.commit()
            line.set_autocommit(True)
    line.close()

    assert heard == [("pos_merchant", "7"), (LOGIN, "")]


def test_no_view_sees_past_the_rows_of_its_reader(link: Link, owner: Link) -> None:
    assert names(link, LEAKING_VIEWS) == []
    with owner.transaction(force_rollback=True):  # and the question would find one
        owner.execute("create view v1 as select * from merchants_store")
        owner.execute("create view v2 with (security_invoker = true) as select 1 as n")
        owner.execute("create materialized view v3 as select 1 as n")
        assert names(owner, LEAKING_VIEWS) == ["v1", "v3"]


def test_functions_that_run_as_their_owner_are_few_and_cannot_be_misled(link: Link) -> None:
    assert ask(
        link,
        "select p.proname, p.proconfig, has_function_privilege('pos_app', p.oid, 'execute'),"
        " array(select r.rolname::text from pg_roles r where r.rolname = any(%s)"
        "  and has_function_privilege(r.oid, p.oid, 'execute'))"
        " from pg_proc p where p.prosecdef and p.pronamespace = 'public'::regnamespace",
        list(ROLES),
    ) == [
        (
            "pos_prepare_months",
            ["search_path=pg_catalog, public, pg_temp"],
            False,
            ["pos_worker"],
        )
    ]
