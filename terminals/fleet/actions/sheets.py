"""Issuing codes from a page: once however often the form is sent, readable for minutes."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.transaction import atomic

from merchants.profiles.models import Merchant, Store
from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.secrets import seal
from terminals.fleet.actions.provisioning import (
    NotReady,
    Provisioned,
    issue_code,
    provision_ready,
)
from terminals.fleet.models import CodeSheet, Terminal
from terminals.fleet.queries import place_of
from terminals.fleet.rules.allotment import GIVEN, Examined, Outcome

READABLE = timedelta(minutes=10)


@atomic
def provision_once(
    key: UUID,
    *,
    serials: Iterable[str],
    merchant: Merchant,
    store: Store,
    actor: Actor,
    now: datetime,
) -> CodeSheet:
    """Provision what is ready of a list, once for each key; the same key gives the same sheet.

    :raises NotReady: if no serial of the list is ready; nothing is done then
    :raises TooManySerials: if there are more than 500
    :raises MerchantNotActive: if the merchant is not active
    :raises CodeSheet.DoesNotExist: if the key is somebody else's
    """
    actor.require("terminal.provision")
    sheet, ours = _claim(key, merchant=merchant, store=store, actor=actor, now=now)
    if not ours:
        return sheet
    done, rows = provision_ready(serials, merchant=merchant, store=store, actor=actor, now=now)
    if not done:
        raise NotReady(rows)
    return _fill(sheet, done, rows)


@atomic
def reissue_once(key: UUID, *, terminal: Terminal, actor: Actor, now: datetime) -> CodeSheet:
    """Issue a new code for one terminal, once for each key; the code before it is void.

    :raises IllegalMove: if the terminal is not waiting to be enrolled
    :raises CodeSheet.DoesNotExist: if the key is somebody else's
    """
    actor.require("terminal.provision")
    merchant, store = terminal.merchant, terminal.store
    if merchant is None or store is None:
        raise NotReady([Examined(terminal.serial, Outcome.NOT_IN_REGISTER)])
    sheet, ours = _claim(key, merchant=merchant, store=store, actor=actor, now=now)
    if not ours:
        return sheet
    done = issue_code(terminal, actor=actor, now=now)
    return _fill(sheet, [done], [Examined(terminal.serial, Outcome.REISSUED)])


@atomic
def print_codes(sheet: CodeSheet, *, actor: Actor, now: datetime) -> None:
    """Note that the codes of a sheet go to paper.

    :raises MissingPermission: if the actor may not provision
    """
    actor.require("terminal.provision")
    record(actor, "terminal.codes_printed", sheet, now=now, count=len(sheet.rows))


@atomic
def put_away(sheet: CodeSheet, *, actor: Actor, now: datetime) -> int:
    """Forget the codes of a sheet before their minutes are over; return 1 if there were any.

    :raises MissingPermission: if the actor may not provision
    """
    actor.require("terminal.provision")
    rows = CodeSheet.objects.visible_to(actor).filter(pk=sheet.pk, forgotten_at=None)
    forgotten = rows.update(sealed_codes="", forgotten_at=now)
    if forgotten:
        record(actor, "terminal.codes_put_away", sheet, now=now, count=len(sheet.rows))
    return forgotten


def forget_read_codes(*, now: datetime) -> int:
    """Forget the codes whose minutes are over and return how many sheets held them."""
    over = CodeSheet.objects.filter(forgotten_at=None, readable_until__lte=now)
    return over.update(sealed_codes="", forgotten_at=now)


def _claim(
    key: UUID, *, merchant: Merchant, store: Store, actor: Actor, now: datetime
) -> tuple[CodeSheet, bool]:
    """Make the sheet of this key, or find it made: a second sender waits for the first."""
    sheet, ours = CodeSheet.objects.get_or_create(
        pk=key,
        defaults={
            "issued_by_id": actor.id or 0,
            "merchant": merchant,
            "store": store,
            "issued_at": now,
            "readable_until": now + READABLE,
        },
    )
    if sheet.issued_by_id != (actor.id or 0):
        raise CodeSheet.DoesNotExist(str(key))
    return sheet, ours


def _fill(sheet: CodeSheet, done: list[Provisioned], rows: list[Examined]) -> CodeSheet:
    numbers = {row.serial: row.terminal_no for row in done}
    codes = json.dumps({row.serial: row.code for row in done})
    # A serial that stood twice in the list has its number and code beside the first alone.
    sheet.rows = [
        [row.serial, row.outcome.value, numbers[row.serial] if row.outcome in GIVEN else ""]
        for row in rows
    ]
    sheet.sealed_codes = seal(codes.encode(), bound_to=place_of(sheet))
    sheet.save(update_fields=["rows", "sealed_codes"])
    return sheet
