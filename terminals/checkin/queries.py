"""Questions about the day's sign-in."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from portal.kit.actor import Actor
from portal.kit.hot import run
from terminals.checkin.models import SignIn

OPEN_SESSION = """
select session_id, batch_no, business_date, expires_at, signed_out_at
  from terminals_signin
 where terminal_id = %s and session_id is not null
 order by at desc, id desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Session:
    """The latest session of a terminal, open or not."""

    id: UUID
    batch_no: int
    business_date: date
    expires_at: datetime
    signed_out_at: datetime | None

    def state(self, now: datetime) -> str:
        """Say whether the terminal may trade: signed_in, signed_out or expired."""
        if self.signed_out_at is not None:
            return "signed_out"
        return "signed_in" if now < self.expires_at else "expired"


def find_session(terminal_id: int) -> Session | None:
    """Return the terminal's latest session, by the terminal's own merchant."""
    rows = run(OPEN_SESSION, [terminal_id])
    return Session(*rows[0]) if rows else None


def list_sign_ins(actor: Actor, terminal_id: int, *, limit: int = 50) -> list[SignIn]:
    """Return the tries of a terminal to sign in, newest first."""
    rows = SignIn.objects.visible_to(actor).filter(terminal_id=terminal_id)
    return list(rows.order_by("-at")[:limit])
