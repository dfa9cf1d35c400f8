"""What must hold of the records, asked of the database for ``reconcile``."""

from django.db import connection

from portal.kit.finding import Finding

NAMED = 100

# Every cell of the daily totals beside the same cell counted anew.
TOTALS = """
with counted as (
  select merchant_id, business_date, kind, status, currency, count(*) as count,
         sum(amount_minor)::bigint as amount_minor, sum(net_minor)::bigint as net_minor
    from transactions_transaction group by 1, 2, 3, 4, 5),
both_sides as (
  select merchant_id, business_date, kind, status, currency,
         coalesce(c.count, 0) as rows, coalesce(d.count, 0) as kept,
         (coalesce(c.count, 0), coalesce(c.amount_minor, 0), coalesce(c.net_minor, 0))
           = (coalesce(d.count, 0), coalesce(d.amount_minor, 0), coalesce(d.net_minor, 0)) as agree
    from counted c full join transactions_dailytotal d
         using (merchant_id, business_date, kind, status, currency))
select (select count(*) from both_sides), coalesce(array_agg(breach), '{}') from (
  select format('merchant #%%s %%s %%s %%s %%s: %%s rows, total of %%s',
                merchant_id, business_date, kind, status, currency, rows, kept) as breach
    from both_sides where not agree order by 1 limit %s) named
"""

# Rows that name something of another merchant, whatever the constraints say.
FOREIGN = """
select (select count(*) from transactions_transaction), coalesce(array_agg(breach), '{}') from (
  select format('transaction #%%s of merchant #%%s: %%s', t.id, t.merchant_id, what) as breach
    from (
      select t.id, t.merchant_id, 'store of another' as what
        from transactions_transaction t join merchants_store s on s.id = t.store_id
       where s.merchant_id <> t.merchant_id
      union all
      select t.id, t.merchant_id, 'original of another'
        from transactions_transaction t join transactions_transaction o
          on o.id = t.original_id and o.business_date = t.original_date
       where t.original_id is not null and o.merchant_id <> t.merchant_id
      union all
      select k.transaction_id, k.merchant_id, 'key without a row'
        from (select transaction_id, business_date, merchant_id from transactions_intakekey
              union all
              select transaction_id, business_date, merchant_id from transactions_historykey) k
        left join transactions_transaction t on t.merchant_id = k.merchant_id
         and t.business_date = k.business_date and t.id = k.transaction_id
       where t.id is null) t
   order by 1 limit %s) named
"""


def compare_daily_totals() -> Finding:
    """Compare each daily total with the transactions it counts, both ways."""
    return _find(TOTALS)


def find_foreign_rows() -> Finding:
    """Look for rows that name something of another merchant, and for keys that name none."""
    return _find(FOREIGN)


def _find(sql: str) -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(sql, [NAMED])
        checked, breaches = cursor.fetchone()
    return Finding(checked, tuple(breaches))
