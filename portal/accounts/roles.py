"""Every role and every permission, in one place: enforced, shown at /roles/, and tested."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import STAFF_ROLES, Role

# permission: what it lets a person do
PERMISSIONS: dict[str, Promise] = {
    "account.own": _("Use the portal and change one's own settings"),
    "account.secure": _("Change one's own password, authenticator and recovery codes"),
    "transaction.read": _("See transactions"),
    "transaction.export": _("Export transactions"),
    "report.make": _("Make reports"),
    "merchant.read": _("See merchants and their stores"),
    "merchant.manage": _("Create, suspend and reinstate merchants"),
    "person.manage": _("Create accounts, change roles, end sessions"),
    "terminal.read": _("See terminals"),
    "terminal.provision": _("Provision terminals"),
    "terminal.verify": _("Check whether a serial number is genuine"),
    "terminal.suspend": _("Suspend a terminal"),
    "terminal.reinstate": _("Reinstate a suspended terminal"),
    "registry.read": _("See the makers' register of serial numbers"),
    "registry.import": _("Import a maker's list of serial numbers"),
    "audit.read": _("Search the audit log"),
    "audit.export": _("Export the audit log"),
}

# These ask for the second factor again, and hold for five minutes in the same session.
STEP_UP = frozenset({"account.secure", "audit.export", "terminal.provision", "terminal.reinstate"})

EVERYBODY = frozenset({"account.own", "account.secure"})


@dataclass(frozen=True, slots=True)
class RoleCard:
    """What a role is for, what it may do, and where it lands after signing in."""

    code: str
    description: Promise
    home: str
    permissions: frozenset[str]

    @property
    def name(self) -> str:
        """The role's name in the reader's language."""
        return str(Role(self.code).label)

    @property
    def is_staff(self) -> bool:
        """Whether it is a role of the acquirer's own people."""
        return self.code in STAFF_ROLES


def _card(code: str, description: Promise, home: str, *permissions: str) -> RoleCard:
    return RoleCard(code, description, home, EVERYBODY | frozenset(permissions))


ROLES: dict[str, RoleCard] = {
    card.code: card
    for card in (
        _card(
            Role.OWNER,
            _("Owns the merchant: sees everything of it."),
            "transactions:overview",
            "transaction.read",
            "transaction.export",
            "report.make",
            "merchant.read",
            "terminal.read",
            "terminal.verify",
        ),
        _card(
            Role.MANAGER,
            _("Runs the stores: sales, terminals, reports."),
            "transactions:overview",
            "transaction.read",
            "transaction.export",
            "report.make",
            "merchant.read",
            "terminal.read",
            "terminal.verify",
        ),
        _card(
            Role.CASHIER,
            _("Takes payments: looks up sales and terminals, takes nothing out."),
            "transactions:list",
            "transaction.read",
            "terminal.read",
            "terminal.verify",
        ),
        _card(
            Role.FINANCE,
            _("Keeps the books: sales, exports and reports, no terminals."),
            "transactions:overview",
            "transaction.read",
            "transaction.export",
            "report.make",
            "merchant.read",
        ),
        _card(
            Role.OPERATOR,
            _(
                "Runs the fleet: provisions, checks, suspends and reinstates terminals;"
                " looks up transactions of all merchants."
            ),
            "terminals:list",
            "transaction.read",
            "merchant.read",
            "merchant.manage",
            "terminal.read",
            "terminal.provision",
            "terminal.verify",
            "terminal.suspend",
            "terminal.reinstate",
            "registry.read",
            "registry.import",
        ),
        _card(
            Role.COMPLIANCE,
            _("Watches: transactions of all merchants, the audit log and its export."),
            "audit:search",
            "transaction.read",
            "transaction.export",
            "report.make",
            "merchant.read",
            "terminal.read",
            "terminal.verify",
            "registry.read",
            "audit.read",
            "audit.export",
        ),
        _card(
            Role.AUDITOR,
            _("Reads what happened; changes nothing."),
            "audit:search",
            "transaction.read",
            "merchant.read",
            "terminal.read",
            "registry.read",
            "audit.read",
            "audit.export",
        ),
        _card(
            Role.ADMIN,
            _("Looks after accounts; sees no transactions and no audit log."),
            "accounts:security",
            "merchant.read",
            "person.manage",
        ),
    )
}


def usable(role: str) -> frozenset[str]:
    """Return what a role may do without a further proof."""
    return ROLES[role].permissions - STEP_UP


def provable(role: str) -> frozenset[str]:
    """Return what a role may do once it has proven itself again."""
    return ROLES[role].permissions & STEP_UP


def holders(permission: str) -> list[RoleCard]:
    """Return the roles that hold a permission, in the order of the list."""
    return [card for card in ROLES.values() if permission in card.permissions]
