"""Lists of transactions are read by index at any depth: pinned by the planner's own words."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections
from django.db.transaction import atomic
from django.test.utils import CaptureQueriesContext

from portal.kit.actor import Actor
from portal.kit.paging import Cursor, decode
from portal.kit.scope import acting_as, scope_of
from tests.cast import Cast
from tests.make import make_terminals
from tests.transactions.rows import prepare_months
from transactions.records.queries.rows import list_transactions
from transactions.records.rules.filters import Filter, parse

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

FILL = """
insert into transactions_transaction
  (merchant_id, business_date, store_id, terminal_id, reference, rrn, kind, status, method,
   card_type, entry_mode, card_bin, card_last4, card_token, amount_minor, net_minor, currency,
   response_code, mcc, operator_no, occurred_at, received_at)
select t.merchant_id, (at at time zone 'Asia/Shanghai')::date, t.store_id, t.id,
       'R' || i || 'X' || t.id, to_char(at, 'YYMMDD') || lpad(i::text, 6, '0'),
       'SALE', 'APPROVED', 'CARD', '', '', '',
       lpad((i * 7 %% 10000)::text, 4, '0'), '', 100 + i, 100 + i, 'CNY', '00', '', '', at, at
  from (select i, %s::timestamptz - i * interval '20 minutes' as at
          from generate_series(1, 3000) i) x, terminals_terminal t
"""


@pytest.fixture
def big(cast: Cast, noon: datetime) -> None:
    """3,000 sales at each of twenty terminals of two merchants, over six weeks."""
    for house, store, first in (
        (cast.noodle, cast.noodle_store, 0),
        (cast.tea, cast.tea_store, 1),
    ):
        serials = [f"N9A04{n:04d}" for n in range(first, 20, 2)]
        make_terminals(serials, merchant=house, store=store, now=noon)
    with atomic():
        prepare_months(noon - timedelta(days=45), noon)
        with connection.cursor() as cursor:
            cursor.execute(FILL, [noon])
    with connections["owner"].cursor() as cursor:
        cursor.execute("analyze transactions_transaction")


def plan(actor: Actor, wanted: Filter, cursor: Cursor | None = None) -> list[str]:
    """The lines of the plan that concern transactions."""
    with acting_as(scope_of(actor)), atomic():
        with CaptureQueriesContext(connection) as captured:
            list_transactions(actor, wanted, cursor)
        with connection.cursor() as database:
            (asked,) = (q["sql"] for q in captured if "from transactions_transaction" in q["sql"])
            database.execute(f"explain {asked}")
            return [line for (line,) in database.fetchall()]


def uses(lines: list[str], index: str) -> None:
    text = "\n".join(lines)
    # months to come are empty; nothing is cheaper than looking at nothing
    assert not re.search(r"Seq Scan on transactions_transaction_2026(10|11)", text), text
    assert f"_{index}" in text, text


def test_the_lists_are_read_by_index_at_any_depth(
    big: None, lin: Actor, carol: Actor, noon: datetime
) -> None:
    month = parse({}, today=noon.date()).filter
    with atomic():
        page = list_transactions(lin, month)
        for _ in range(20):
            page = list_transactions(lin, month, decode(page.next or ""))
    place, row = decode(page.next or ""), page.rows[-1]

    for lines in (plan(lin, month), plan(lin, month, place), plan(carol, month)):
        uses(lines, "occurred_at_id_idx")
        assert "Sort  (" not in "\n".join(lines)
    last4 = replace(month, last4=row.card_last4)
    uses(plan(lin, last4), "merchant_id_card_last4_")
    uses(plan(carol, replace(month, terminal=row.serial)), "terminal_id_occurred_at_")
    uses(plan(lin, Filter(rrn=row.rrn)), "rrn_idx")
    uses(plan(lin, Filter(code=row.reference)), "reference_idx")
