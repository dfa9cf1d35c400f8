"""The sweep that forgets windows which are over."""

from celery import shared_task
from django.utils import timezone

from portal.limits import actions


@shared_task(ignore_result=True)
def forget_finished(**_: object) -> dict[str, int]:
    """Delete the counters of windows that have ended."""
    return {"forgotten": actions.forget_finished(now=timezone.now())}
