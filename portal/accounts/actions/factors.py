"""Second factors: authenticators, their codes, and the recovery codes for a lost phone."""

import base64
import secrets
from datetime import datetime

import django_otp
from django.db.transaction import atomic

from portal.accounts import queries
from portal.accounts.actions import notices, sessions
from portal.accounts.models import AuthenticatorDevice, CodeFault, RecoveryCode, User
from portal.audit.actions import record
from portal.audit.models import Outcome
from portal.kit.actor import Actor
from portal.kit.ids import LOOK_ALIKES, random_code
from portal.kit.scope import through_gate
from portal.kit.secrets import fingerprint
from portal.limits.actions import OverLimit, take

SEED_BYTES = 20  # 160 bits, as RFC 4226 recommends
RECOVERY_CODES = 10
RECOVERY_LENGTH = 24  # characters of 5 bits: 120 bits
RECOVERY_GROUP = 4
RECOVERY_TRIES, RECOVERY_TRIES_SECONDS = 10, 3600


class CodeRefused(Exception):
    """The code does not pass; ``fault`` says why in words for the person."""

    def __init__(self, fault: CodeFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class NotBegun(Exception):
    """There is no authenticator waiting to be confirmed."""


def check_code(user: User, code: str, *, actor: Actor, now: datetime) -> None:
    """Take a code of the person's confirmed authenticator, exactly once.

    It writes also when it raises (the throttle counts), so it must not be rolled back.

    :raises CodeRefused: if the code does not pass
    """
    device = queries.find_authenticator(user)
    if device is None:
        raise CodeRefused(CodeFault.WRONG)
    _verify(device, user, code, actor=actor, now=now)


def _verify(
    device: AuthenticatorDevice, user: User, code: str, *, actor: Actor, now: datetime
) -> None:
    typed = "".join(code.split())
    allowed, _why = device.verify_is_allowed()
    with through_gate():
        if django_otp.verify_token(user, device.persistent_id, typed) is not None:
            return
        device.refresh_from_db()
    fault = device.fault_of(typed, waiting=not allowed)
    record(
        actor,
        "user.second_factor_refused",
        user,
        now=now,
        outcome=Outcome.REFUSED,
        why=fault.value,
    )
    raise CodeRefused(fault)


def check_recovery_code(user: User, code: str, *, actor: Actor, now: datetime) -> int:
    """Use up one recovery code and return how many are left.

    :raises CodeRefused: if it is wrong, used, or was guessed at too often
    """
    try:
        take(
            name="recovery_code",
            key=str(user.pk),
            limit=RECOVERY_TRIES,
            window_seconds=RECOVERY_TRIES_SECONDS,
            now=now,
        )
    except OverLimit as over:
        raise CodeRefused(CodeFault.WAIT) from over
    with through_gate():
        unused = RecoveryCode.objects.filter(user=user, used_at=None)
        used = unused.filter(code_hash=_hash(user, code)).update(used_at=now)
        left = unused.count()
    if not used:
        record(
            actor,
            "user.second_factor_refused",
            user,
            now=now,
            outcome=Outcome.REFUSED,
            why="RECOVERY_CODE",
        )
        raise CodeRefused(CodeFault.WRONG)
    record(actor, "user.recovery_code_used", user, now=now, left=left)
    notices.tell(user, "recovery_code_used", now=now)
    return left


def begin_enrolment(user: User) -> AuthenticatorDevice:
    """Make a new authenticator that counts only once it is confirmed."""
    with through_gate(), atomic():
        AuthenticatorDevice.objects.filter(user=user, confirmed=False).delete()
        device = AuthenticatorDevice.objects.create(
            user=user, name="authenticator", confirmed=False, sealed_seed=""
        )
        device.keep_seed(secrets.token_bytes(SEED_BYTES))
        device.save(update_fields=["sealed_seed"])
    return device


def confirm_enrolment(user: User, code: str, *, actor: Actor, now: datetime) -> list[str]:
    """Let the new authenticator count instead of the former; return new recovery codes.

    Every other session of the person ends.

    :raises NotBegun: if no authenticator waits to be confirmed
    :raises CodeRefused: if the code is not one of it
    """
    device = queries.find_unconfirmed(user)
    if device is None:
        raise NotBegun
    _verify(device, user, code, actor=actor, now=now)
    with through_gate(), atomic():
        AuthenticatorDevice.objects.filter(user=user, confirmed=True).delete()
        AuthenticatorDevice.objects.filter(pk=device.pk).update(confirmed=True, confirmed_at=now)
    record(actor, "user.authenticator_added", user, now=now)
    notices.tell(user, "authenticator_added", now=now)
    sessions.end_all(
        user.pk,
        but=actor.session_id,
        because=sessions.AUTHENTICATOR_CHANGED,
        actor=actor,
        now=now,
    )
    return _make_codes(user, actor=actor, now=now)


def hand_over_authenticator(user: User, *, actor: Actor, now: datetime) -> str:
    """Give a new account its authenticator and return the key to type (base 32), once.

    For accounts that somebody at the console makes for another: the demo's, a first owner's.
    """
    actor.require("person.manage")
    device = begin_enrolment(user)
    with through_gate(), atomic():
        AuthenticatorDevice.objects.filter(pk=device.pk).update(confirmed=True, confirmed_at=now)
    record(actor, "user.authenticator_added", user, now=now)
    return base64.b32encode(device.seed).decode()


def make_recovery_codes(user: User, *, actor: Actor, now: datetime) -> list[str]:
    """Replace a person's recovery codes; they are returned once and kept only as hashes."""
    actor.require("account.secure")
    codes = _make_codes(user, actor=actor, now=now)
    notices.tell(user, "recovery_codes_made", now=now)
    return codes


def _make_codes(user: User, *, actor: Actor, now: datetime) -> list[str]:
    codes = [random_code(RECOVERY_LENGTH) for _ in range(RECOVERY_CODES)]
    with through_gate(), atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user=user, code_hash=_hash(user, code), created_at=now) for code in codes
        )
    record(actor, "user.recovery_codes_made", user, now=now, count=len(codes))
    return [
        "-".join(code[i : i + RECOVERY_GROUP] for i in range(0, len(code), RECOVERY_GROUP))
        for code in codes
    ]


def _hash(user: User, typed: str) -> str:
    code = "".join(c for c in typed.upper() if c.isalnum()).translate(LOOK_ALIKES)
    return fingerprint(f"{user.pk}:{code}", purpose="recovery_code")
