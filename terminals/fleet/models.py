"""Terminals, the makers' lists they come from, and the keys they prove themselves with."""

import uuid
from typing import Any, TypeVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchants.profiles.models import Merchant, Store
from portal.kit.actor import Actor

R = TypeVar("R", bound="models.QuerySet[Any]")


class RegisteredSerialQuerySet(models.QuerySet["RegisteredSerial"]):
    """The makers' lists, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "RegisteredSerialQuerySet":
        """Keep all for who may read the register, else none."""
        return self if actor.may("registry.read") else self.none()


class RegisteredSerial(models.Model):
    """A serial number that a maker has stated to be its own product."""

    maker = models.CharField(max_length=40)
    model = models.CharField(max_length=40)
    serial = models.CharField(max_length=50)
    tusn = models.CharField(max_length=50, blank=True)
    imported_at = models.DateTimeField()

    objects = RegisteredSerialQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="registered_serial_once", fields=["maker", "serial"]),
            models.UniqueConstraint(
                name="registered_tusn_once", fields=["tusn"], condition=~Q(tusn="")
            ),
        ]
        indexes = [
            # verify a serial when its maker is not stated
            models.Index(name="registered_by_serial", fields=["serial"]),
        ]


class RegistryImportStatus(models.TextChoices):
    """A list is looked at first, then taken in."""

    PREVIEWED = "PREVIEWED", _("Preview")
    IMPORTED = "IMPORTED", _("Imported")


class RegistryImportQuerySet(models.QuerySet["RegistryImport"]):
    """Lists handed in, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "RegistryImportQuerySet":
        """Keep all for who may read the register, else none."""
        return self if actor.may("registry.read") else self.none()


class RegistryImport(models.Model):
    """A maker's list that was handed in: what it held, what was taken in, what was refused.

    ``packed`` holds the readable lines until they are taken in; ``remarks`` are triples of
    line number, code and cell for what was refused or flagged.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    status = models.CharField(
        max_length=12, choices=RegistryImportStatus, default=RegistryImportStatus.PREVIEWED
    )
    file_name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    encoding = models.CharField(max_length=12)
    packed = models.BinaryField(default=b"")
    remarks = models.JSONField(default=list)
    lines = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    flagged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    handed_in_by = models.CharField(max_length=120)
    handed_in_at = models.DateTimeField()
    imported_at = models.DateTimeField(null=True)

    objects = RegistryImportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="registry_import_status_known",
                condition=Q(status__in=RegistryImportStatus.values),
            ),
            models.CheckConstraint(
                name="registry_import_imported_at_iff_imported",
                condition=Q(status="IMPORTED", imported_at__isnull=False)
                | Q(status="PREVIEWED", imported_at=None),
            ),
        ]
        indexes = [
            # the versions of the register, newest first
            models.Index(name="registry_import_newest", fields=["-handed_in_at"]),
        ]

    def __str__(self) -> str:
        return self.file_name


class TerminalStatus(models.TextChoices):
    """The lifecycle axis: only people and proofs move it, never mere contact."""

    REGISTERED = "REGISTERED", _("In stock")
    ALLOCATED = "ALLOCATED", _("Allocated")
    ENROLLED = "ENROLLED", _("Enrolled")
    ACTIVE = "ACTIVE", _("Active")
    SUSPENDED = "SUSPENDED", _("Suspended")
    RETIRED = "RETIRED", _("Retired")


class SuspendReason(models.TextChoices):
    """Why a terminal was suspended."""

    RISK = "RISK", _("Risk")
    MOVED = "MOVED", _("Moved from its registered place")
    ARREARS = "ARREARS", _("Fees in arrears")
    MERCHANT_REQUEST = "MERCHANT_REQUEST", _("Asked for by the merchant")
    COMPLIANCE = "COMPLIANCE", _("Compliance")


def of_terminals(rows: R, actor: Actor) -> R:
    """Narrow rows about terminals to those an actor may see, as the pages of terminals do."""
    if not actor.may("terminal.read"):
        return rows.none()
    return rows if actor.merchant_id is None else rows.filter(merchant_id=actor.merchant_id)


class TerminalQuerySet(models.QuerySet["Terminal"]):
    """Terminals, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "TerminalQuerySet":
        """Keep those of the actor's merchant, all for staff; none without terminal.read."""
        return of_terminals(self, actor)


class Terminal(models.Model):
    """A card terminal that we have issued, known by its serial number."""

    maker = models.CharField(max_length=40)
    model = models.CharField(max_length=40)
    serial = models.CharField(max_length=50, unique=True)
    terminal_no = models.CharField(max_length=8, unique=True)
    merchant = models.ForeignKey(
        Merchant, models.PROTECT, related_name="+", null=True, db_index=False
    )
    store = models.ForeignKey(Store, models.PROTECT, related_name="+", null=True)
    status = models.CharField(
        max_length=12, choices=TerminalStatus, default=TerminalStatus.REGISTERED
    )
    suspended_at = models.DateTimeField(null=True)
    suspended_reason = models.CharField(max_length=20, choices=SuspendReason, blank=True)
    provisioned_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)

    objects = TerminalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="terminal_status_known", condition=Q(status__in=TerminalStatus.values)
            ),
            models.CheckConstraint(
                name="terminal_suspended_iff_reason_and_time",
                condition=Q(status="SUSPENDED", suspended_at__isnull=False)
                & Q(suspended_reason__in=SuspendReason.values)
                | (~Q(status="SUSPENDED") & Q(suspended_at=None, suspended_reason="")),
            ),
            models.CheckConstraint(
                name="terminal_in_the_field_has_merchant_and_store",
                condition=Q(status__in=["REGISTERED", "RETIRED"])
                | Q(merchant__isnull=False, store__isnull=False),
            ),
        ]
        indexes = [
            # a merchant's own terminals, by serial
            models.Index(name="terminal_of_merchant", fields=["merchant", "serial"]),
            # the fleet by one status, and by one model, in order of serial
            models.Index(name="terminal_by_status", fields=["status", "serial"]),
            models.Index(name="terminal_by_model", fields=["maker", "model", "serial"]),
        ]

    def __str__(self) -> str:
        return self.serial


class ActivationCode(models.Model):
    """A one-time code that lets one allocated serial enrol its key; kept as a keyed hash."""

    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="+")
    code_hash = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="activation_code_one_open_per_terminal",
                fields=["terminal"],
                condition=Q(used_at=None, voided_at=None),
            ),
        ]


class CodeSheetQuerySet(models.QuerySet["CodeSheet"]):
    """Sheets of codes, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "CodeSheetQuerySet":
        """Keep the sheets that the actor asked for itself."""
        return self.filter(issued_by_id=actor.id or 0)


class CodeSheet(models.Model):
    """Activation codes just issued, readable for minutes by the person who issued them.

    ``id`` is the idempotency key of the form, so a double click issues once. ``rows`` are
    what became of each serial; ``sealed_codes`` is emptied when the minutes are over. The
    system issues as number 0.
    """

    id = models.UUIDField(primary_key=True)
    issued_by_id = models.BigIntegerField()
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+")
    store = models.ForeignKey(Store, models.PROTECT, related_name="+")
    rows = models.JSONField(default=list)
    sealed_codes = models.TextField(blank=True)
    issued_at = models.DateTimeField()
    readable_until = models.DateTimeField()
    forgotten_at = models.DateTimeField(null=True)

    objects = CodeSheetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="code_sheet_empty_once_forgotten",
                condition=Q(forgotten_at=None) | Q(sealed_codes=""),
            ),
        ]
        indexes = [
            # the sweep: whose minutes are over
            models.Index(
                name="code_sheet_readable",
                fields=["readable_until"],
                condition=Q(forgotten_at=None),
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class DeviceKey(models.Model):
    """A public key that one terminal made for itself; we never hold the private half."""

    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="+")
    generation = models.PositiveIntegerField()
    public_key = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="device_key_generation_once", fields=["terminal", "generation"]
            ),
        ]

    @property
    def key_id(self) -> str:
        """What the terminal signs under (RFC 9421 ``keyid``): its number and the generation."""
        return f"{self.terminal.terminal_no}:{self.generation}"
