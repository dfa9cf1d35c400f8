"""The sweep that notices silence."""

from celery import shared_task
from django.utils import timezone

from terminals.presence import actions


@shared_task(ignore_result=True)
def sweep_overdue(**_: object) -> dict[str, int]:
    """Move every terminal whose deadline has passed."""
    swept = actions.sweep_all(now=timezone.now())
    return {"changed": swept.changed, "fell_silent": swept.fell_silent}
