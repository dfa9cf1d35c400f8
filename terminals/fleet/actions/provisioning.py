"""Terminals into stock, to a merchant, and the one-time codes that let them enrol."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Model
from django.db.transaction import atomic

from merchants.profiles.models import Merchant, MerchantStatus, Store
from portal.audit.actions import record_each
from portal.kit.actor import Actor
from portal.kit.ids import new_checked_code
from portal.kit.lifecycle import IllegalMove, LostRace
from portal.kit.secrets import fingerprint
from terminals.fleet import queries
from terminals.fleet.models import ActivationCode, RegisteredSerial, Terminal, TerminalStatus
from terminals.fleet.rules.allotment import MOST_AT_ONCE, Examined, Outcome, ready
from terminals.fleet.rules.serials import read_serial

Acts = list[tuple[Model, dict[str, object]]]

CODE_LENGTH = 12
CODE_PURPOSE = "activation code"
CODE_AGE = timedelta(hours=24)


class TooManySerials(ValueError):
    """More serials than are provisioned at once."""

    def __init__(self, given: int) -> None:
        super().__init__(f"{given} of at most {MOST_AT_ONCE}")
        self.given = given


class MerchantNotActive(Exception):
    """The merchant is suspended or closed and gets no terminals."""


class StoreElsewhere(Exception):
    """The store belongs to another merchant."""


class NotReady(Exception):
    """Some serials cannot be provisioned; ``rows`` says which and why."""

    def __init__(self, rows: Sequence[Examined]) -> None:
        super().__init__(", ".join(f"{row.serial} {row.outcome}" for row in rows[:5]))
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A terminal that was given to a merchant, with the code to enrol it; shown once."""

    serial: str
    terminal_no: str
    code: str


def code_hash(code: str) -> str:
    """Return an activation code as it is stored: a hash under a key outside the database."""
    return fingerprint(code, purpose=CODE_PURPOSE)


@atomic
def register_into_stock(serials: Iterable[str], *, actor: Actor, now: datetime) -> list[Terminal]:
    """Take serials of the register into stock and return their terminals, in order of serial.

    Serials that are in stock or in the field already stay as they are.

    :raises MissingPermission: if the actor may not provision
    :raises NotReady: if a serial is not listed by exactly one maker
    """
    actor.require("terminal.provision")
    wanted = [read_serial(serial) for serial in serials]
    rows = queries.examine_list(actor, wanted)
    amiss = (Outcome.BAD_SHAPE, Outcome.NOT_IN_REGISTER, Outcome.TWO_MAKERS)
    if refused := [row for row in rows if row.outcome in amiss]:
        raise NotReady(refused)
    _stock(ready(rows), actor=actor, now=now)
    return list(Terminal.objects.filter(serial__in=wanted).order_by("serial"))


@atomic
def provision(
    serials: Iterable[str], *, merchant: Merchant, store: Store, actor: Actor, now: datetime
) -> list[Provisioned]:
    """Give terminals to a merchant's store, all or none, each with a code to enrol it.

    :raises MissingPermission: if the actor may not provision
    :raises NotReady: if one of the serials cannot be provisioned; none is then
    :raises TooManySerials: if there are more than 500
    :raises MerchantNotActive: if the merchant is not active
    :raises StoreElsewhere: if the store is another merchant's
    """
    done, rows = provision_ready(serials, merchant=merchant, store=store, actor=actor, now=now)
    if refused := [row for row in rows if row.outcome != Outcome.PROVISIONED]:
        raise NotReady(refused)
    return done


@atomic
def provision_ready(
    serials: Iterable[str], *, merchant: Merchant, store: Store, actor: Actor, now: datetime
) -> tuple[list[Provisioned], list[Examined]]:
    """Provision the serials that nothing is in the way of; say of every one what became of it.

    :raises MissingPermission: if the actor may not provision
    :raises TooManySerials: if there are more than 500
    :raises MerchantNotActive: if the merchant is not active
    :raises StoreElsewhere: if the store is another merchant's
    """
    actor.require("terminal.provision")
    wanted = [read_serial(serial) for serial in serials]
    if len(wanted) > MOST_AT_ONCE:
        raise TooManySerials(len(wanted))
    if merchant.status != MerchantStatus.ACTIVE:
        raise MerchantNotActive(merchant.code)
    if store.merchant_id != merchant.pk:
        raise StoreElsewhere(store.code)
    rows = queries.examine_list(actor, wanted)
    _stock(ready(rows), actor=actor, now=now)
    terminals = _allocate(ready(rows), merchant=merchant, store=store, now=now)
    done = _issue(terminals, actor=actor, now=now)
    acts: Acts = [(t, {"store": store.code, "terminal_no": t.terminal_no}) for t in terminals]
    record_each(actor, "terminal.allocated", acts, now=now)
    return done, [_became(row, {terminal.serial for terminal in terminals}) for row in rows]


@atomic
def issue_code(terminal: Terminal, *, actor: Actor, now: datetime) -> Provisioned:
    """Issue a new activation code; a code that was still open is void.

    :raises MissingPermission: if the actor may not provision
    :raises IllegalMove: if the terminal is not waiting to be enrolled
    """
    actor.require("terminal.provision")
    waiting = Terminal.objects.filter(pk=terminal.pk, status=TerminalStatus.ALLOCATED)
    found = waiting.select_for_update().first()
    if found is None:
        raise IllegalMove("terminals.Terminal", terminal.status, "code")
    return _issue([found], actor=actor, now=now)[0]


def _stock(serials: list[str], *, actor: Actor, now: datetime) -> None:
    """Make the terminals that do not exist yet; the unique serial decides who made one."""
    known = set(Terminal.objects.filter(serial__in=serials).values_list("serial", flat=True))
    missing = [serial for serial in serials if serial not in known]
    entries = list(RegisteredSerial.objects.filter(serial__in=missing).order_by("serial"))
    numbers = _next_numbers(len(entries))
    Terminal.objects.bulk_create(
        [
            Terminal(
                maker=entry.maker,
                model=entry.model,
                serial=entry.serial,
                terminal_no=number,
                provisioned_at=now,
            )
            for entry, number in zip(entries, numbers, strict=True)
        ],
        ignore_conflicts=True,
    )
    # Only what carries a number drawn here was made here.
    made = Terminal.objects.filter(terminal_no__in=numbers).order_by("serial")
    acts: Acts = [(t, {"maker": t.maker, "model": t.model}) for t in made]
    record_each(actor, "terminal.registered", acts, now=now)


def _next_numbers(count: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select nextval('terminals_terminal_no_seq') from generate_series(1, %s)", [count]
        )
        return [f"{number:08}" for (number,) in cursor.fetchall()]


def _allocate(
    serials: list[str], *, merchant: Merchant, store: Store, now: datetime
) -> list[Terminal]:
    """Move terminals from stock to a merchant and return those that this call moved.

    The rows are locked in order of serial, so two lists that overlap wait for each other
    and never deadlock; whoever comes second finds them moved.
    """
    stocked = Terminal.objects.filter(serial__in=serials, status=TerminalStatus.REGISTERED)
    terminals = list(stocked.order_by("serial").select_for_update())
    changes = {
        "status": TerminalStatus.ALLOCATED,
        "merchant": merchant,
        "store": store,
        "provisioned_at": now,
    }
    moved = stocked.filter(pk__in=[terminal.pk for terminal in terminals]).update(**changes)
    if moved != len(terminals):
        raise LostRace(f"{len(terminals) - moved} terminals are no longer in stock")
    for terminal in terminals:
        for name, value in changes.items():
            setattr(terminal, name, value)
    return terminals


def _issue(terminals: list[Terminal], *, actor: Actor, now: datetime) -> list[Provisioned]:
    """Void the open codes of terminals that are locked, and give each a new one."""
    done = [Provisioned(t.serial, t.terminal_no, new_checked_code(CODE_LENGTH)) for t in terminals]
    open_codes = ActivationCode.objects.filter(used_at=None, voided_at=None)
    open_codes.filter(terminal__in=terminals).update(voided_at=now)
    ActivationCode.objects.bulk_create(
        ActivationCode(
            terminal=terminal,
            code_hash=code_hash(row.code),
            issued_at=now,
            expires_at=now + CODE_AGE,
        )
        for terminal, row in zip(terminals, done, strict=True)
    )
    until = (now + CODE_AGE).isoformat()
    record_each(
        actor, "terminal.code_issued", [(t, {"expires_at": until}) for t in terminals], now=now
    )
    return done


def _became(row: Examined, moved: set[str]) -> Examined:
    if row.outcome != Outcome.READY:
        return row
    won = row.serial in moved
    return replace(row, outcome=Outcome.PROVISIONED if won else Outcome.ALREADY_ALLOCATED)
