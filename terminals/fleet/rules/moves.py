"""Which moves of a terminal's lifecycle are allowed."""

from portal.kit.lifecycle import Moves
from terminals.fleet.models import TerminalStatus as S

# Contact never moves anything: each arrow is a decision of a person or a proof by a device.
# A terminal that was suspended or retired becomes active only by a person's act.
MOVES: Moves = {
    S.REGISTERED: frozenset({S.ALLOCATED, S.RETIRED}),
    S.ALLOCATED: frozenset({S.REGISTERED, S.ENROLLED, S.RETIRED}),
    S.ENROLLED: frozenset({S.ACTIVE, S.ALLOCATED, S.RETIRED}),
    S.ACTIVE: frozenset({S.SUSPENDED, S.RETIRED}),
    S.SUSPENDED: frozenset({S.ACTIVE, S.RETIRED}),
    S.RETIRED: frozenset({S.REGISTERED}),
}


def moves_from(status: str) -> Moves:
    """Return only the moves out of one state, for an act that starts from no other."""
    return {status: MOVES[status]}
