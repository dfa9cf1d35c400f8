"""Who has been heard lately: the link axis, moved only by heartbeats and the sweep."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.kit.actor import Actor
from terminals.fleet.models import Terminal, of_terminals


class Link(models.TextChoices):
    """How lately a terminal has been heard."""

    NEVER = "NEVER", _("Not heard yet")
    ONLINE = "ONLINE", _("Online")
    LATE = "LATE", _("Late")
    OFFLINE = "OFFLINE", _("Offline")
    MISSING = "MISSING", _("Missing")


class LivenessQuerySet(models.QuerySet["Liveness"]):
    """Liveness rows, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "LivenessQuerySet":
        """Keep those of the actor's merchant, all for staff; none without terminal.read."""
        return of_terminals(self, actor)


class Liveness(models.Model):
    """The last heartbeat of a terminal and the state of its conversation with us.

    Apart from its terminal because it is written at every beat: no column that a beat
    changes is indexed, so each write stays a heap-only update. ``check_at`` is re-armed
    lazily by the sweep.
    """

    terminal = models.OneToOneField(
        Terminal, models.PROTECT, related_name="liveness", primary_key=True
    )
    merchant_id = models.BigIntegerField(null=True)
    link = models.CharField(max_length=8, choices=Link, default=Link.NEVER)
    epoch = models.BigIntegerField(default=0)
    interval_seconds = models.PositiveIntegerField(default=300)
    grace_seconds = models.PositiveIntegerField(default=600)
    last_seen_at = models.DateTimeField(null=True)
    check_at = models.DateTimeField(null=True)
    seq = models.BigIntegerField(default=0)
    challenge = models.CharField(max_length=44, blank=True)
    previous_challenge = models.CharField(max_length=44, blank=True)
    message_id = models.CharField(max_length=32, blank=True)
    boot_count = models.BigIntegerField(default=0)
    uptime_seconds = models.BigIntegerField(default=0)
    last_reply = models.JSONField(default=dict)
    clock_skew_ms = models.BigIntegerField(default=0)
    said = models.JSONField(default=dict)

    objects = LivenessQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="liveness_link_known", condition=Q(link__in=Link.values)),
        ]
        indexes = [
            # the sweep: whose deadline has passed
            models.Index(
                name="liveness_due", fields=["check_at"], condition=Q(check_at__isnull=False)
            ),
            # the fleet by link: who is not as they should be; an ordinary beat leaves it alone
            models.Index(name="liveness_not_online", fields=["link"], condition=~Q(link="ONLINE")),
        ]


class LinkEvent(models.Model):
    """A change of a terminal's link, dated when it became due, not when it was noticed."""

    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="+")
    merchant_id = models.BigIntegerField(null=True)
    epoch = models.BigIntegerField()
    old_link = models.CharField(max_length=8, choices=Link)
    new_link = models.CharField(max_length=8, choices=Link)
    occurred_at = models.DateTimeField()
    cause = models.CharField(max_length=8)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="link_event_once", fields=["terminal", "epoch"]),
            models.CheckConstraint(
                name="link_event_links_known",
                condition=Q(old_link__in=Link.values, new_link__in=Link.values),
            ),
        ]


class IngestWatermark(models.Model):
    """When any message last arrived, and when we last came back from silence of our own.

    One row. Where nobody was heard, or nobody swept, for longer than three sweeps, the
    fault was ours, so deadlines count from ``resumed_at``.
    """

    last_any_at = models.DateTimeField(null=True)
    resumed_at = models.DateTimeField()
    swept_at = models.DateTimeField(null=True)
