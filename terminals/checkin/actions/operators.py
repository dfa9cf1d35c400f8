"""Whether the person at the terminal is who the operator number says."""

from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password

from merchants.staff.models import TerminalOperator
from portal.limits.actions import OverLimit, take
from terminals.authentication.queries import Speaker
from terminals.authentication.refusals import Refused
from terminals.checkin.rules.business_day import SHANGHAI
from terminals.checkin.rules.passwords import is_famous

MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
WRONG_A_TERMINAL = 10  # in fifteen minutes, of all operators together


def check_operator(
    speaker: Speaker, number: str, password: str, *, now: datetime
) -> Refused | None:
    """Return why the person may not sign in, or nothing; a wrong password is counted.

    The operator's row is locked, so tries in parallel are counted one by one. A password
    that everybody knows is refused unread: it neither counts nor tells whether it is set.
    """
    operators = TerminalOperator.objects.filter(merchant_id=speaker.merchant_id, number=number)
    operator = operators.select_for_update().first()
    if operator and operator.locked_until and now < operator.locked_until:
        return locked(operator.locked_until, now)
    if is_famous(number, password):
        return Refused("DEFAULT_PASSWORD_FORBIDDEN")
    if operator is None:
        return _nobody(speaker, number, password, now=now)
    if check_password(password, operator.password):
        if operator.failures:
            operators.update(failures=0, locked_until=None)
        return None
    if refused := _over_the_terminals_cap(speaker, now):
        return refused
    failures = operator.failures + 1
    until = now + LOCKED_FOR if failures >= MOST_FAILURES else None
    operators.update(failures=0 if until else failures, locked_until=until)
    return _wrong(MOST_FAILURES - failures)


def locked(until: datetime, now: datetime) -> Refused:
    """Say until when an operator is locked."""
    return Refused(
        "OPERATOR_LOCKED",
        title_values={"until": until.astimezone(SHANGHAI).strftime("%H:%M")},
        locked_until=until.isoformat(),
        retry_after_s=max(1, int((until - now).total_seconds())),
    )


def _wrong(left: int) -> Refused:
    return Refused("OPERATOR_PASSWORD_WRONG", title_values={"left": left}, attempts_left=left)


def _nobody(speaker: Speaker, number: str, password: str, *, now: datetime) -> Refused:
    """Behave for a number that nobody has as for a wrong password, in words and in time."""
    make_password(password)
    if refused := _over_the_terminals_cap(speaker, now):
        return refused
    try:
        used = take(
            name="operator.nobody",
            key=f"{speaker.merchant_id}:{number}",
            limit=MOST_FAILURES,
            window_seconds=int(LOCKED_FOR.total_seconds()),
            now=now,
        )
    except OverLimit as over:
        return locked(now + timedelta(seconds=over.retry_after_seconds), now)
    return _wrong(MOST_FAILURES - used)


def _over_the_terminals_cap(speaker: Speaker, now: datetime) -> Refused | None:
    try:
        take(
            name="operator.terminal",
            key=str(speaker.id),
            limit=WRONG_A_TERMINAL,
            window_seconds=int(LOCKED_FOR.total_seconds()),
            now=now,
        )
    except OverLimit as over:
        return Refused("RATE_LIMITED", retry_after_s=over.retry_after_seconds)
    return None
