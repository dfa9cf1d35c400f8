"""Answering whether a serial number is genuine."""

from dataclasses import dataclass
from datetime import datetime

from django.db.transaction import atomic

from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.pan import find_card_numbers
from portal.limits.actions import take
from terminals.fleet import queries
from terminals.fleet.models import Terminal
from terminals.fleet.rules.serials import read_serial, tidy
from terminals.fleet.rules.verdict import Judgement, SerialFacts, Verdict, judge

A_MINUTE = 60
SHOWN = 60


class CardNumberGiven(ValueError):
    """Somebody typed a card number where a serial number belongs; it is not kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A judgement, what may have been meant instead, and how new the register is."""

    judgement: Judgement
    meant: tuple[str, ...]
    register_version: datetime | None


@atomic
def verify(typed: str, *, actor: Actor, now: datetime, maker: str = "", model: str = "") -> Answer:
    """Judge a serial number, and note who asked about it.

    :raises MissingPermission: if the actor may not ask
    :raises OverLimit: if a person asked more than 60 times in this minute
    :raises CardNumberGiven: if it is a card number
    """
    actor.require("terminal.verify")
    if actor.id is not None:
        take(name="verify", key=actor.key, limit=60, window_seconds=A_MINUTE, now=now)
    serial = read_serial(typed)
    if find_card_numbers(serial):
        raise CardNumberGiven
    facts = queries.gather_facts(actor, serial, maker=tidy(maker), model=tidy(model))
    judgement = judge(facts, now=now)
    lost = judgement.verdict in (Verdict.UNKNOWN, Verdict.FORMAT_INVALID)
    meant = queries.find_meant(actor, serial) if lost else []
    _note(actor, facts, judgement, now)
    return Answer(judgement, tuple(meant), queries.find_register_version(actor))


def _note(actor: Actor, facts: SerialFacts, judgement: Judgement, now: datetime) -> None:
    """The entry names the terminal only to those who may see it."""
    seen = Terminal.objects.visible_to(actor).filter(serial=facts.serial).first()
    record(
        actor,
        "terminal.verified",
        seen or "serial number",
        now=now,
        serial=facts.serial[:SHOWN],
        verdict=judgement.verdict.value,
    )
