"""What became known about transactions."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class LabelValue(models.TextChoices):
    """What a transaction turned out to be."""

    FRAUD = "FRAUD", _("Fraud")
    GENUINE = "GENUINE", _("Genuine")
    UNCLEAR = "UNCLEAR", _("Unclear")


class Label(models.Model):
    """What was learnt about one transaction, and when it became known.

    Every reader asks for labels by ``known_at <= now``, never by the transaction's time.
    """

    workspace = models.CharField(max_length=32)
    external_id = models.CharField(max_length=64)
    label = models.CharField(max_length=8, choices=LabelValue)
    known_at = models.DateTimeField()
    source = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="label_once", fields=["workspace", "external_id", "known_at"]
            ),
            models.CheckConstraint(
                name="label_known_value", condition=Q(label__in=LabelValue.values)
            ),
        ]
