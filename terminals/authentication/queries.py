"""Which terminal speaks: the one question that is asked before a tenant is known."""

from dataclasses import dataclass
from datetime import datetime

from portal.kit.hot import run

FIND_KEY = """
select k.public_key, k.revoked_at, t.id, t.terminal_no, t.serial, t.merchant_id, t.store_id,
       t.status, t.suspended_reason
  from terminals_terminal t
  join terminals_devicekey k on k.terminal_id = t.id
 where t.terminal_no = %s and k.generation = %s
"""


@dataclass(frozen=True, slots=True)
class Speaker:
    """The terminal that speaks, as it stood when its key was looked up."""

    id: int
    terminal_no: str
    serial: str
    merchant_id: int
    store_id: int
    status: str
    suspended_reason: str


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A public key in its text form, and whose it is."""

    public_key: str
    revoked_at: datetime | None
    speaker: Speaker


def find_key(terminal_no: str, generation: int) -> KnownKey | None:
    """Return one generation of a terminal's key, revoked or not."""
    found = run(FIND_KEY, [terminal_no, generation])
    if not found or found[0][5] is None:
        return None
    row = found[0]
    return KnownKey(row[0], row[1], Speaker(*row[2:]))
