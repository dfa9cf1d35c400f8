"""Fills a migrated database with a year of transactions, by SQL alone and always the same.

5,000 merchants by a power law (the largest takes 5.8 % of all rows), 20,000 terminals, days
from 07:00 to 22:00 in Shanghai ending on a given day. What looks random is a hash of the
merchant and the row's number within it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import psycopg

MERCHANTS = 5000
TERMINALS = 20_000
DAYS = 365
# Shares of rank^-s: with this s the first of 5,000 has 467,000 of 8,000,000.
POWER = 0.858
LARGEST_MERCHANT = 1
MEDIAN_MERCHANT = MERCHANTS // 2
TABLE = "transactions_transaction"

# How much of everything each merchant has. Differences of a running total of shares sum up
# to the whole exactly.
PLAN = """
drop table if exists bench_plan;
create unlogged table bench_plan as
with shares as (
  select n, sum(n ^ -{power}) over (order by n) / sum(n ^ -{power}) over () as upto
    from generate_series(1, {merchants}) n),
counted as (
  select n as merchant_id,
         floor({rows} * upto)::bigint - floor({rows} * coalesce(before, 0))::bigint as rows,
         1 + floor({spare} * upto)::int - floor({spare} * coalesce(before, 0))::int as terminals
    from (select n, upto, lag(upto) over (order by n) as before from shares) s)
select merchant_id, rows, terminals, 1 + terminals / 25 as stores,
       sum(terminals) over (order by merchant_id) - terminals as terminals_before,
       sum(1 + terminals / 25) over (order by merchant_id) - (1 + terminals / 25)
         as stores_before,
       (hashint4(merchant_id) & 1023) / 1024.0 as phase
  from counted;
analyze bench_plan;
"""

PLACES = """
insert into merchants_merchant (id, code, name, name_en, status, mcc, created_at)
select merchant_id, 'B' || lpad(merchant_id::text, 9, '0'), '商户' || merchant_id,
       'Merchant ' || merchant_id, 'ACTIVE', '5812', {first_day}::date
  from bench_plan;

insert into merchants_store (id, merchant_id, code, name, address)
select stores_before + n, merchant_id, 'S' || n, '第' || n || '店', ''
  from bench_plan plan cross join lateral generate_series(1, stores) n;

insert into terminals_terminal
  (id, maker, model, serial, terminal_no, merchant_id, store_id, status, suspended_reason,
   provisioned_at, activated_at)
select terminals_before + n, 'PAX', 'A920', 'BN' || lpad((terminals_before + n)::text, 8, '0'),
       (10000000 + terminals_before + n)::text, merchant_id, stores_before + 1 + n %% stores,
       'ACTIVE', '', {first_day}::date, {first_day}::date
  from bench_plan plan cross join lateral generate_series(1, terminals) n;

insert into terminals_liveness
  (terminal_id, merchant_id, link, epoch, interval_seconds, grace_seconds, seq, challenge,
   previous_challenge, message_id, boot_count, uptime_seconds, last_reply, clock_skew_ms, said)
select id, merchant_id, 'NEVER', 0, 300, 600, 0, '', '', '', 0, 0, '{{}}', 0, '{{}}'
  from terminals_terminal;

select setval(pg_get_serial_sequence('merchants_merchant', 'id'), {merchants}),
       setval(pg_get_serial_sequence('merchants_store', 'id'), max(id))
  from merchants_store;
select setval(pg_get_serial_sequence('terminals_terminal', 'id'), max(id)),
       setval('terminals_terminal_no_seq', max(terminal_no::bigint))
  from terminals_terminal;
"""

# One day. A merchant's rows go round the year evenly; ``phase`` keeps small ones apart.
DAY = """
insert into transactions_transaction
  (merchant_id, business_date, store_id, terminal_id, reference, rrn, batch_no, trace_no, kind,
   status, method, card_type, entry_mode, card_bin, card_last4, card_token, amount_minor,
   net_minor, currency, response_code, mcc, operator_no, occurred_at, received_at)
select merchant_id, %(day)s, stores_before + 1 + terminal %% stores,
       terminals_before + terminal, upper(lpad(to_hex(h), 16, '0')),
       to_char(occurred_at at time zone 'Asia/Shanghai', 'YDDDHH24')
         || lpad((h / 7919 %% 1000000)::text, 6, '0'),
       1 + %(number)s, 1 + j %% 999999, kind, status, method,
       case when by_card then (array['DEBIT', 'CREDIT', 'CREDIT', 'PREPAID'])[1 + h / 11 %% 4]
            else '' end,
       case when by_card then (array['CHIP', 'CONTACTLESS', 'MAGSTRIPE'])[1 + h / 13 %% 3]
            when method = 'CASH' then '' else 'QR' end,
       case when by_card then (622200 + h / 17 %% 90)::text else '' end,
       case when by_card then lpad((h / 19 %% 10000)::text, 4, '0') else '' end,
       case when by_card then md5((h / 17 %% 3000000)::text) || md5((h / 19 %% 2999999)::text)
            else '' end,
       amount_minor,
       case when status <> 'APPROVED' then 0
            when kind in ('SALE', 'COMPLETION') then amount_minor
            when kind in ('REFUND', 'VOID') then -amount_minor else 0 end,
       'CNY', case when status = 'DECLINED' then '51' else '00' end, '5812',
       lpad((1 + h / 23 %% 9)::text, 2, '0'), occurred_at,
       occurred_at + make_interval(secs => 1 + h / 29 %% 3)
from (
  select drawn.*, method = 'CARD' as by_card, 1 + h / 31 %% terminals as terminal,
         100 + (h / 37 %% 700) * (1 + h / 41 %% 90) as amount_minor,
         %(midnight)s::timestamptz + interval '7 hours'
           + make_interval(secs => (h / 43 %% 54000000) / 1000.0) as occurred_at
    from (
      select hashed.*,
             case when h %% 1000 < 960 then 'SALE' when h %% 1000 < 980 then 'REFUND'
                  when h %% 1000 < 990 then 'VOID' when h %% 1000 < 995 then 'PREAUTH'
                  else 'COMPLETION' end as kind,
             case when h / 1000 %% 1000 < 975 then 'APPROVED'
                  when h / 1000 %% 1000 < 990 then 'DECLINED' else 'REVERSED' end as status,
             case when h / 47 %% 100 < 45 then 'CARD' when h / 47 %% 100 < 70 then 'WECHAT'
                  when h / 47 %% 100 < 90 then 'ALIPAY'
                  when h / 47 %% 100 < 97 then 'UNIONPAY_QR' else 'CASH' end as method
        from (
          select plan.*, j,
                 hashint8extended(j, merchant_id) & 9223372036854775807 as h
            from bench_plan plan cross join lateral generate_series(
                   floor(rows * %(number)s / %(days)s::numeric + phase)::bigint,
                   floor(rows * (%(number)s + 1) / %(days)s::numeric + phase)::bigint - 1) j
        ) hashed) drawn) dressed
order by occurred_at
"""

TOTALS = """
insert into transactions_dailytotal
  (merchant_id, business_date, kind, status, currency, count, amount_minor, net_minor)
select merchant_id, business_date, kind, status, currency, count(*), sum(amount_minor),
       sum(net_minor)
  from transactions_transaction group by 1, 2, 3, 4, 5
 order by business_date, merchant_id
"""


def fill(
    connect: Callable[[], psycopg.Connection],
    *,
    rows: int,
    last_day: date,
    say: Callable[[str], None],
) -> None:
    """Write merchants, terminals, ``rows`` transactions and their daily totals.

    ``connect`` opens the superuser's connections, which commit by themselves. Foreign keys
    are right by construction; the triggers that would check each row are left out.
    """
    first_day = last_day - timedelta(days=DAYS - 1)
    words = {
        "power": str(POWER),
        "merchants": str(MERCHANTS),
        "rows": str(rows),
        "spare": str(TERMINALS - MERCHANTS),
        "first_day": f"'{first_day}'",
    }
    months: dict[str, list[int]] = {}
    for number in range(DAYS):
        months.setdefault(f"{first_day + timedelta(days=number):%Y-%m}", []).append(number)
    with connect() as link:
        _without_triggers(link)
        link.execute("select pos_prepare_months(%s, %s, %s)", [TABLE, first_day, last_day])
        for command in (PLAN, PLACES.replace("%%", "%")):
            link.execute(command.format(**words))

        def write(month: str) -> None:
            say(f"{rows:,} transactions: {month}")
            _write_days(connect, months[month], first_day)

        # A month is a partition: writers of different months never meet.
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as writers:
            list(writers.map(write, months))
        link.execute(TOTALS)
        link.execute("drop table bench_plan")
        link.execute("vacuum (analyze)")


def _without_triggers(link: psycopg.Connection) -> None:
    link.execute("set session_replication_role = replica")
    link.execute("set synchronous_commit = off")
    link.execute("set work_mem = '64MB'")


def _write_days(
    connect: Callable[[], psycopg.Connection], numbers: list[int], first_day: date
) -> None:
    with connect() as link:
        _without_triggers(link)
        for number in numbers:
            day = first_day + timedelta(days=number)
            values = {"day": day, "midnight": f"{day} 00:00+08", "number": number}
            link.execute(DAY, values | {"days": DAYS})
