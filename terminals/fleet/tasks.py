"""What the fleet does by the clock."""

from celery import shared_task
from django.utils import timezone

from terminals.fleet.actions import sheets


@shared_task(ignore_result=True)
def forget_read_codes(**_: object) -> dict[str, int]:
    """Forget activation codes whose minutes on the page are over."""
    return {"forgotten": sheets.forget_read_codes(now=timezone.now())}
