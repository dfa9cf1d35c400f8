"""What happened, kept for ever: entries that nobody may change."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.kit.actor import Actor


class Outcome(models.TextChoices):
    """How the act ended."""

    DONE = "DONE", _("Done")
    REFUSED = "REFUSED", _("Refused")


class Via(models.TextChoices):
    """The way the act came in; DB is a row trigger."""

    WEB = "WEB", _("Web pages")
    API = "API", _("API")
    TASK = "TASK", _("Task")
    COMMAND = "COMMAND", _("Command")
    DB = "DB", _("Database")


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Entries, as far as an actor may read them."""

    def visible_to(self, actor: Actor) -> "AuditEntryQuerySet":
        """Keep the entries the actor may read: all with audit.read, else none."""
        return self if "audit.read" in actor.permissions else self.none()


class AuditEntry(models.Model):
    """One act or one sensitive look: who, what, on what, when, from where, how it ended.

    Copies, not foreign keys: the log outlives what it speaks of. Partitioned by month of
    ``at``; the database refuses UPDATE, DELETE and TRUNCATE.
    """

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    event = models.CharField(max_length=48)
    outcome = models.CharField(max_length=8, choices=Outcome)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.CharField(max_length=120)
    actor_role = models.CharField(max_length=16, blank=True)
    merchant_id = models.BigIntegerField(null=True)
    subject_type = models.CharField(max_length=48)
    subject_id = models.CharField(max_length=64, blank=True)
    subject_label = models.CharField(max_length=160, blank=True)
    via = models.CharField(max_length=8, choices=Via)
    ip = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=36, blank=True)
    details = models.JSONField(default=dict)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="audit_outcome_known", condition=Q(outcome__in=Outcome.values)
            ),
            models.CheckConstraint(name="audit_via_known", condition=Q(via__in=Via.values)),
        ]
        indexes = [
            # the newest first, and one page after another
            models.Index(name="audit_newest", fields=["-at", "-id"]),
            # everything that happened to one thing
            models.Index(name="audit_of_subject", fields=["subject_type", "subject_id", "-at"]),
            # everything one actor did
            models.Index(name="audit_by_actor", fields=["actor_kind", "actor_id", "-at"]),
            # who touched one merchant's records
            models.Index(name="audit_of_merchant", fields=["merchant_id", "-at"]),
            # one kind of event
            models.Index(name="audit_of_event", fields=["event", "-at"]),
        ]
