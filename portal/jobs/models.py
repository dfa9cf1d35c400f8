"""Work that outlives a request, and messages that must leave exactly once."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.kit.actor import Actor, ActorKind


class JobState(models.TextChoices):
    """Where a job stands."""

    QUEUED = "QUEUED", _("Waiting")
    RUNNING = "RUNNING", _("Running")
    DONE = "DONE", _("Ready")
    FAILED = "FAILED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "JobQuerySet":
        """Keep the jobs the person asked for; the system sees all, a device none."""
        if actor.kind is ActorKind.SYSTEM:
            return self
        if actor.kind is ActorKind.PERSON:
            return self.filter(requested_by_id=actor.id)
        return self.none()


class Job(models.Model):
    """A piece of long work with its progress; the row is the queue.

    A worker claims it by changing it and holds it under a lease; what a killed worker
    left is claimed again when the lease has run out.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=48)
    title = models.CharField(max_length=120)
    effect_key = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=12, choices=JobState, default=JobState.QUEUED)
    requested_by = models.ForeignKey("portal.User", models.PROTECT, related_name="+", null=True)
    merchant_id = models.BigIntegerField(null=True)
    arguments = models.JSONField(default=dict)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    result = models.JSONField(default=dict)
    failure = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="job_state_known", condition=Q(state__in=JobState.values)),
            models.CheckConstraint(
                name="job_lease_iff_running",
                condition=Q(state="RUNNING", lease_until__isnull=False)
                | (~Q(state="RUNNING") & Q(lease_until=None)),
            ),
            models.CheckConstraint(
                name="job_finished_at_iff_finished",
                condition=Q(state__in=["DONE", "FAILED", "CANCELLED"], finished_at__isnull=False)
                | (Q(state__in=["QUEUED", "RUNNING"]) & Q(finished_at=None)),
            ),
        ]
        indexes = [
            # the claim: what is due, and what a dead worker left
            models.Index(name="job_claimable", fields=["due_at"], condition=Q(state="QUEUED")),
            models.Index(name="job_leased", fields=["lease_until"], condition=Q(state="RUNNING")),
            # a person's own jobs, newest first
            models.Index(name="job_of_person", fields=["requested_by", "-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.kind


class OutboxMessage(models.Model):
    """A message that leaves the system once its business row is committed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    topic = models.CharField(max_length=48)
    effect_key = models.CharField(max_length=160, unique=True)
    payload = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    failure = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # the relay: what is unsent and due
            models.Index(name="outbox_unsent", fields=["due_at"], condition=Q(sent_at=None)),
        ]
