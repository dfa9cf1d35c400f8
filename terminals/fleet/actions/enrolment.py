"""Burning a one-time code, and enrolling the key that a terminal made for itself."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hmac import compare_digest

from django.db import IntegrityError
from django.db.models import Max
from django.db.transaction import atomic

from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.ids import BadCheckCharacter, read_checked_code
from portal.kit.lifecycle import LostRace, move
from terminals.fleet.actions.provisioning import CODE_LENGTH, code_hash
from terminals.fleet.models import ActivationCode, DeviceKey, Terminal, TerminalStatus
from terminals.fleet.rules.moves import moves_from

MOST_TRIES = 5
REMEMBERED = 10


class Standing(StrEnum):
    """How the code that was presented stands."""

    OPEN = "OPEN"
    WRONG = "WRONG"
    USED = "USED"
    EXPIRED = "EXPIRED"
    VOID = "VOID"


@dataclass(frozen=True, slots=True)
class Presented:
    """What became of presenting a code; ``code`` is the row that matched, locked."""

    standing: Standing
    code: ActivationCode | None = None


class KeyTaken(Exception):
    """The public key belongs to a terminal already."""


@atomic
def present_code(terminal: Terminal, typed: str, *, now: datetime) -> Presented:
    """Compare a code with those issued for a terminal; a wrong one costs the open one a try.

    The rows are locked until the transaction ends, so tries in parallel are counted one by
    one. A typing error that the check character reveals costs nothing.
    """
    issued = ActivationCode.objects.filter(terminal=terminal).order_by("-issued_at", "-pk")
    codes = list(issued.select_for_update()[:REMEMBERED])
    try:
        code = read_checked_code(typed)
    except BadCheckCharacter:
        return Presented(Standing.WRONG)
    if len(code) != CODE_LENGTH + 1:
        return Presented(Standing.WRONG)
    given = code_hash(code)
    match = next((row for row in codes if compare_digest(row.code_hash, given)), None)
    if match is None:
        _count_a_try(codes, now)
        return Presented(Standing.WRONG)
    return Presented(_standing(match, now), match)


@atomic
def enrol(
    terminal: Terminal, code: ActivationCode, *, public_key: str, actor: Actor, now: datetime
) -> DeviceKey:
    """Burn the code, make the key the terminal's only one, and put the terminal in use.

    :raises LostRace: if the code was burnt by somebody else first
    :raises IllegalMove: if the terminal is not waiting to be enrolled
    :raises KeyTaken: if the key is enrolled already
    """
    actor.require("device.enrol")
    unburnt = ActivationCode.objects.filter(
        pk=code.pk, used_at=None, voided_at=None, expires_at__gt=now
    )
    if unburnt.update(used_at=now) != 1:
        raise LostRace(f"code #{code.pk} is no longer open")
    key = _new_key(terminal, public_key, now)
    DeviceKey.objects.filter(terminal=terminal, revoked_at=None).exclude(pk=key.pk).update(
        revoked_at=now
    )
    move(terminal, TerminalStatus.ENROLLED, moves=moves_from(TerminalStatus.ALLOCATED))
    move(
        terminal,
        TerminalStatus.ACTIVE,
        moves=moves_from(TerminalStatus.ENROLLED),
        activated_at=now,
    )
    record(actor, "terminal.activated", terminal, now=now, key_generation=key.generation)
    return key


def _standing(code: ActivationCode, now: datetime) -> Standing:
    if code.used_at is not None:
        return Standing.USED
    if code.voided_at is not None or code.tries >= MOST_TRIES:
        return Standing.VOID
    return Standing.OPEN if now < code.expires_at else Standing.EXPIRED


def _count_a_try(codes: list[ActivationCode], now: datetime) -> None:
    for code in codes:
        if code.used_at is None and code.voided_at is None:
            code.tries += 1
            code.voided_at = now if code.tries >= MOST_TRIES else None
            code.save(update_fields=["tries", "voided_at"])


def _new_key(terminal: Terminal, public_key: str, now: datetime) -> DeviceKey:
    newest = DeviceKey.objects.filter(terminal=terminal).aggregate(Max("generation"))
    try:
        with atomic():
            return DeviceKey.objects.create(
                terminal=terminal,
                generation=(newest["generation__max"] or 0) + 1,
                public_key=public_key,
                created_at=now,
            )
    except IntegrityError as taken:
        raise KeyTaken(terminal.serial) from taken
