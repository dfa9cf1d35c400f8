"""Questions about the fleet: terminals, the makers' register, codes just issued."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count

from portal.kit.actor import Actor
from portal.kit.scope import DatabaseRole, Scope, acting_as
from portal.kit.secrets import unseal
from terminals.fleet.models import (
    CodeSheet,
    DeviceKey,
    RegisteredSerial,
    RegistryImport,
    Terminal,
    TerminalStatus,
)
from terminals.fleet.rules.allotment import Examined, Outcome, examine
from terminals.fleet.rules.serials import look_alikes
from terminals.fleet.rules.verdict import RegisterEntry, SerialFacts

LISTS_SHOWN = 20
HINTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ShownRow:
    """What became of one serial, with its code while the codes may be read."""

    serial: str
    outcome: Outcome
    terminal_no: str
    code: str


def get_terminal(actor: Actor, serial: str) -> Terminal:
    """Return the terminal with this serial number if the actor may see it.

    :raises Terminal.DoesNotExist: if there is none it may see
    """
    rows = Terminal.objects.visible_to(actor).select_related("merchant", "store")
    return rows.get(serial=serial)


def list_keys(actor: Actor, terminal: Terminal) -> list[DeviceKey]:
    """Return the public keys a terminal has had, newest first, for our own people."""
    if actor.merchant_id is not None or not actor.may("terminal.read"):
        return []
    return list(DeviceKey.objects.filter(terminal=terminal).order_by("-generation"))


def examine_list(actor: Actor, serials: Sequence[str]) -> list[Examined]:
    """Say of each serial of a list whether it could be provisioned now.

    :raises MissingPermission: if the actor may not provision
    """
    actor.require("terminal.provision")
    statuses = Terminal.objects.filter(serial__in=serials).values_list("serial", "status")
    makers = (
        RegisteredSerial.objects.filter(serial__in=serials)
        .values_list("serial")
        .annotate(makers=Count("maker"))
    )
    return examine(serials, makers=dict(makers), statuses=dict(statuses))


def list_imports(actor: Actor) -> list[RegistryImport]:
    """Return the latest lists that were handed in, newest first."""
    rows = RegistryImport.objects.visible_to(actor).defer("packed", "remarks")
    return list(rows.order_by("-handed_in_at")[:LISTS_SHOWN])


def get_import(actor: Actor, import_id: UUID) -> RegistryImport:
    """Return one list that was handed in.

    :raises RegistryImport.DoesNotExist: if there is none the actor may see
    """
    return RegistryImport.objects.visible_to(actor).get(pk=import_id)


def count_register(actor: Actor) -> list[tuple[str, int]]:
    """Count the serial numbers of each maker, most first."""
    rows = RegisteredSerial.objects.visible_to(actor).values_list("maker")
    counted = rows.annotate(serials=Count("pk")).order_by("-serials", "maker")
    return [(maker, serials) for maker, serials in counted]


def get_sheet(actor: Actor, sheet_id: UUID) -> CodeSheet:
    """Return a sheet of codes that the actor issued itself.

    :raises CodeSheet.DoesNotExist: if there is none
    """
    rows = CodeSheet.objects.visible_to(actor).select_related("merchant", "store")
    return rows.get(pk=sheet_id)


def read_sheet(sheet: CodeSheet, *, now: datetime) -> list[ShownRow]:
    """Return what became of each serial, with the codes if their minutes are not over."""
    codes: dict[str, str] = {}
    if sheet.sealed_codes and now < sheet.readable_until:
        codes = json.loads(unseal(sheet.sealed_codes, bound_to=place_of(sheet)))
    return [
        ShownRow(
            serial, Outcome(outcome), terminal_no, codes.get(serial, "") if terminal_no else ""
        )
        for serial, outcome, terminal_no in sheet.rows
    ]


def place_of(sheet: CodeSheet) -> str:
    """Name the place that the sealed codes of a sheet are bound to."""
    return f"terminals_codesheet.sealed_codes:{sheet.pk}"


def gather_facts(actor: Actor, serial: str, *, maker: str = "", model: str = "") -> SerialFacts:
    """Collect what is known about a serial number, wherever it is.

    The verdict depends on the makers' register and on terminals of other merchants, which a
    merchant's own role cannot read; so this one question is asked as staff. What comes out
    says whether the asker holds the terminal, never who does.
    """
    with acting_as(Scope(DatabaseRole.STAFF, actor=actor.key)):
        entries = RegisteredSerial.objects.filter(serial=serial).order_by("maker")
        found = tuple(RegisterEntry(e.maker, e.model, e.imported_at) for e in entries)
        row = Terminal.objects.select_related("liveness").filter(serial=serial).first()
        if row is None:
            return SerialFacts(serial, found, maker, model)
        live = getattr(row, "liveness", None)
        return SerialFacts(
            serial=serial,
            entries=found,
            stated_maker=maker,
            stated_model=model,
            status=row.status,
            status_since=row.suspended_at or row.activated_at or row.provisioned_at,
            suspended_reason=row.suspended_reason,
            bound_elsewhere=_elsewhere(actor, row),
            has_key=DeviceKey.objects.filter(terminal=row, revoked_at=None).exists(),
            last_proof_at=live.last_seen_at if live else None,
        )


def _elsewhere(actor: Actor, terminal: Terminal) -> bool:
    held = terminal.merchant_id is not None and terminal.status != TerminalStatus.REGISTERED
    return held and actor.merchant_id is not None and terminal.merchant_id != actor.merchant_id


def find_meant(actor: Actor, serial: str) -> list[str]:
    """Return listed serial numbers that look like one that is not: O for 0, I for 1."""
    with acting_as(Scope(DatabaseRole.STAFF, actor=actor.key)):
        rows = RegisteredSerial.objects.filter(serial__in=look_alikes(serial))
        return list(rows.values_list("serial", flat=True).distinct()[:HINTS_SHOWN])


def find_register_version(actor: Actor) -> datetime | None:
    """Return when a list was last taken into the register."""
    with acting_as(Scope(DatabaseRole.STAFF, actor=actor.key)):
        taken = RegistryImport.objects.exclude(imported_at=None).order_by("-imported_at")
        return taken.values_list("imported_at", flat=True).first()
