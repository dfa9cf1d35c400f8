"""Every page and endpoint: who may call it, how, and what the audit log then says.

Deny by default: an address that is not listed here does not exist.
"""

from dataclasses import dataclass
from enum import StrEnum

from portal.accounts.roles import STEP_UP, RoleCard, holders


class Persona(StrEnum):
    """Whom a route is for."""

    PUBLIC = "public"  # anybody, signed in or not
    PENDING = "pending"  # somebody who gave the password and owes the second factor
    EVERYONE = "everyone"  # everybody who is signed in
    MERCHANT = "merchant"  # people of a merchant
    STAFF = "staff"  # the acquirer's own people
    DEVICE = "device"  # terminals, which prove themselves at the door
    SERVICE = "service"  # probes and meters, which guard themselves


UNGUARDED = (Persona.PUBLIC, Persona.DEVICE, Persona.SERVICE)


@dataclass(frozen=True, slots=True)
class Route:
    """What one URL name demands. ``audit_event`` is what its unsafe methods record.

    ``by_itself`` marks what an open page asks without anybody there: it must not keep a
    session awake that its person has left.
    """

    permission: str
    persona: Persona
    methods: tuple[str, ...] = ("GET",)
    audit_event: str = ""
    by_itself: bool = False

    @property
    def public(self) -> bool:
        """Whether nobody has to sign in for it."""
        return self.persona in UNGUARDED

    @property
    def step_up(self) -> bool:
        """Whether it asks for the second factor again."""
        return self.permission in STEP_UP

    @property
    def roles(self) -> list[RoleCard]:
        """The roles that pass."""
        if self.public or self.persona is Persona.PENDING:
            return []
        return [card for card in holders(self.permission) if self.welcomes(staff=card.is_staff)]

    def welcomes(self, *, staff: bool) -> bool:
        """Say whether it is meant for our own people, or for a merchant's."""
        return self.persona is not (Persona.MERCHANT if staff else Persona.STAFF)


def _public(*methods: str, event: str = "") -> Route:
    return Route("", Persona.PUBLIC, methods, event)


def _pending(event: str) -> Route:
    return Route("", Persona.PENDING, ("GET", "POST"), event)


def _device(event: str) -> Route:
    return Route("", Persona.DEVICE, ("POST",), event)


def _own(*methods: str, event: str = "") -> Route:
    return Route("account.own", Persona.EVERYONE, methods, event)


def _secure(event: str) -> Route:
    return Route("account.secure", Persona.EVERYONE, ("GET", "POST"), event)


ROUTES: dict[str, Route] = {
    # people
    "accounts:home": _own("GET"),
    "accounts:sign-in": _public("GET", "POST", event="user.signed_in"),
    "accounts:second-factor": _pending("user.signed_in"),
    "accounts:recovery": _pending("user.recovery_code_used"),
    "accounts:enrol": _pending("user.authenticator_added"),
    "accounts:sign-out": _public("POST", event="user.signed_out"),
    "accounts:language": _public("POST", event="user.preferences_changed"),
    "accounts:theme": _public("POST", event="user.preferences_changed"),
    "accounts:single-keys": _public("POST", event="user.preferences_changed"),
    "accounts:step-up": _own("GET", "POST", event="user.stepped_up"),
    "accounts:security": _own("GET"),
    "accounts:password": _secure("user.password_changed"),
    "accounts:authenticator": _secure("user.authenticator_added"),
    "accounts:recovery-codes": _secure("user.recovery_codes_made"),
    "accounts:end-session": _own("POST", event="session.ended"),
    "accounts:end-other-sessions": _own("POST", event="session.ended"),
    "accounts:preferences": _own("GET", "POST", event="user.preferences_changed"),
    "accounts:roles": _own("GET"),
    "accounts:save-view": _own("POST", event="view.saved"),
    "accounts:delete-view": _own("POST", event="view.deleted"),
    "accounts:list-preference": _own("POST", event="user.preferences_changed"),
    # the log
    "audit:search": Route("audit.read", Persona.STAFF),
    "audit:entry": Route("audit.read", Persona.STAFF),
    "audit:export": Route("audit.export", Persona.STAFF, ("GET", "POST"), "audit.exported"),
    # machines
    "healthz": Route("", Persona.SERVICE),
    "readyz": Route("", Persona.SERVICE),
    "metrics": Route("", Persona.SERVICE),
    "schema": _public("GET"),
    "security-txt": _public("GET"),
    # long work
    "jobs:list": _own("GET"),
    "jobs:detail": _own("GET"),
    "jobs:cancel": _own("POST", event="job.cancelled"),
    "jobs:download": _own("GET", event="job.downloaded"),
    # terminals
    "terminals:list": Route("terminal.read", Persona.EVERYONE),
    "terminals:detail": Route("terminal.read", Persona.EVERYONE),
    "terminals:register": Route("registry.read", Persona.STAFF),
    "terminals:register-import": Route(
        "registry.import", Persona.STAFF, ("POST",), "registry.handed_in"
    ),
    "terminals:register-preview": Route("registry.read", Persona.STAFF),
    "terminals:register-take-in": Route(
        "registry.import", Persona.STAFF, ("POST",), "registry.imported"
    ),
    "terminals:register-remarks": Route("registry.read", Persona.STAFF),
    "terminals:provision": Route(
        "terminal.provision", Persona.STAFF, ("GET", "POST"), "terminal.allocated"
    ),
    "terminals:codes": Route("terminal.provision", Persona.STAFF),
    "terminals:print-codes": Route(
        "terminal.provision", Persona.STAFF, audit_event="terminal.codes_printed"
    ),
    "terminals:put-away-codes": Route(
        "terminal.provision", Persona.STAFF, ("POST",), "terminal.codes_put_away"
    ),
    "terminals:verify": Route(
        "terminal.verify", Persona.EVERYONE, ("GET", "POST"), "terminal.verified"
    ),
    "terminals:suspend": Route(
        "terminal.suspend", Persona.STAFF, ("GET", "POST"), "terminal.suspended"
    ),
    "terminals:reinstate": Route(
        "terminal.reinstate", Persona.STAFF, ("GET", "POST"), "terminal.reinstated"
    ),
    "terminals:issue-code": Route(
        "terminal.provision", Persona.STAFF, ("GET", "POST"), "terminal.code_issued"
    ),
    # terminals, which prove themselves at the door
    "device:activate": _device("terminal.activated"),
    "device:sign-in": _device("terminal.signed_in"),
    "device:sign-out": _device("terminal.signed_out"),
    "device:heartbeat": _device("device.fork_seen"),
    "intake:report": _device("transaction.taken_in"),
    "intake:report-batch": _device("transaction.taken_in"),
    # transactions
    "transactions:overview": Route("transaction.read", Persona.EVERYONE),
    "transactions:overview-newest": Route("transaction.read", Persona.EVERYONE, by_itself=True),
    "transactions:list": Route("transaction.read", Persona.EVERYONE),
    "transactions:newest": Route("transaction.read", Persona.EVERYONE, by_itself=True),
    "transactions:detail": Route("transaction.read", Persona.EVERYONE),
    "transactions:export": Route(
        "transaction.export", Persona.EVERYONE, ("GET", "POST"), "transaction.exported"
    ),
    "transactions:day-summary": Route("report.make", Persona.EVERYONE, ("POST",), "job.requested"),
}
