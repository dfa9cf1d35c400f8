"""The sweeps of jobs, of messages, and of the months to come."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from portal.jobs import actions


@shared_task(ignore_result=True)
def run_due_jobs(**_: object) -> dict[str, int]:
    """Do the jobs that are due."""
    lease = timedelta(seconds=settings.JOB_LEASE_SECONDS)
    return {"ran": actions.run_due(clock=timezone.now, lease=lease)}


@shared_task(ignore_result=True)
def relay_outbox(**_: object) -> dict[str, int]:
    """Send the messages that wait."""
    return {"sent": actions.relay(clock=timezone.now)}


@shared_task(ignore_result=True)
def prepare_months(**_: object) -> dict[str, int]:
    """Make the partitions of the months to come."""
    return {"made": actions.prepare_months(now=timezone.now())}


@shared_task(ignore_result=True)
def forget_results(**_: object) -> dict[str, int]:
    """Delete files and messages that were kept long enough."""
    now = timezone.now()
    return {"files": actions.forget_results(now=now), "messages": actions.forget_sent(now=now)}
