"""A terminal proves that it is the one we gave out, and enrols its key."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.transaction import atomic

from merchants.profiles.models import Merchant, MerchantStatus
from portal.kit.actor import Actor, ActorKind
from portal.kit.lifecycle import IllegalMove, LostRace
from portal.kit.scope import acting_as, scope_of
from portal.limits.actions import OverLimit, take
from terminals.authentication.refusals import Refused
from terminals.checkin.actions.exchange import new_challenge
from terminals.checkin.rules.condition import faulty_parts, names_of
from terminals.fleet.actions.enrolment import KeyTaken, Presented, Standing, enrol, present_code
from terminals.fleet.models import DeviceKey, Terminal, TerminalStatus
from terminals.presence import actions as presence
from terminals.presence.rules import ON_MAINS

MAY = frozenset({"device.enrol"})
WRONG_CODES_AN_HOUR = 60  # of one address: a shop's own typing errors, not a search
REFUSALS = {
    Standing.WRONG: "ACTIVATION_CODE_WRONG",
    Standing.USED: "ACTIVATION_CODE_USED",
    Standing.EXPIRED: "ACTIVATION_CODE_EXPIRED",
    Standing.VOID: "ACTIVATION_CODE_VOID",
}


@dataclass(frozen=True, slots=True)
class Application:
    """What a terminal asks to be enrolled with; ``message_id`` makes repeating it safe."""

    serial: str
    code: str = field(repr=False)
    public_key: str
    self_test: dict[str, str]
    message_id: str = ""


@atomic
def activate(
    application: Application, *, stranger: Actor, now: datetime
) -> dict[str, Any] | Refused:
    """Enrol the terminal's key if the serial number and its one-time code belong together.

    What is returned as Refused has cost the code a try and must be committed.

    :raises Refused: if the device, the merchant or the code is in no state for it
    """
    terminal = Terminal.objects.filter(serial=application.serial).first()
    if terminal is None or terminal.merchant_id is None:
        return _wrong(stranger, now)
    actor = replace(
        stranger,
        kind=ActorKind.TERMINAL,
        id=terminal.pk,
        label=terminal.serial,
        merchant_id=terminal.merchant_id,
        permissions=MAY,
        via="API",
    )
    with acting_as(scope_of(actor)):
        presented = present_code(terminal, application.code, now=now)
        if presented.standing is Standing.WRONG:
            return _wrong(stranger, now)
        if presented.standing is Standing.USED and _is_repeated(terminal, application):
            return _reply(terminal, now)
        return _enrol(terminal, application, presented, actor=actor, now=now)


def _wrong(stranger: Actor, now: datetime) -> Refused:
    """Say the same for a serial that does not exist as for a code that is wrong."""
    try:
        take(
            name="activation",
            key=stranger.ip,
            limit=WRONG_CODES_AN_HOUR,
            window_seconds=3600,
            now=now,
        )
    except OverLimit as over:
        return Refused("RATE_LIMITED", retry_after_s=over.retry_after_seconds)
    return Refused(REFUSALS[Standing.WRONG])


def _enrol(
    terminal: Terminal,
    application: Application,
    presented: Presented,
    *,
    actor: Actor,
    now: datetime,
) -> dict[str, Any]:
    if presented.code is None or presented.standing is not Standing.OPEN:
        raise Refused(REFUSALS[presented.standing])
    if broken := faulty_parts(application.self_test):
        raise Refused("SELF_TEST_FAILED", title_values={"parts": names_of(broken)}, parts=broken)
    if _merchant_of(terminal).status != MerchantStatus.ACTIVE:
        raise Refused("MERCHANT_INACTIVE")
    try:
        enrol(terminal, presented.code, public_key=application.public_key, actor=actor, now=now)
    except KeyTaken as taken:
        raise Refused("PUBLIC_KEY_TAKEN") from taken
    except LostRace as lost:
        raise Refused("ACTIVATION_CODE_USED") from lost
    except IllegalMove as illegal:
        raise Refused("ACTIVATION_CODE_VOID") from illegal
    presence.arm(
        terminal,
        challenge=new_challenge(),
        message_id=application.message_id,
        rhythm=ON_MAINS,
        now=now,
    )
    return _reply(terminal, now)


def _is_repeated(terminal: Terminal, application: Application) -> bool:
    """Say whether this is the very message that burnt the code, its answer being lost."""
    stands = presence.lock_conversation(terminal.pk)
    return (
        terminal.status == TerminalStatus.ACTIVE
        and application.message_id != ""
        and stands is not None
        and stands.seq == 0
        and stands.message_id == application.message_id
        and DeviceKey.objects.filter(
            terminal=terminal, public_key=application.public_key, revoked_at=None
        ).exists()
    )


def _reply(terminal: Terminal, now: datetime) -> dict[str, Any]:
    merchant = _merchant_of(terminal)
    key = DeviceKey.objects.select_related("terminal").get(terminal=terminal, revoked_at=None)
    stands = presence.lock_conversation(terminal.pk)
    return {
        "terminal_no": terminal.terminal_no,
        "key_id": key.key_id,
        "server_time": now.isoformat(),
        "challenge": stands.challenge if stands else "",
        "merchant": {
            "code": merchant.code,
            "name": merchant.name,
            "name_en": merchant.name_en,
        },
        "heartbeat_interval_s": ON_MAINS.interval_seconds,
        "heartbeat_grace_s": ON_MAINS.grace_seconds,
    }


def _merchant_of(terminal: Terminal) -> Merchant:
    if terminal.merchant is None:
        raise Refused(REFUSALS[Standing.WRONG])
    return terminal.merchant
