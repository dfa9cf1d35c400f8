"""The filter of a list as tests of a statement: one for page, sums and file alike.

Written as text, because for a page of fifty rows putting a query together by way of models
costs more than its run. Values never become part of the text.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from merchants.profiles.models import Merchant, Store
from portal.kit.actor import Actor
from portal.kit.paging import BadCursor, Cursor
from terminals.fleet.models import Terminal
from transactions.records.rules.filters import Filter

SHANGHAI = ZoneInfo("Asia/Shanghai")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Where:
    """Tests that a transaction passes all of, with the value of each placeholder in order."""

    tests: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()

    def also(self, test: str, *values: object) -> "Where":
        """Return these tests and one more."""
        return Where((*self.tests, test), (*self.values, *values))

    @property
    def sql(self) -> str:
        """The condition of a statement."""
        return " and ".join(self.tests) or "true"


NOTHING = Where(("false",))


def matching(actor: Actor, wanted: Filter) -> Where:
    """Return what a transaction must be for the actor to see it and the filter to pass it.

    The day bounds are said twice: the date picks the partitions, the time the index range.
    """
    found = of_actor(actor)
    if wanted.since:
        began_at = datetime.combine(wanted.since, time(), SHANGHAI)
        found = found.also("business_date >= %s and occurred_at >= %s", wanted.since, began_at)
    if wanted.until:
        ended_at = datetime.combine(wanted.until + timedelta(days=1), time(), SHANGHAI)
        found = found.also("business_date <= %s and occurred_at < %s", wanted.until, ended_at)
    return _named(_amounts(_codes(found, wanted), wanted), actor, wanted)


def of_actor(actor: Actor) -> Where:
    """Return what a row must be for the actor to see it; row security says the same."""
    if actor.merchant_id is not None:
        return Where(("merchant_id = %s",), (actor.merchant_id,))
    return Where() if actor.may("transaction.read") else NOTHING


def beyond(found: Where, cursor: Cursor, *, rising: bool) -> Where:
    """Keep the rows after a place; the first tests alone bound the index range.

    :raises BadCursor: if the place is not one of such a list
    """
    at, row_id = place_of(cursor)
    on = at.astimezone(SHANGHAI).date()
    if rising:
        return found.also(
            "business_date >= %s and occurred_at >= %s and (occurred_at > %s or id > %s)",
            *(on, at, at, row_id),
        )
    return found.also(
        "business_date <= %s and occurred_at <= %s and (occurred_at < %s or id < %s)",
        *(on, at, at, row_id),
    )


def place_of(cursor: Cursor) -> tuple[datetime, int]:
    """Return time and id of the row that a cursor stands at.

    :raises BadCursor: if it does not stand at a transaction
    """
    try:
        microseconds, row_id = (int(key) for key in cursor.keys)
        return EPOCH + microseconds * MICROSECOND, row_id
    except (ValueError, OverflowError) as bad:
        raise BadCursor("not a place in a list of transactions") from bad


def keys_of(at: datetime, row_id: int) -> tuple[str, ...]:
    """Return what a cursor holds of a row."""
    return str((at - EPOCH) // MICROSECOND), str(row_id)


def _codes(found: Where, wanted: Filter) -> Where:
    """Test closed lists and exact keys."""
    lists = {
        "status": wanted.statuses,
        "kind": wanted.kinds,
        "method": wanted.methods,
        "card_type": wanted.card_types,
        "entry_mode": wanted.entry_modes,
        "reference": wanted.references,
    }
    exact = {
        "operator_no": wanted.operator,
        "rrn": wanted.rrn,
        "card_last4": wanted.last4,
    }
    for column, codes in lists.items():
        if codes:
            found = found.also(f"{column} = any(%s)", list(codes))
    for column, text in exact.items():
        if text:
            found = found.also(f"{column} = %s", text)
    return found


def _amounts(found: Where, wanted: Filter) -> Where:
    if wanted.min_minor is not None:
        found = found.also("amount_minor >= %s", wanted.min_minor)
    if wanted.max_minor is not None:
        found = found.also("amount_minor <= %s", wanted.max_minor)
    return found


def _named(found: Where, actor: Actor, wanted: Filter) -> Where:
    """Turn names into keys first, so that the planner sees constants."""
    if wanted.merchant:
        found = found.also("merchant_id = %s", find_merchant_id(actor, wanted.merchant) or NOBODY)
    if wanted.store:
        stores = Store.objects.visible_to(actor).filter(code__in=_spelt(wanted.store))
        keys = list(stores.values_list("pk", flat=True))
        found = found.also("store_id = any(%s)", keys or [NOBODY])
    if wanted.terminal:
        found = found.also("terminal_id = %s", _terminal_id(actor, wanted.terminal) or NOBODY)
    if wanted.code:
        terminal_id = _terminal_id(actor, wanted.code)
        if terminal_id:
            return found.also("terminal_id = %s", terminal_id)
        return found.also("reference = %s", wanted.code.upper())
    return found


def find_merchant_id(actor: Actor, code: str) -> int | None:
    """Return the key of the merchant with this code, if the actor may see it."""
    merchants = Merchant.objects.visible_to(actor).filter(code__in=_spelt(code))
    return merchants.values_list("pk", flat=True).first()


def _terminal_id(actor: Actor, serial: str) -> int | None:
    """Find a terminal by what every transaction shows of it, whoever may see its own page."""
    terminals = Terminal.objects.filter(serial__in=_spelt(serial))
    if actor.merchant_id is not None:
        terminals = terminals.filter(merchant_id=actor.merchant_id)
    return terminals.values_list("pk", flat=True).first()


def _spelt(text: str) -> list[str]:
    """Serials and codes are written in capitals; people are not."""
    return sorted({text, text.upper()})
