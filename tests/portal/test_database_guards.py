"""SEC-07: what the database itself withholds, asked of its catalogue and tried over raw lines."""

import pytest
from django.db.transaction import atomic

from portal.kit.scope import WORKER, DatabaseRole, Scope
from tests import psql
from tests.psql import (
    EVERY_RELATION,
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
from transactions.intake.models import IntakeKey
from transactions.intake.queries import compare_keys

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

TENANTS = (DatabaseRole.MERCHANT, DatabaseRole.DEVICE)
# The door must find the terminal that speaks before it knows whose it is: reading alone.
OPEN_TO_THE_DOOR = {("pos_device", "terminals_terminal")}


def counts(link: Link, table: str, column: str, merchant: int) -> tuple[int, int]:
    """Count the rows of one merchant, and all the others."""
    question = f"select count(*) filter (where {column} = %s), count(*) from {table}"
    (own, everything), *_rest = ask(link, question, merchant)
    return own, everything - own


def scopes(merchant: int | None) -> list[Scope]:
    """The two roles that see one merchant's rows alone."""
    return [Scope(role, merchant) for role in TENANTS]


def readable(link: Link, role: str) -> list[tuple[str, str]]:
    """The tables of merchants' rows that a role may read."""
    return [(t, c) for t, c in tenant_tables(link) if may(link, role, t, "select")]


def test_every_table_and_partition_of_merchants_rows_has_row_level_security_forced(
    link: Link,
) -> None:
    tables = [table for table, _column in tenant_tables(link)]
    partitions = names(link, psql.PARTITIONS)
    forced = names(
        link, "select relname from pg_class where relrowsecurity and relforcerowsecurity"
    )

    assert len(tables) >= 16
    assert len(partitions) >= 10
    assert sorted({*tables, *partitions} - set(forced)) == []


def test_a_month_prepared_later_is_as_closed_as_the_others(link: Link) -> None:
    with speaking(link, WORKER):
        made = ask(
            link,
            "select pos_prepare_months('transactions_transaction', '2031-05-01', '2031-06-30')",
        )
        assert made == [(2,)]
        assert ask(
            link,
            "select relname, relrowsecurity, relforcerowsecurity, relacl is null"
            " from pg_class where relname like 'transactions_transaction_2031__' order by 1",
        ) == [
            ("transactions_transaction_203105", True, True, True),
            ("transactions_transaction_203106", True, True, True),
        ]


def test_each_policy_of_a_tenant_role_compares_with_the_tenant_and_nothing_else(
    link: Link,
) -> None:
    policies = ask(
        link,
        "select tablename, policyname, cmd, qual, with_check from pg_policies"
        " where roles && array['pos_merchant', 'pos_device', 'public']::name[] order by 1, 2",
    )
    columns = dict(tenant_tables(link))
    odd = {
        (table, policy)
        for table, policy, command, using, check in policies
        if command != "ALL"
        or using != check
        or f"({columns[table]} = ( SELECT (NULLIF(current_setting('app.merchant'" not in using
    }

    assert odd == {
        ("portal_auditentry", "add"),
        ("portal_auditentry", "add_own"),
        ("terminals_terminal", "door"),
    }


def test_with_no_tenant_set_a_tenants_role_sees_no_row(
    houses: tuple[House, House], link: Link
) -> None:
    for scope in scopes(None):
        with speaking(link, scope):
            seen = {t: counts(link, t, c, 0) for t, c in readable(link, scope.role)}

        assert seen == {t: (0, 2 if (scope.role, t) in OPEN_TO_THE_DOOR else 0) for t in seen}


def test_with_a_tenant_set_a_tenants_role_sees_that_merchants_rows_and_no_others(
    houses: tuple[House, House], link: Link
) -> None:
    for house in houses:
        for scope in scopes(house.merchant):
            with speaking(link, scope):
                seen = {
                    t: counts(link, t, c, house.merchant) for t, c in readable(link, scope.role)
                }
            blind = [t for t, (own, _others) in seen.items() if own == 0]
            foreign = {(str(scope.role), t) for t, (_own, others) in seen.items() if others}

            assert len(seen) >= 8
            assert blind == []
            assert foreign == OPEN_TO_THE_DOOR & {(str(scope.role), t) for t in seen}


def test_what_a_tenants_role_may_not_read_is_refused_whole(
    houses: tuple[House, House], link: Link
) -> None:
    said = {
        (str(scope.role), table): refusal(link, scope, f"select count(*) from {table}")
        for scope in scopes(houses[0].merchant)
        for table, _column in tenant_tables(link)
        if not may(link, scope.role, table, "select")
    }

    assert ("pos_merchant", "portal_auditentry") in said
    assert {key: why for key, why in said.items() if why != denied(key[1])} == {}


def test_every_table_of_merchants_rows_was_tried_with_rows_of_both(
    houses: tuple[House, House], link: Link
) -> None:
    empty = [
        table
        for table, column in tenant_tables(link)
        for house in houses
        if rows_to_copy(link, table, column, house.merchant) == []
    ]

    assert empty == []


def rows_to_copy(link: Link, table: str, column: str, merchant: int) -> list[str]:
    """A row of one merchant, as JSON, read by whoever may."""
    for role in (DatabaseRole.WORKER, DatabaseRole.GATE):
        if may(link, role, table, "select"):
            with speaking(link, Scope(role)):
                question = f"select to_jsonb(t)::text from {table} t where {column} = %s limit 1"
                return names(link, question, merchant)
    return []


def test_a_row_that_names_another_merchant_cannot_be_inserted(
    houses: tuple[House, House], link: Link
) -> None:
    a, b = houses
    said, own = {}, {}
    for table, column in tenant_tables(link):
        for scope in scopes(a.merchant):
            if not may(link, scope.role, table, "insert"):
                continue
            [row] = rows_to_copy(link, table, column, b.merchant)
            copy = f"insert into {table} select * from jsonb_populate_record(null::{table}, %s)"
            said[str(scope.role), table] = refusal(link, scope, copy, row)
            # the same row by the one whose it is meets only that it is there already
            mine = Scope(scope.role, b.merchant)
            own[str(scope.role), table] = refusal(link, mine, copy, row).partition(":")[0]

    assert {(role, t) for role, t in said if role == "pos_merchant"} == {
        ("pos_merchant", "portal_auditentry"),
        ("pos_merchant", "portal_job"),
    }
    assert len(said) >= 9
    # the door notes whom it refused before it knows whose tenant it serves
    said.pop(("pos_device", "portal_auditentry"))
    assert {
        key: why
        for key, why in said.items()
        if why != "InsufficientPrivilege: new row violates row-level security policy for table"
        f' "{key[1]}"'
    } == {}
    assert set(own.values()) == {"UniqueViolation"}


def test_a_row_cannot_be_handed_to_another_merchant_and_theirs_cannot_be_touched(
    houses: tuple[House, House], link: Link
) -> None:
    a, b = houses
    handed, touched, mine = {}, {}, {}
    for table, column in tenant_tables(link):
        for scope in scopes(a.merchant):
            if not may(link, scope.role, table, "update"):
                continue
            key = (str(scope.role), table)
            handed[key] = refusal(link, scope, f"update {table} set {column} = {b.merchant}")
            writable = names(
                link,
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
                " and has_column_privilege(%s, attrelid, attnum, 'update') and attidentity = ''"
                " order by attnum desc",
                table,
                scope.role,
            )[0]
            with speaking(link, scope):
                same = f"update {table} set {writable} = {writable} where {column} = %s"
                touched[key] = link.execute(same.encode(), [b.merchant]).rowcount
                mine[key] = link.execute(same.encode(), [a.merchant]).rowcount

    assert len(handed) >= 6
    assert {key for key, why in handed.items() if not why.startswith("InsufficientPriv")} == set()
    assert set(touched.values()) == {0}
    assert min(mine.values()) > 0


def test_no_tenants_role_may_delete_or_empty_any_table(link: Link) -> None:
    allowed = [
        (role, table)
        for role in TENANTS
        for table in names(link, EVERY_RELATION)
        if ask(link, "select has_table_privilege(%s, %s, 'delete, truncate')", role, table)[0][0]
    ]

    assert allowed == []


SALE = """
insert into transactions_transaction
  (merchant_id, business_date, store_id, terminal_id, reference, rrn, kind, status, method,
   card_type, entry_mode, card_bin, card_last4, card_token, amount_minor, net_minor, currency,
   response_code, mcc, operator_no, original_date, original_id, occurred_at, received_at)
values (%s, '2026-11-20', %s, %s, 'X', '2', %s, 'APPROVED', 'CASH', '', '', '', '', '', 5, %s,
        'CNY', '', '', '', %s, %s, '2026-11-20T04:00:00Z', '2026-11-20T04:00:00Z')
"""


def test_a_refund_cannot_name_another_merchants_sale(
    houses: tuple[House, House], link: Link
) -> None:
    a, b = houses
    # the worker sees both merchants: what refuses is the constraint, not a policy
    refund = (a.merchant, a.store, a.terminal, "REFUND", -5, psql.DAY)

    assert refusal(link, WORKER, SALE, *refund, a.sale) == ""
    assert _constraint(refusal(link, WORKER, SALE, *refund, b.sale)) == (
        "transaction_original_of_merchant"
    )


def test_a_sale_cannot_stand_in_another_merchants_store(
    houses: tuple[House, House], link: Link
) -> None:
    a, b = houses
    sale = (a.terminal, "SALE", 5, None, None)

    assert refusal(link, WORKER, SALE, a.merchant, a.store, *sale) == ""
    assert _constraint(refusal(link, WORKER, SALE, a.merchant, b.store, *sale)) == (
        "transaction_store_of_merchant"
    )


@pytest.mark.parametrize(
    ("table", "constraint"),
    [
        ("terminals_terminal", "terminal_store_of_merchant"),
        ("terminals_codesheet", "code_sheet_store_of_merchant"),
    ],
)
def test_a_terminal_or_a_sheet_cannot_stand_in_another_merchants_store(
    table: str, constraint: str, houses: tuple[House, House], link: Link
) -> None:
    a, b = houses
    put = f"update {table} set store_id = %s where merchant_id = %s"

    assert refusal(link, WORKER, put, a.store, a.merchant) == ""
    assert _constraint(refusal(link, WORKER, put, b.store, a.merchant)) == constraint


def test_a_key_that_names_another_merchants_row_is_told_by_reconcile(
    houses: tuple[House, House],
) -> None:
    """No foreign key holds it (its cost is in the migration), so the comparison must see it."""
    a, b = houses
    with atomic():
        before = set(compare_keys().breaches)
        IntakeKey.objects.create(
            terminal_id=a.terminal,
            batch_no=9,
            trace_no=9,
            body_sha256=b"",
            merchant_id=a.merchant,
            business_date=psql.DAY,
            transaction_id=b.sale,
        )
        after = set(compare_keys().breaches)

    assert len(after - before) == 1


def test_every_table_that_names_a_store_and_its_merchant_ties_them_together(link: Link) -> None:
    loose = names(
        link,
        "select c.relname from pg_class c"
        " join pg_attribute m on m.attrelid = c.oid and m.attname = 'merchant_id'"
        " join pg_attribute s on s.attrelid = c.oid and s.attname = 'store_id'"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
        " and not c.relispartition and not exists (select from pg_constraint f"
        "  where f.conrelid = c.oid and f.contype = 'f'"
        "  and f.confrelid = 'merchants_store'::regclass"
        "  and f.conkey @> array[m.attnum, s.attnum])",
    )

    assert loose == []


def _constraint(refused: str) -> str:
    """Return the name of the foreign key that a refusal speaks of."""
    kind, _colon, text = refused.partition(": ")
    return text.split('"')[-2] if kind == "ForeignKeyViolation" else refused
