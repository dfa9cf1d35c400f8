"""The closed list of what can happen, with the details each event must carry."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Details = tuple[str, ...]

# event: (words, the details it must carry)
EVENTS: dict[str, tuple[Promise, Details]] = {
    # people
    "user.created": (_("Account created"), ("role",)),
    "user.signed_in": (_("Signed in"), ("factor",)),
    "user.sign_in_refused": (_("Sign-in refused"), ("why",)),
    "user.locked_out": (_("Locked out after wrong passwords"), ()),
    "user.signed_out": (_("Signed out"), ()),
    "user.password_changed": (_("Password changed"), ()),
    "user.second_factor_refused": (_("Second factor refused"), ("why",)),
    "user.authenticator_added": (_("Authenticator added"), ()),
    "user.recovery_codes_made": (_("Recovery codes made"), ("count",)),
    "user.recovery_code_used": (_("Recovery code used"), ("left",)),
    "user.stepped_up": (_("Identity proven again"), ("permission",)),
    "user.step_up_refused": (_("Proof of identity refused"), ("permission",)),
    "user.preferences_changed": (_("Preferences changed"), ("changed",)),
    "user.role_changed": (_("Role changed"), ("role",)),
    "user.login_reset": (_("Login opened anew"), ("new_authenticator",)),
    "user.deactivated": (_("Account closed"), ()),
    "session.ended": (_("Session ended"), ("because",)),
    "access.refused": (_("Access refused"), ("permission", "path")),
    "view.saved": (_("View saved"), ("list", "name")),
    "view.deleted": (_("View deleted"), ("list", "name")),
    # the log itself
    "audit.searched": (_("Audit log searched"), ("filter",)),
    "audit.exported": (_("Audit log exported"), ("filter", "format", "reason", "rows")),
    # merchants
    "merchant.created": (_("Merchant created"), ("code",)),
    "merchant.suspended": (_("Merchant suspended"), ("because",)),
    "merchant.reinstated": (_("Merchant reinstated"), ("because",)),
    "store.created": (_("Store created"), ("code",)),
    "membership.created": (_("Person joined a merchant"), ("role",)),
    "membership.changed": (_("Role in a merchant changed"), ("role",)),
    "terminal_operator.created": (_("Terminal operator created"), ("number",)),
    # terminals
    "registry.handed_in": (
        _("Maker's list looked at before import"),
        ("file", "new", "changed", "known", "rejected"),
    ),
    "registry.imported": (
        _("Maker's list imported"),
        ("file", "new", "changed", "known", "rejected"),
    ),
    "terminal.registered": (_("Terminal taken into stock"), ("maker", "model")),
    "terminal.allocated": (_("Terminal allocated"), ("store", "terminal_no")),
    "terminal.code_issued": (_("Activation code issued"), ("expires_at",)),
    "terminal.activated": (_("Terminal activated"), ("key_generation",)),
    "terminal.suspended": (_("Terminal suspended"), ("reason", "because")),
    "terminal.reinstated": (_("Terminal reinstated"), ("because",)),
    "terminal.codes_printed": (_("Activation codes printed"), ("count",)),
    "terminal.codes_put_away": (_("Activation codes put away"), ("count",)),
    "terminal.verified": (_("Serial number checked"), ("serial", "verdict")),
    "terminal.signed_in": (_("Terminal signed in for the day"), ("operator_no", "batch_no")),
    "terminal.sign_in_refused": (_("Terminal sign-in refused"), ("code", "operator_no")),
    "terminal.signed_out": (_("Terminal signed out"), ("batch_no",)),
    "terminal.fell_silent": (_("Terminal fell silent"), ("since",)),
    "device.refused": (_("Message of a device refused"), ("code", "door")),
    "device.fork_seen": (_("Two devices under one identity suspected"), ("why",)),
    # transactions
    "transaction.taken_in": (_("Transactions taken in"), ("count", "references")),
    "transaction.searched_by_card": (_("Transactions searched by card"), ("filter",)),
    "transaction.exported": (_("Transactions exported"), ("filter", "format", "rows")),
    "history.imported": (_("History imported"), ("workspace", "rows", "rejected")),
    # jobs
    "job.requested": (_("Job requested"), ("kind",)),
    "job.cancelled": (_("Job cancelled"), ("kind",)),
    "job.finished": (_("Job finished"), ("kind", "attempts")),
    "job.failed": (_("Job failed"), ("kind", "attempts")),
    "job.downloaded": (_("Result of a job downloaded"), ("kind",)),
    # written by the database's own row triggers
    "row.insert": (_("Row added"), ("before", "after")),
    "row.update": (_("Row changed"), ("before", "after")),
    "row.delete": (_("Row removed"), ("before", "after")),
}
