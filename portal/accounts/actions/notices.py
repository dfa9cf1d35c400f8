"""Mails to a person about their own account, so that a change by somebody else is noticed."""

from datetime import datetime

from portal.accounts.models import User
from portal.jobs.actions import enqueue_mail


def tell(user: User, notice: str, *, now: datetime) -> None:
    """Leave a mail in the present transaction; ``notice`` names a folder of emails."""
    enqueue_mail(
        notice=notice,
        to=user.email,
        language=user.language,
        effect_key=f"{notice}:{user.pk}:{now.isoformat()}",
        now=now,
    )
