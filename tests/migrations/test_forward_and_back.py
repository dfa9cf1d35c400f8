"""Every migration written by hand, forward and back, on a database of its own."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field

import pytest
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from pytest_django import DjangoDbBlocker

from portal.kit.scope import WORKER, statement
from tests import psql

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

ALIAS = "scratch"
OURS = ("portal", "merchants", "terminals", "transactions")
BY_HAND = [
    ("portal", "0001_roles_and_guards"),
    ("portal", "0003_rights"),
    ("merchants", "0002_rights"),
    ("terminals", "0002_rights"),
    ("transactions", "0002_rights"),
]
# Everything that a migration can leave: what was made, what it is like, who may use it.
PICTURE = """
with relations as (
  select * from pg_class where relnamespace = 'public'::regnamespace
), acl as (
  select oid, (aclexplode(coalesce(relacl, acldefault(
           case relkind when 'S' then 's' else 'r' end::"char", relowner)))).* from relations
   where relkind in ('r', 'p', 'S')
)
select 'relation', relname, relkind::text, concat_ws(' ', relrowsecurity, relforcerowsecurity,
       reloptions, pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid)) from relations
 where relkind in ('r', 'p', 'S', 'v', 'm')
union all
select 'column', c.relname, a.attname, concat_ws(' ', a.attnum, format_type(atttypid, atttypmod),
       attnotnull, attidentity, attacl, pg_get_expr(d.adbin, d.adrelid))
  from pg_attribute a join relations c on c.oid = attrelid and c.relkind in ('r', 'p', 'S')
  left join pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum
 where attnum > 0 and not attisdropped and not c.relispartition
union all
select 'constraint', c.relname, conname, pg_get_constraintdef(x.oid)
  from pg_constraint x join relations c on c.oid = conrelid
 where conparentid = 0 and not c.relispartition and contype <> 'n'
union all
select 'index', c.relname, '', pg_get_indexdef(i.indexrelid)
  from pg_index i join relations c on c.oid = i.indrelid where not c.relispartition
union all
select 'policy', tablename, policyname, concat_ws(' ', permissive, roles, cmd, qual, with_check)
  from pg_policies
union all
select 'trigger', c.relname, tgname, concat_ws(' ', tgenabled, pg_get_triggerdef(t.oid))
  from pg_trigger t join relations c on c.oid = tgrelid where not tgisinternal and tgparentid = 0
union all
select 'function', p.oid::regprocedure::text, prosecdef::text,
       concat_ws(' ', md5(prosrc), proconfig, proacl)
  from pg_proc p where pronamespace = 'public'::regnamespace
union all
select 'grant', c.relname, grantee::regrole::text, string_agg(privilege_type, ' ' order by privilege_type)
  from acl join relations c using (oid) where grantee <> 0 group by c.relname, grantee
union all
select 'default', defaclobjtype::text, '', defaclacl::text from pg_default_acl
order by 1, 2, 3, 4
"""
Node = tuple[str, str]
Picture = frozenset[tuple[object, ...]]


@dataclass
class History:
    """What the database was like before and after each migration, each time it was crossed.

    ``rows`` are those of the two tables that are made anew, before a way back and forward
    and after it; ``plain`` are the numbers of sales in between, ``next_number`` that of one after.
    """

    forward: dict[Node, list[tuple[Picture, Picture]]] = field(default_factory=dict)
    back: dict[Node, list[tuple[Picture, Picture]]] = field(default_factory=dict)
    rows: list[dict[str, list[str]]] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    next_number: int = 0
    before: Picture = frozenset()
    looking: bool = True

    def migrate(self, *targets: tuple[str, str | None]) -> None:
        """Move the scratch database so that each target is the newest of its app."""
        MigrationExecutor(connections[ALIAS], self.look).migrate(list(targets))

    def look(self, step: str, migration: Migration | None = None, _fake: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """Take a picture as a migration of ours begins and as it ends."""
        if migration is None or migration.app_label not in OURS or not self.looking:
            return
        if step.endswith("_start"):
            self.before = picture()
            return
        way = self.forward if step == "apply_success" else self.back
        node = (migration.app_label, migration.name)
        way.setdefault(node, []).append((self.before, picture()))


@pytest.fixture(scope="module")
def scratch(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """An empty database that belongs to the owner, and a Django alias for it."""
    name = f"{connections['owner'].settings_dict['NAME']}_scratch"
    with psql.connect("owner") as link:
        link.autocommit = True
        link.execute(f'drop database if exists "{name}"'.encode())
        link.execute(f'create database "{name}"'.encode())
        connections.settings[ALIAS] = {**deepcopy(connections.settings["owner"]), "NAME": name}
        with django_db_blocker.unblock():
            yield name
            connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]
        link.execute(f'drop database "{name}"'.encode())


@pytest.fixture(scope="module")
def history(scratch: str) -> History:
    """Forward, back to nothing, forward again; then with rows back to plain tables and forward."""
    made = History()
    leaves = sorted(MigrationLoader(None).graph.leaf_nodes(), key=_place)
    made.migrate(*leaves)
    made.migrate(*((app, None) for app in reversed(OURS)))
    made.migrate(*leaves)
    made.looking = False
    with psql.connect(database=scratch) as link:
        for said in (statement(WORKER), MERCHANT, TERMINAL):
            link.execute(said.encode())
        psql.ask(link, SALE, ["2024-02-29", "2026-11-20", "2031-01-01"])
    made.rows.append(_rows(scratch))
    made.migrate(*((app, "0001_tables") for app in OURS[1:]), ("portal", "0002_tables"))
    with psql.connect("owner", database=scratch) as link:
        made.plain = psql.names(link, "select id from transactions_transaction order by 1")
    made.migrate(*leaves)
    made.rows.append(_rows(scratch))
    with psql.connect(database=scratch) as link, psql.speaking(link, WORKER):
        [(made.next_number,)] = psql.ask(link, SALE, ["2024-02-29"])
    return made


def _place(leaf: Node) -> int:
    """Where an app stands in the line; what is not ours comes first."""
    return OURS.index(leaf[0]) if leaf[0] in OURS else -1


def picture() -> Picture:
    """Look at the scratch database."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(PICTURE)
        return frozenset(cursor.fetchall())


def test_the_list_of_migrations_written_by_hand_is_whole(history: History) -> None:
    assert [node for node in history.forward if not node[1].endswith("_tables")] == BY_HAND


@pytest.mark.parametrize("node", BY_HAND, ids=".".join)
def test_a_migration_goes_back_to_what_was_before_it(node: Node, history: History) -> None:
    before, after = history.forward[node][0]
    [(was, became)] = history.back[node]

    assert len(after - before) > 5
    assert was == after
    assert became ^ before == set()


@pytest.mark.parametrize("node", BY_HAND, ids=".".join)
def test_a_migration_goes_forward_again_to_what_it_had_made(node: Node, history: History) -> None:
    (before, first), (before_again, again) = history.forward[node]

    assert before_again == before
    assert again ^ first == set()


def test_all_the_way_back_nothing_of_ours_is_left(history: History) -> None:
    [(_before, left)] = history.back["portal", "0001_roles_and_guards"]
    theirs = ("django_", "auth_", "axes_", "otp_")

    assert [row for row in left if not str(row[1]).startswith(theirs)] == []


SALE = """
insert into transactions_transaction
  (merchant_id, business_date, terminal_id, reference, rrn, kind, status, method, card_type,
   entry_mode, card_bin, card_last4, card_token, amount_minor, net_minor, currency,
   response_code, mcc, operator_no, occurred_at, received_at)
select m.id, day, t.id, 'R', '1', 'SALE', 'APPROVED', 'CASH', '', '', '', '', '', 5, 5, 'CNY',
       '', '', '', (day + time '12:00') at time zone 'Asia/Shanghai', now()
  from merchants_merchant m, terminals_terminal t, unnest(%s::date[]) day returning id
"""
MERCHANT = """
insert into merchants_merchant (code, name, name_en, status, mcc, created_at)
  values ('M1', 'x', '', 'ACTIVE', '', now())
"""
TERMINAL = """
insert into terminals_terminal
  (maker, model, serial, terminal_no, status, suspended_reason, provisioned_at)
  values ('x', 'x', 'x', '1', 'REGISTERED', '', now())
"""


def _rows(database: str) -> dict[str, list[str]]:
    """All rows of the two tables that are made anew, read as the worker."""
    with psql.connect(database=database) as link:
        link.execute(statement(WORKER).encode())
        return {
            table: psql.names(link, f"select to_jsonb(t)::text from {table} t order by id")
            for table in ("transactions_transaction", "portal_auditentry")
        }


def test_rows_survive_the_way_back_and_forward_and_numbers_go_on(history: History) -> None:
    before, after = history.rows

    assert [len(before[table]) for table in before] == [3, 2]
    assert after == before
    assert history.plain == ["1", "2", "3"]
    assert history.next_number == 4
