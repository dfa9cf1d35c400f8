"""Taking a terminal out of trade, and letting it back."""

from datetime import datetime

from django.db.transaction import atomic

from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.lifecycle import move
from terminals.fleet.models import SuspendReason, Terminal, TerminalStatus
from terminals.fleet.rules.moves import moves_from


@atomic
def suspend(
    terminal: Terminal, *, reason: SuspendReason | str, because: str, actor: Actor, now: datetime
) -> Terminal:
    """Stop a terminal taking payments until it is reinstated.

    :raises MissingPermission: if the actor may not
    :raises IllegalMove: if it is not active
    :raises LostRace: if somebody moved it first
    """
    actor.require("terminal.suspend")
    reason = SuspendReason(reason)
    move(
        terminal,
        TerminalStatus.SUSPENDED,
        moves=moves_from(TerminalStatus.ACTIVE),
        suspended_at=now,
        suspended_reason=reason,
    )
    record(actor, "terminal.suspended", terminal, now=now, reason=reason.value, because=because)
    return terminal


@atomic
def reinstate(terminal: Terminal, *, because: str, actor: Actor, now: datetime) -> Terminal:
    """Let a suspended terminal take payments again; it must sign in anew.

    :raises ProofNeeded: if the actor has not proven itself just now
    :raises MissingPermission: if the actor may not
    :raises IllegalMove: if it is not suspended
    :raises LostRace: if somebody moved it first
    """
    actor.require("terminal.reinstate")
    # The table also lets an enrolled terminal become active, but by its own proof, not so.
    move(
        terminal,
        TerminalStatus.ACTIVE,
        moves=moves_from(TerminalStatus.SUSPENDED),
        suspended_at=None,
        suspended_reason="",
    )
    record(actor, "terminal.reinstated", terminal, now=now, because=because)
    return terminal
