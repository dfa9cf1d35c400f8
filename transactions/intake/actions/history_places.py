"""The merchants, stores and terminals that a history names."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import connection

from merchants.profiles.models import Merchant, Store
from terminals.fleet.models import Terminal, TerminalStatus

Refuse = Callable[[int, str, str], None]

NO_MERCHANT = """
delete from history_in h where not exists (
  select from merchants_merchant m where m.code = h.merchant_code) returning h.line
"""
NO_TERMINAL = """
delete from history_in h where not exists (
  select from terminals_terminal t where t.serial = h.serial) returning h.line
"""
NEW_MERCHANTS = """
select merchant_code, max(mcc) from history_in h where not exists (
  select from merchants_merchant m where m.code = h.merchant_code) group by 1 order by 1
"""
NO_STORE = """
select distinct m.id, m.name
  from history_in h join merchants_merchant m on m.code = h.merchant_code
 where not exists (select from merchants_store s where s.merchant_id = m.id) order by 1
"""
NEW_TERMINALS = """
select distinct on (h.serial) h.serial, m.id, (select min(s.id) from merchants_store s
       where s.merchant_id = m.id)
  from history_in h join merchants_merchant m on m.code = h.merchant_code
 where not exists (select from terminals_terminal t where t.serial = h.serial)
 order by h.serial, h.line
"""


def refuse_unknown(refuse: Refuse) -> None:
    """Take out the lines whose merchant or terminal is not known."""
    for field, sql in (("merchant_code", NO_MERCHANT), ("terminal_serial", NO_TERMINAL)):
        for (line,) in sorted(_ask(sql)):
            refuse(line, field, "is not known; --create-missing would make it")


def create_unknown(*, now: datetime) -> tuple[int, int, int]:
    """Make the merchants, stores and terminals that are missing; return how many of each.

    A terminal out of a history is retired: it has no key, takes no payment and owes no
    heartbeat.
    """
    merchants = [
        Merchant(code=code, name=code, name_en=code, mcc=mcc, created_at=now)
        for code, mcc in _ask(NEW_MERCHANTS)
    ]
    Merchant.objects.bulk_create(merchants, batch_size=1000)
    stores = [Store(merchant_id=key, code="S1", name=name) for key, name in _ask(NO_STORE)]
    Store.objects.bulk_create(stores, batch_size=1000)
    number = _last_number()
    terminals = [
        Terminal(
            serial=serial,
            terminal_no=f"H{number + place:07d}",
            merchant_id=merchant_id,
            store_id=store_id,
            status=TerminalStatus.RETIRED,
            provisioned_at=now,
        )
        for place, (serial, merchant_id, store_id) in enumerate(_ask(NEW_TERMINALS), 1)
    ]
    Terminal.objects.bulk_create(terminals, batch_size=1000)
    return len(merchants), len(stores), len(terminals)


def _last_number() -> int:
    """Return the last of our own terminal numbers; an import holds the others back."""
    ours = Terminal.objects.filter(terminal_no__regex=r"^H[0-9]{7}$").order_by("-terminal_no")
    last = ours.values_list("terminal_no", flat=True).first()
    return int(last[1:]) if last else 0


def _ask(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())
