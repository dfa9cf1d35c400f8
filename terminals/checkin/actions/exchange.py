"""One heartbeat in, one answer out, and the conversation moves on by one step."""

import secrets
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.transaction import atomic

from portal.audit.actions import record
from portal.audit.models import Outcome
from portal.kit.actor import Actor
from portal.limits.actions import OverLimit, take
from terminals.authentication.door import terminal_of
from terminals.authentication.queries import Speaker
from terminals.authentication.refusals import Refused
from terminals.checkin.queries import find_session
from terminals.checkin.rules.condition import notices_for
from terminals.checkin.rules.conversation import Judgement, Position, Verdict, judge
from terminals.checkin.schema import Heartbeat, HeartbeatReply, Notice, SessionState
from terminals.fleet.models import TerminalStatus
from terminals.presence import actions as presence
from terminals.presence.rules import next_poll_seconds, rhythm_of

CHALLENGE_BYTES = 16
# Contact of these is read as a heartbeat; of all others it is none.
MAY_BEAT = (TerminalStatus.ENROLLED, TerminalStatus.ACTIVE, TerminalStatus.SUSPENDED)
FORKS_AN_HOUR = 20  # of one terminal in the audit log; a device that is stuck repeats itself
KEPT = ("power", "net", "loc", "hw", "sec", "sw", "biz")


def new_challenge() -> str:
    """Make a challenge that nobody can guess: 22 characters."""
    return secrets.token_urlsafe(CHALLENGE_BYTES)


@atomic
def exchange(
    said: Heartbeat, *, actor: Actor, speaker: Speaker, now: datetime
) -> dict[str, Any] | Refused:
    """Take a heartbeat in and return the answer; the same message gets the same answer.

    What is returned as Refused has left its evidence and must be committed.

    :raises MissingPermission: if the actor is no terminal
    :raises Refused: TERMINAL_NOT_ACTIVE
    """
    actor.require("device.beat")
    stands = presence.lock_conversation(speaker.id)
    if stands is None or speaker.status not in MAY_BEAT:
        raise Refused("TERMINAL_NOT_ACTIVE")
    ours = Position(
        stands.seq,
        stands.challenge,
        stands.message_id,
        stands.boot_count,
        stands.uptime_seconds,
    )
    theirs = Position(said.seq, said.challenge, said.msg_id, said.boot_count, said.uptime_s)
    judgement = judge(ours, stands.previous_challenge, theirs)
    if judgement.verdict is Verdict.REPEATED:
        return stands.last_reply
    if judgement.verdict is Verdict.FORK:
        return _fork(judgement, actor=actor, speaker=speaker, now=now)
    beat = _beat(said, speaker, now)
    presence.note_beat(speaker.id, beat, now=now)
    return beat.reply


def _beat(said: Heartbeat, speaker: Speaker, now: datetime) -> presence.Beat:
    groups: dict[str, Any] = msgspec.to_builtins(said)
    rhythm = rhythm_of(said.power.source)
    skew_ms = (said.sent_at - now) // timedelta(milliseconds=1)
    challenge = new_challenge()
    reply = HeartbeatReply(
        v=1,
        server_time=now.isoformat(),
        clock_skew_ms=skew_ms,
        next_challenge=challenge,
        next_poll_s=next_poll_seconds(rhythm.interval_seconds, said.msg_id),
        session=_session_state(speaker, now),
        desired={},
        commands=[],
        more=False,
        notices=[
            Notice(code, text)
            for code, text in notices_for(
                groups["hw"],
                groups["power"],
                suspended=speaker.status == TerminalStatus.SUSPENDED,
            )
        ],
    )
    return presence.Beat(
        seq=said.seq,
        message_id=said.msg_id,
        boot_count=said.boot_count,
        uptime_seconds=said.uptime_s,
        clock_skew_ms=skew_ms,
        rhythm=rhythm,
        challenge=challenge,
        reply=msgspec.to_builtins(reply),
        said={name: groups[name] for name in KEPT if name in groups},
    )


def _session_state(speaker: Speaker, now: datetime) -> SessionState:
    session = find_session(speaker.id)
    if session is None:
        return SessionState("signed_out")
    state = session.state(now)
    return SessionState(state, session.expires_at if state == "signed_in" else None)  # type: ignore[arg-type]


def _fork(judgement: Judgement, *, actor: Actor, speaker: Speaker, now: datetime) -> Refused:
    """Keep the evidence. The answer says nothing that would help a second device on."""
    try:
        take(
            name="device.fork",
            key=str(speaker.id),
            limit=FORKS_AN_HOUR,
            window_seconds=3600,
            now=now,
        )
    except OverLimit:
        return Refused(judgement.code, noted=True)
    record(
        actor,
        "device.fork_seen",
        terminal_of(speaker),
        now=now,
        outcome=Outcome.REFUSED,
        why=judgement.why,
    )
    return Refused(judgement.code, noted=True)
