"""Proving oneself again before what matters most."""

from datetime import datetime

from django.conf import settings

from portal.accounts.actions import factors
from portal.accounts.models import StepUp, User, UserSession
from portal.audit.actions import record
from portal.audit.models import Outcome
from portal.kit.actor import Actor, MissingPermission
from portal.kit.ids import LOOK_ALIKES
from portal.kit.scope import through_gate

LONGEST_TOTP = 8


def prove(
    session: UserSession, code: str, *, permission: str, actor: Actor, now: datetime
) -> StepUp:
    """Take a code and let one permission be used in this session for five minutes.

    :raises MissingPermission: if the actor's role does not hold the permission at all
    :raises CodeRefused: if the code does not pass
    """
    if not actor.may(permission):
        raise MissingPermission(permission)
    try:
        _check(session.user, code, actor=actor, now=now)
    except factors.CodeRefused:
        record(
            actor,
            "user.step_up_refused",
            session.user,
            now=now,
            outcome=Outcome.REFUSED,
            permission=permission,
        )
        raise
    with through_gate():
        proof, _made = StepUp.objects.update_or_create(
            session=session,
            permission=permission,
            defaults={"proved_at": now, "expires_at": now + settings.STEP_UP_AGE},
        )
    record(actor, "user.stepped_up", session.user, now=now, permission=permission)
    return proof


def _check(user: User, code: str, *, actor: Actor, now: datetime) -> None:
    """Take either kind of code; their lengths tell them apart."""
    typed = "".join(c for c in code if c.isalnum()).translate(LOOK_ALIKES)
    if len(typed) > LONGEST_TOTP:
        factors.check_recovery_code(user, code, actor=actor, now=now)
    else:
        factors.check_code(user, code, actor=actor, now=now)
