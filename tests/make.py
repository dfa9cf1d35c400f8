"""Small makers of things that tests stand on; each calls the action that makes them."""

from collections.abc import Iterable
from datetime import datetime

from django.db.transaction import atomic

from merchants.profiles.models import Merchant, Store
from portal.kit.actor import Actor, ActorKind
from portal.kit.lifecycle import move
from terminals.fleet.actions import provisioning, registry
from terminals.fleet.models import RegistryImport, Terminal, TerminalStatus
from terminals.fleet.rules.moves import MOVES

FLEET_MAKER = Actor(
    kind=ActorKind.SYSTEM,
    label="system",
    via="TASK",
    permissions=frozenset(
        {
            "registry.import",
            "registry.read",
            "terminal.provision",
            "terminal.read",
            "terminal.suspend",
            "terminal.reinstate",
        }
    ),
)


@atomic
def make_register(
    serials: Iterable[str], *, now: datetime, maker: str = "PAX", model: str = "A920"
) -> RegistryImport:
    """Take serials of one maker and model into the register."""
    lines = ["maker,model,serial", *(f"{maker},{model},{serial}" for serial in serials)]
    handed = registry.hand_in(
        actor=FLEET_MAKER,
        file_name="makers-list.csv",
        content="\r\n".join(lines).encode(),
        maker="",
        now=now,
    )
    return registry.take_in(handed, actor=FLEET_MAKER, now=now)


@atomic
def make_terminals(
    serials: Iterable[str], *, merchant: Merchant, store: Store, now: datetime
) -> list[Terminal]:
    """Register serials and allocate them to a store; they wait to be enrolled."""
    wanted = list(serials)
    make_register(wanted, now=now)
    provisioning.provision(wanted, merchant=merchant, store=store, actor=FLEET_MAKER, now=now)
    return list(Terminal.objects.filter(serial__in=wanted).order_by("serial"))


@atomic
def make_terminal(
    serial: str,
    *,
    merchant: Merchant,
    store: Store,
    now: datetime,
    status: TerminalStatus = TerminalStatus.ACTIVE,
) -> Terminal:
    """Make one terminal and move it to a status as its life would, keys apart."""
    terminal = make_terminals([serial], merchant=merchant, store=store, now=now)[0]
    if status in (TerminalStatus.ENROLLED, TerminalStatus.ACTIVE):
        move(terminal, TerminalStatus.ENROLLED, moves=MOVES)
    if status == TerminalStatus.ACTIVE:
        move(terminal, TerminalStatus.ACTIVE, moves=MOVES, activated_at=now)
    if status == TerminalStatus.RETIRED:
        move(terminal, TerminalStatus.RETIRED, moves=MOVES)
    return terminal
