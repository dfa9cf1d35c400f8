"""The test database as psql would speak to it: round Django, as one login and one role."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
from django.db import connections
from django.db.transaction import atomic
from psycopg.rows import TupleRow
from pytest_django import DjangoDbBlocker

from merchants.profiles.models import Merchant, Store
from merchants.staff.models import TerminalOperator
from portal.accounts.models import SavedView, User
from portal.jobs.models import Job
from portal.kit.scope import WORKER, DatabaseRole, Scope, acting_as, statement, through_gate
from terminals.checkin.models import SignIn
from terminals.fleet.models import CodeSheet, Terminal
from terminals.presence.models import LinkEvent, Liveness
from tests import cast
from tests.make import make_terminal
from transactions.intake.models import GivenBack, HistoryKey, IntakeKey
from transactions.records.models import DailyTotal, Transaction
from transactions.risk.models import Label

Link = psycopg.Connection[TupleRow]
LOGIN = "pos_app"
ROLES = tuple(role.value for role in DatabaseRole)
# The bare login, then each of its roles.
EVERYBODY = (None, *(Scope(role) for role in DatabaseRole))
NO_LEAVE = "InsufficientPrivilege"
SOLD_AT = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
DAY = SOLD_AT.date()
# Tables of a merchant's rows, with the column that says whose; partitions are their parents'.
TENANT_TABLES = """
select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
   and not c.relispartition and not a.attisdropped
   and (a.attname = 'merchant_id' or c.relname = 'merchants_merchant' and a.attname = 'id')
 order by 1
"""
PARTITIONS = """
select c.relname from pg_class c join pg_inherits i on i.inhrelid = c.oid
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1
"""

EVERY_RELATION = """
select oid::regclass::text from pg_class
 where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
"""


def connect(alias: str = "default", *, database: str = "") -> Link:
    """Open a line: "default" is the application's login, "owner" the owner of the tables."""
    at = connections[alias].settings_dict
    named = {key: at[key.upper()] for key in ("user", "password", "host", "port")}
    given = {key: value for key, value in named.items() if value}
    return psycopg.connect(dbname=database or at["NAME"], **given, **at["OPTIONS"])


@contextmanager
def speaking(link: Link, scope: Scope | None) -> Iterator[Link]:
    """One transaction under a scope, or as the bare login, that leaves nothing behind."""
    with link.transaction(force_rollback=True):
        link.execute(statement(scope).encode())
        yield link


def ask(link: Link, question: str, *values: object) -> list[TupleRow]:
    """Return the rows."""
    return link.execute(question.encode(), values or None).fetchall()


def names(link: Link, question: str, *values: object) -> list[str]:
    """Return the first column."""
    return [str(row[0]) for row in ask(link, question, *values)]


def refusal(link: Link, scope: Scope | None, said: str, *values: object) -> str:
    """Say something in a transaction of its own, and return why it was refused: "" if not.

    What was not refused is undone.
    """
    try:
        with speaking(link, scope):
            link.execute(said.encode(), values or None)
            link.execute("set constraints all immediate")
    except psycopg.Error as error:
        return f"{type(error).__name__}: {error.diag.message_primary}"
    return ""


def tenant_tables(link: Link) -> list[tuple[str, str]]:
    """Every table of merchants' rows, with the column that says whose."""
    return [(str(table), str(column)) for table, column in ask(link, TENANT_TABLES)]


def may(link: Link, role: str, table: str, right: str) -> bool:
    """Tell whether a role holds a right on the table or on some of its columns."""
    return bool(ask(link, "select has_any_column_privilege(%s, %s, %s)", role, table, right)[0][0])


def denied(table: str) -> str:
    """What PostgreSQL says to who may not use a table at all."""
    return f"InsufficientPrivilege: permission denied for table {table}"


@dataclass(frozen=True)
class House:
    """One merchant with a row in every table that has rows of merchants."""

    merchant: int
    store: int
    terminal: int
    sale: int
    owner: int


@contextmanager
def furnished(blocker: DjangoDbBlocker) -> Iterator[tuple[House, House]]:
    """Noodle House and Tea House, committed, with a row in every table; swept away after."""
    with blocker.unblock():
        with acting_as(WORKER), atomic():
            people = cast.assemble()
            made = (
                _furnish(people.noodle, people.noodle_store, people.user("lin"), "N1"),
                _furnish(people.tea, people.tea_store, people.user("wu"), "T1"),
            )
        connections["default"].close()
    yield made
    _sweep()


def _furnish(merchant: Merchant, store: Store, owner: User, serial: str) -> House:
    terminal = make_terminal(serial, merchant=merchant, store=store, now=cast.BORN)
    whose = {"merchant_id": merchant.pk}
    TerminalOperator.objects.create(
        **whose, number="01", name="x", password="!", created_at=cast.BORN
    )
    CodeSheet.objects.create(
        **whose,
        id=uuid4(),
        issued_by_id=0,
        store=store,
        issued_at=cast.BORN,
        readable_until=cast.BORN,
    )
    with through_gate():
        SavedView.objects.create(
            **whose, user=owner, list_name="terminals", name="x", slug="x", created_at=cast.BORN
        )
    Job.objects.create(
        **whose,
        kind="test.write",
        title="x",
        effect_key=serial,
        created_at=cast.BORN,
        due_at=cast.BORN,
    )
    _hear(terminal)
    sale = _sell(store, terminal)
    _tally(sale, terminal)
    return House(merchant.pk, store.pk, terminal.pk, sale.pk, owner.pk)


def _hear(terminal: Terminal) -> None:
    whose = {"merchant_id": terminal.merchant_id}
    Liveness.objects.get_or_create(terminal=terminal, defaults=whose)
    LinkEvent.objects.create(
        **whose,
        terminal=terminal,
        epoch=1,
        old_link="NEVER",
        new_link="ONLINE",
        occurred_at=cast.BORN,
        cause="BEAT",
    )
    SignIn.objects.create(
        **whose,
        terminal=terminal,
        signin_id="1",
        body_sha256="",
        business_date=DAY,
        at=cast.BORN,
        operator_no="01",
        code="OPERATOR_LOCKED",
    )


def _sell(store: Store, terminal: Terminal) -> Transaction:
    whose = {"merchant_id": store.merchant_id}
    sale = Transaction.objects.create(
        **whose,
        business_date=DAY,
        store=store,
        terminal=terminal,
        reference="R",
        rrn="1",
        kind="SALE",
        status="APPROVED",
        method="CASH",
        amount_minor=100,
        net_minor=100,
        occurred_at=SOLD_AT,
        received_at=SOLD_AT,
    )
    names_it = {**whose, "business_date": DAY, "transaction_id": sale.pk}
    IntakeKey.objects.create(
        **names_it, terminal=terminal, batch_no=1, trace_no=1, body_sha256=b"\0" * 32
    )
    HistoryKey.objects.create(
        **names_it, workspace="w", external_id=terminal.serial, row_sha256=b"\0" * 32
    )
    return sale


def _tally(sale: Transaction, terminal: Terminal) -> None:
    whose = {"merchant_id": sale.merchant_id}
    GivenBack.objects.create(
        **whose,
        original_date=DAY,
        original_id=sale.pk,
        sale_minor=100,
        given_back_minor=1,
        is_voided=False,
    )
    DailyTotal.objects.create(
        **whose,
        business_date=DAY,
        kind="SALE",
        status="APPROVED",
        count=1,
        amount_minor=100,
        net_minor=100,
    )
    Label.objects.create(
        workspace="w", external_id=terminal.serial, label="GENUINE", known_at=cast.BORN
    )


def _sweep() -> None:
    with connect("owner") as link:
        apart = {"portal_user", "terminals_registeredserial", "terminals_registryimport"}
        tables = {*apart, "transactions_label", *names(link, TENANT_TABLES)}
        link.execute(f"truncate {', '.join(sorted(tables))} cascade".encode())
