"""The one statement that takes a unit of work in: keys, rows and daily totals.

The rows travel as one JSON text, which is half the work of an array for each column, so two
hundred reports are one round trip. The keys go first and alone decide what is new; only that
reaches the book and the totals. Totals are touched in the order of their key, so that two
units never wait for each other in a circle. ``nextval`` runs in a materialised step: the
number is the same everywhere.
"""

# (column of a row, its type)
COLUMNS: tuple[tuple[str, str], ...] = (
    ("place", "int"),
    ("batch_no", "int"),
    ("trace_no", "int"),
    ("body_sha256", "bytea"),
    ("business_date", "date"),
    ("reference", "text"),
    ("rrn", "text"),
    ("kind", "text"),
    ("status", "text"),
    ("method", "text"),
    ("card_type", "text"),
    ("entry_mode", "text"),
    ("card_bin", "text"),
    ("card_last4", "text"),
    ("card_token", "text"),
    ("amount_minor", "bigint"),
    ("net_minor", "bigint"),
    ("currency", "text"),
    ("response_code", "text"),
    ("operator_no", "text"),
    ("original_date", "date"),
    ("original_id", "bigint"),
    ("occurred_at", "timestamptz"),
)
_TYPED = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)

_STATEMENT = """
with given as materialized (
  select u.*, nextval('transactions_transaction_ids') as id,
         case when u.rrn <> '' then u.rrn
              else to_char(%(now)s::timestamptz at time zone 'Asia/Shanghai', 'YDDDHH24')
                   || lpad(nextval('transactions_rrn')::text, 6, '0') end as final_rrn
    from json_to_recordset(%(rows)s::json) as u ({typed})
), fresh as (
  insert into transactions_intakekey
    (terminal_id, batch_no, trace_no, body_sha256, merchant_id, business_date, transaction_id)
  select %(terminal)s, batch_no, trace_no, body_sha256, %(merchant)s, business_date, id
    from given order by place
  on conflict (terminal_id, batch_no, trace_no) do nothing
  returning transaction_id
), taken as (
  select g.* from given g join fresh f on f.transaction_id = g.id
){back}, stored as (
  insert into transactions_transaction
    (id, merchant_id, business_date, store_id, terminal_id, reference, rrn, batch_no, trace_no,
     kind, status, method, card_type, entry_mode, card_bin, card_last4, card_token,
     amount_minor, net_minor, currency, response_code, mcc, operator_no, original_date,
     original_id, occurred_at, received_at)
  select id, %(merchant)s, business_date, %(store)s, %(terminal)s, reference, final_rrn,
         batch_no, trace_no, kind, status, method, card_type, entry_mode, card_bin, card_last4,
         card_token, amount_minor, net_minor, currency, response_code, %(mcc)s, operator_no,
         original_date, original_id, occurred_at, %(now)s
    from taken
), total as (
  insert into transactions_dailytotal as t
    (merchant_id, business_date, kind, status, currency, count, amount_minor, net_minor)
  select %(merchant)s, business_date, kind, status, currency, count(*), sum(amount_minor),
         sum(net_minor)
    from taken
   group by business_date, kind, status, currency
   order by business_date, kind, status, currency
  on conflict (merchant_id, business_date, kind, status, currency) do update
    set count = t.count + excluded.count,
        amount_minor = t.amount_minor + excluded.amount_minor,
        net_minor = t.net_minor + excluded.net_minor
)
select place, final_rrn from taken order by place
"""

# Adds up what one sale gave back; a constraint refuses more than the sale took. The first row
# counts what the book holds already, such as imported history.
_BACK = """, back as (
  insert into transactions_givenback as g
    (merchant_id, original_date, original_id, sale_minor, given_back_minor, is_voided)
  select %(merchant)s, original_date, original_id, %(sale_minor)s,
         amount_minor + (select coalesce(-sum(b.net_minor), 0) from transactions_transaction b
                          where b.merchant_id = %(merchant)s
                            and b.original_date = taken.original_date
                            and b.original_id = taken.original_id),
         kind = 'VOID'
    from taken
  on conflict (merchant_id, original_date, original_id) do update
    set given_back_minor = g.given_back_minor + %(amount)s,
        is_voided = g.is_voided or excluded.is_voided
)"""

TAKE_IN = _STATEMENT.format(typed=_TYPED, back="")
GIVE_BACK = _STATEMENT.format(typed=_TYPED, back=_BACK)
