"""Counters that cap how often something may be tried."""

from django.db import models


class RateWindow(models.Model):
    """How often one key was used in one fixed window of time."""

    name = models.CharField(max_length=32)
    key = models.CharField(max_length=128)
    window_starts_at = models.DateTimeField()
    used = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="rate_window_once", fields=["name", "key", "window_starts_at"]
            ),
        ]
        indexes = [
            # the sweep that forgets windows which are over
            models.Index(name="rate_window_expires", fields=["expires_at"]),
        ]
