"""Sweeps over sessions and accounts."""

from celery import shared_task
from django.utils import timezone

from portal.accounts.actions import people, sessions


@shared_task(name="portal.accounts.tasks.end_stale_sessions", ignore_result=True)
def end_stale_sessions(**_: object) -> dict[str, int]:
    """End the sessions that are over and forget what is left of them."""
    return {"ended": sessions.end_stale(now=timezone.now())}


@shared_task(name="portal.accounts.tasks.close_unused_accounts", ignore_result=True)
def close_unused_accounts(**_: object) -> dict[str, int]:
    """Close the accounts that nobody uses."""
    return {"closed": people.close_unused(now=timezone.now())}
