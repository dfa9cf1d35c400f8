"""The sets of an import: staged lines beside what the database already knows."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

ROWS, LABELS = "history_in", "label_in"
STAGING = """
drop table if exists pg_temp.history_in, pg_temp.label_in;
create temp table history_in (
  line integer, external_id text, occurred_at timestamptz, business_date date, card_token text,
  serial text, merchant_code text, amount_minor bigint, net_minor bigint, currency text,
  kind text, status text, method text, card_type text, entry_mode text, response_code text,
  mcc text, operator_no text, lat text, lon text, rrn text, row_sha256 bytea,
  reference text, id bigint default nextval('transactions_transaction_ids'));
create temp table label_in (
  line integer, external_id text, label text, known_at timestamptz, source text);
"""
COLUMNS = {
    ROWS: (
        "line", "external_id", "occurred_at", "business_date", "card_token", "serial",
        "merchant_code", "amount_minor", "net_minor", "currency", "kind", "status", "method",
        "card_type", "entry_mode", "response_code", "mcc", "operator_no", "lat", "lon", "rrn",
        "row_sha256", "reference",
    ),
    LABELS: ("line", "external_id", "label", "known_at", "source"),
}  # fmt: skip

# A line is known when an earlier line or an earlier import has its key; it leaves the staging
# table, and is unchanged if the body is the same, else in conflict.
KNOWN_ROWS = """
with judged as (
  select h.line,
         coalesce(k.row_sha256, first_value(h.row_sha256) over same) = h.row_sha256 as same,
         k.id is not null or row_number() over same > 1 as known
    from history_in h left join transactions_historykey k
         on k.workspace = %(workspace)s and k.external_id = h.external_id
  window same as (partition by h.external_id order by h.line)),
gone as (
  delete from history_in h using judged j where h.line = j.line and j.known
  returning h.line, j.same)
select count(*) filter (where same), array_agg(line order by line) filter (where not same)
  from gone
"""
KNOWN_LABELS = """
with judged as (
  select i.line, coalesce(k.label, first_value(i.label) over same) = i.label as same,
         k.id is not null or row_number() over same > 1 as known
    from label_in i left join transactions_label k on k.workspace = %(workspace)s
         and k.external_id = i.external_id and k.known_at = i.known_at
  window same as (partition by i.external_id, i.known_at order by i.line)),
gone as (
  delete from label_in i using judged j where i.line = j.line and j.known
  returning i.line, j.same)
select count(*) filter (where same), array_agg(line order by line) filter (where not same)
  from gone
"""
LABELS_OF_NOTHING = """
delete from label_in i where not exists (
  select from transactions_historykey k
   where k.workspace = %(workspace)s and k.external_id = i.external_id)
returning i.line
"""
INSERT_ROWS = """
with first_store as (select merchant_id, min(id) as id from merchants_store group by 1),
placed as (
  select h.*, m.id as merchant_id, t.id as terminal_id,
         case when t.merchant_id = m.id and t.store_id is not null then t.store_id else f.id end
           as store_id
    from history_in h
    join merchants_merchant m on m.code = h.merchant_code
    join terminals_terminal t on t.serial = h.serial
    left join first_store f on f.merchant_id = m.id),
stored as (
  insert into transactions_transaction
    (id, merchant_id, business_date, store_id, terminal_id, reference, rrn, kind, status, method,
     card_type, entry_mode, card_bin, card_last4, card_token, amount_minor, net_minor, currency,
     response_code, mcc, operator_no, occurred_at, received_at, lat, lon)
  select id, merchant_id, business_date, store_id, terminal_id, reference,
         coalesce(nullif(rrn, ''), to_char(business_date, 'YYMMDD')
                  || lpad(nextval('transactions_rrn')::text, 6, '0')),
         kind, status, method, card_type, entry_mode, '', '', card_token, amount_minor,
         net_minor, currency, response_code, mcc, operator_no, occurred_at, %(now)s,
         nullif(lat, '')::numeric, nullif(lon, '')::numeric
    from placed
  returning 1),
keyed as (
  insert into transactions_historykey
    (workspace, external_id, row_sha256, merchant_id, business_date, transaction_id)
  select %(workspace)s, external_id, row_sha256, merchant_id, business_date, id from placed),
summed as (
  insert into transactions_dailytotal as total
    (merchant_id, business_date, kind, status, currency, count, amount_minor, net_minor)
  select merchant_id, business_date, kind, status, currency, count(*), sum(amount_minor),
         sum(net_minor)
    from placed group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  on conflict (merchant_id, business_date, kind, status, currency) do update
    set count = total.count + excluded.count,
        amount_minor = total.amount_minor + excluded.amount_minor,
        net_minor = total.net_minor + excluded.net_minor)
select count(*) from stored
"""
INSERT_LABELS = """
insert into transactions_label (workspace, external_id, label, known_at, source)
select %(workspace)s, external_id, label, known_at, source from label_in
"""
MONTHS = """
select pos_prepare_months('transactions_transaction', month, month)
  from (select distinct date_trunc('month', business_date)::date as month from history_in) m
"""


def begin() -> None:
    """Make the staging tables, which only this connection sees."""
    _run(STAGING)


def end() -> None:
    """Drop them."""
    _run("drop table if exists pg_temp.history_in, pg_temp.label_in")


def stage(table: str, lines: Iterable[str]) -> None:
    """Copy lines of COPY text into a staging table."""
    columns = ", ".join(COLUMNS[table])
    with connection.cursor() as cursor:
        with cursor.copy(f"copy {table} ({columns}) from stdin") as copy:
            for line in lines:
                copy.write(line)
        cursor.execute(f"analyze {table}")


def prepare_months() -> None:
    """Make the partitions that the staged lines need; a long reader is not waited for."""
    _run("set local lock_timeout = '5s'")
    _run(MONTHS)


def hold() -> None:
    """Let one import at a time look and write: two may name the same new merchant."""
    _run("select pg_advisory_xact_lock(hashtext('import_history'))")


def set_known_apart(table: str, workspace: str) -> tuple[int, list[int]]:
    """Take known lines out of a staging table: how many are unchanged, which conflict."""
    with connection.cursor() as cursor:
        cursor.execute(KNOWN_ROWS if table == ROWS else KNOWN_LABELS, {"workspace": workspace})
        unchanged, conflicting = cursor.fetchone()
    return unchanged, conflicting or []


def drop_labels_of_nothing(workspace: str) -> list[int]:
    """Take labels of unknown transactions out of the staging table; return their lines."""
    with connection.cursor() as cursor:
        cursor.execute(LABELS_OF_NOTHING, {"workspace": workspace})
        return sorted(line for (line,) in cursor.fetchall())


def insert_rows(workspace: str, *, now: datetime) -> int:
    """Store the staged transactions with their keys and daily totals; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_ROWS, {"workspace": workspace, "now": now})
        return int(cursor.fetchone()[0])


def insert_labels(workspace: str) -> int:
    """Store the staged labels and return how many."""
    return _run(INSERT_LABELS, workspace=workspace)


def _run(sql: str, **parameters: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return int(cursor.rowcount)
