"""Signing in for the business day (签到), and out again."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.transaction import atomic

from merchants.profiles.models import Merchant, MerchantStatus
from portal.audit.actions import record
from portal.audit.models import Outcome
from portal.kit.actor import Actor
from portal.kit.secrets import fingerprint
from terminals.authentication.door import terminal_of
from terminals.authentication.queries import Speaker
from terminals.authentication.refusals import Refused
from terminals.checkin.actions.operators import check_operator
from terminals.checkin.models import SignIn
from terminals.checkin.queries import Session, find_session
from terminals.checkin.rules.business_day import business_date, next_batch, session_end
from terminals.checkin.rules.condition import faulty_parts, is_battery_low, names_of
from terminals.fleet.models import SuspendReason, TerminalStatus
from terminals.presence import actions as presence

SKEW = timedelta(minutes=5)
# The device sends these again under the same id once it has mended what the answer names.
TO_BE_REPEATED = ("CLOCK_SKEW", "CHALLENGE_STALE", "BATCH_MISMATCH", "RATE_LIMITED")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in; ``signin_id`` is the terminal's own key for it."""

    signin_id: str
    operator_no: str
    password: str = field(repr=False)
    self_test: dict[str, str]
    challenge: str
    sent_at: datetime
    battery_percent: int | None = None
    charging: bool = False
    batch_no: int | None = None


@atomic
def sign_in(
    attempt: Attempt, *, said: object, actor: Actor, speaker: Speaker, now: datetime
) -> dict[str, Any] | Refused:
    """Open the terminal's session for the business day, or say why not; once for each id.

    ``said`` is the whole message, which must be the same when an id comes again. What is
    returned as Refused was noted and must be committed.

    :raises Refused: KEY_REUSED if the id came before with another message
    """
    actor.require("device.sign_in")
    presence.note_activity(speaker.id, now=now)
    stands = presence.lock_conversation(speaker.id)
    body = fingerprint(json.dumps(said, sort_keys=True), purpose="sign-in")
    before = SignIn.objects.filter(terminal_id=speaker.id, signin_id=attempt.signin_id).first()
    if before is not None:
        return _again(before, body)
    try:
        _check_freshness(attempt, stands, now)
        _check_standing(speaker)
        _check_device(attempt)
        _check_merchant(speaker)
        if refused := check_operator(speaker, attempt.operator_no, attempt.password, now=now):
            return _refuse(refused, attempt, body, actor=actor, speaker=speaker, now=now)
        _check_batch(attempt, speaker)
    except Refused as refused:
        return _refuse(refused, attempt, body, actor=actor, speaker=speaker, now=now)
    return _open(attempt, body, actor=actor, speaker=speaker, now=now)


@atomic
def sign_out(session_id: UUID, *, actor: Actor, speaker: Speaker, now: datetime) -> dict[str, Any]:
    """Close a session; closing it again changes nothing and answers the same.

    :raises Refused: NOT_SIGNED_IN if it is no session of this terminal
    """
    actor.require("device.sign_in")
    presence.note_activity(speaker.id, now=now)
    rows = SignIn.objects.filter(terminal_id=speaker.id, session_id=session_id)
    if rows.filter(signed_out_at=None).update(signed_out_at=now):
        row = rows.get()
        record(actor, "terminal.signed_out", terminal_of(speaker), now=now, batch_no=row.batch_no)
    closed = rows.first()
    if closed is None or closed.signed_out_at is None:
        raise Refused("NOT_SIGNED_IN")
    return {
        "session_id": str(session_id),
        "business_date": closed.business_date.isoformat(),
        "batch_no": closed.batch_no,
        "signed_out_at": closed.signed_out_at.isoformat(),
    }


def _again(before: SignIn, body: str) -> dict[str, Any] | Refused:
    """Give the first answer to a message that came before."""
    if before.body_sha256 != body:
        raise Refused("KEY_REUSED")
    answer: dict[str, Any] = before.reply
    if "refused" not in answer:
        return answer
    return Refused(
        before.code,
        noted=True,
        title_values=answer["title_values"],
        **answer["refused"],
    )


def _check_freshness(
    attempt: Attempt, stands: presence.Conversation | None, now: datetime
) -> None:
    if stands is None:
        raise Refused("TERMINAL_NOT_ACTIVE")
    if abs(attempt.sent_at - now) > SKEW:
        raise Refused("CLOCK_SKEW", status=409, server_time=now.isoformat())
    if attempt.challenge == stands.challenge:
        return
    if attempt.challenge == stands.previous_challenge:
        # One step behind, as after an answer that was lost: it may catch up.
        raise Refused("CHALLENGE_STALE", challenge=stands.challenge)
    raise Refused("CHALLENGE_STALE")


def _check_standing(speaker: Speaker) -> None:
    if speaker.status == TerminalStatus.SUSPENDED:
        reason = SuspendReason(speaker.suspended_reason)
        raise Refused(
            "TERMINAL_SUSPENDED", title_values={"reason": reason.label}, reason=reason.value
        )
    if speaker.status != TerminalStatus.ACTIVE:
        raise Refused("TERMINAL_NOT_ACTIVE")


def _check_device(attempt: Attempt) -> None:
    if broken := faulty_parts(attempt.self_test):
        raise Refused("DEVICE_FAULT", title_values={"parts": names_of(broken)}, parts=broken)
    if is_battery_low(attempt.battery_percent, charging=attempt.charging):
        raise Refused(
            "BATTERY_LOW",
            title_values={"percent": attempt.battery_percent},
            battery_pct=attempt.battery_percent,
        )


def _check_merchant(speaker: Speaker) -> None:
    statuses = Merchant.objects.filter(pk=speaker.merchant_id).values_list("status", flat=True)
    if statuses.get() != MerchantStatus.ACTIVE:
        raise Refused("MERCHANT_INACTIVE")


def _check_batch(attempt: Attempt, speaker: Speaker) -> None:
    last = find_session(speaker.id)
    if last and attempt.batch_no is not None and attempt.batch_no != last.batch_no:
        raise Refused("BATCH_MISMATCH", batch_no=last.batch_no)


def _refuse(
    refused: Refused,
    attempt: Attempt,
    body: str,
    *,
    actor: Actor,
    speaker: Speaker,
    now: datetime,
) -> Refused:
    """Note a refusal; unless it asks for the same message again, it is the answer for good."""
    refused.noted = True
    if refused.code not in TO_BE_REPEATED:
        values = {name: str(value) for name, value in refused.title_values.items()}
        answer = {"refused": refused.members, "title_values": values}
        _keep(attempt, body, refused.code, answer, speaker=speaker, now=now)
    record(
        actor,
        "terminal.sign_in_refused",
        terminal_of(speaker),
        now=now,
        outcome=Outcome.REFUSED,
        code=refused.code,
        operator_no=attempt.operator_no,
    )
    return refused


def _open(
    attempt: Attempt, body: str, *, actor: Actor, speaker: Speaker, now: datetime
) -> dict[str, Any]:
    day = business_date(now)
    last = find_session(speaker.id)
    if last and last.business_date == day and last.state(now) == "signed_in":
        answer = _answer("ALREADY_SIGNED_IN", last, speaker, now)
        _keep(attempt, body, "ALREADY_SIGNED_IN", answer, speaker=speaker, now=now)
        return answer
    session = Session(
        id=uuid4(),
        batch_no=next_batch(last.batch_no if last else None),
        business_date=day,
        expires_at=session_end(day),
        signed_out_at=None,
    )
    answer = _answer("OK", session, speaker, now)
    _keep(attempt, body, "OK", answer, speaker=speaker, now=now, session=session)
    record(
        actor,
        "terminal.signed_in",
        terminal_of(speaker),
        now=now,
        operator_no=attempt.operator_no,
        batch_no=session.batch_no,
    )
    return answer


def _answer(code: str, session: Session, speaker: Speaker, now: datetime) -> dict[str, Any]:
    return {
        "code": code,
        "session_id": str(session.id),
        "business_date": session.business_date.isoformat(),
        "batch_no": session.batch_no,
        "expires_at": session.expires_at.isoformat(),
        "permissions": ["SALE", "VOID", "REFUND"],
        "server_time": now.isoformat(),
        "last_sign_in": _last_sign_in(speaker),
        "desired": {},
        "notices": [],
    }


def _last_sign_in(speaker: Speaker) -> dict[str, str] | None:
    """The trace of who was here before: when, and the operator's number but for its end."""
    row = SignIn.objects.filter(terminal_id=speaker.id, code="OK").order_by("-at").first()
    if row is None:
        return None
    return {"at": row.at.isoformat(), "operator_no": f"{row.operator_no[:1]}***"}


def _keep(
    attempt: Attempt,
    body: str,
    code: str,
    answer: dict[str, Any],
    *,
    speaker: Speaker,
    now: datetime,
    session: Session | None = None,
) -> None:
    SignIn.objects.create(
        terminal_id=speaker.id,
        merchant_id=speaker.merchant_id,
        signin_id=attempt.signin_id,
        body_sha256=body,
        business_date=business_date(now),
        at=now,
        operator_no=attempt.operator_no,
        code=code,
        reply=answer,
        session_id=session.id if session else None,
        batch_no=session.batch_no if session else None,
        expires_at=session.expires_at if session else None,
    )
