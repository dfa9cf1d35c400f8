"""Which serials of a list can be given to a merchant, and what is in the way of the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from terminals.fleet.models import TerminalStatus
from terminals.fleet.rules.serials import well_formed

MOST_AT_ONCE = 500


class Outcome(TextChoices):
    """What can become, or became, of one serial of the list."""

    READY = "READY", _("Can be provisioned")
    PROVISIONED = "PROVISIONED", _("Provisioned")
    REISSUED = "REISSUED", _("New code issued")
    BAD_SHAPE = "BAD_SHAPE", _("Not a serial number")
    DUPLICATE_IN_LIST = "DUPLICATE_IN_LIST", _("Twice in the list")
    NOT_IN_REGISTER = "NOT_IN_REGISTER", _("Not in the register")
    TWO_MAKERS = "TWO_MAKERS", _("Two makers claim it")
    ALREADY_ALLOCATED = "ALREADY_ALLOCATED", _("Already allocated")
    RETIRED = "RETIRED", _("Retired")


GIVEN = (Outcome.PROVISIONED, Outcome.REISSUED)


@dataclass(frozen=True, slots=True)
class Examined:
    """One serial of a list with its outcome."""

    serial: str
    outcome: Outcome


def examine(
    serials: Iterable[str], *, makers: Mapping[str, int], statuses: Mapping[str, str]
) -> list[Examined]:
    """Say of each serial what would become of it.

    ``makers`` counts the makers that list a serial; ``statuses`` are of known terminals.
    """
    seen: set[str] = set()
    rows = []
    for serial in serials:
        outcome = (
            Outcome.DUPLICATE_IN_LIST
            if serial in seen
            else _outcome(serial, makers.get(serial, 0), statuses.get(serial))
        )
        seen.add(serial)
        rows.append(Examined(serial, outcome))
    return rows


def _outcome(serial: str, makers: int, status: str | None) -> Outcome:
    if not well_formed(serial):
        return Outcome.BAD_SHAPE
    if status == TerminalStatus.RETIRED:
        return Outcome.RETIRED
    if status not in (None, TerminalStatus.REGISTERED):
        return Outcome.ALREADY_ALLOCATED
    if makers == 0:
        return Outcome.NOT_IN_REGISTER
    return Outcome.READY if makers == 1 else Outcome.TWO_MAKERS


def ready(rows: Sequence[Examined]) -> list[str]:
    """Return the serials that nothing is in the way of, in the one order all lock them."""
    return sorted(row.serial for row in rows if row.outcome == Outcome.READY)


def to_fix(rows: Sequence[Examined]) -> list[str]:
    """Return the serials that somebody must look at, as they stood in the list."""
    fine = (*GIVEN, Outcome.READY, Outcome.DUPLICATE_IN_LIST)
    return [row.serial for row in rows if row.outcome not in fine]
