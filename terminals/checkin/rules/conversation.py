"""Whether a heartbeat continues the conversation, repeats its last word, or is a second device.

The server keeps two challenges, one number and one message id for each terminal, which is
enough: a thief who copied the key and even the state of a terminal is found as soon as
both have spoken, and no loss of messages looks like one.
"""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a heartbeat is."""

    NEXT = "NEXT"
    REPEATED = "REPEATED"
    FORK = "FORK"


@dataclass(frozen=True, slots=True)
class Position:
    """Where one side of the conversation stands."""

    seq: int
    challenge: str
    message_id: str
    boot_count: int
    uptime_seconds: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict; for a fork, the code to refuse with and the reason to keep."""

    verdict: Verdict
    code: str = ""
    why: str = ""


def judge(ours: Position, previous_challenge: str, said: Position) -> Judgement:
    """Compare what a terminal says with what it should say next."""
    if said.challenge == ours.challenge:
        return _next(ours, said)
    if said.challenge != previous_challenge or not previous_challenge:
        if said.seq <= ours.seq:
            return Judgement(Verdict.FORK, "REPLAYED", "old challenge")
        return Judgement(Verdict.FORK, "CHALLENGE_STALE", "foreign challenge")
    if said.seq == ours.seq and said.message_id == ours.message_id:
        return Judgement(Verdict.REPEATED)
    if said.seq == ours.seq:
        return Judgement(Verdict.FORK, "REPLAYED", "two messages in one place")
    return Judgement(Verdict.FORK, "CHALLENGE_STALE", "previous challenge, other number")


def _next(ours: Position, said: Position) -> Judgement:
    if said.seq != ours.seq + 1:
        code = "REPLAYED" if said.seq <= ours.seq else "CHALLENGE_STALE"
        return Judgement(Verdict.FORK, code, "number out of turn")
    if said.message_id == ours.message_id:
        return Judgement(Verdict.FORK, "REPLAYED", "message id used twice")
    if said.boot_count < ours.boot_count:
        return Judgement(Verdict.FORK, "REPLAYED", "boot counter went back")
    if said.boot_count == ours.boot_count and said.uptime_seconds < ours.uptime_seconds:
        return Judgement(Verdict.FORK, "REPLAYED", "uptime went back")
    return Judgement(Verdict.NEXT)
