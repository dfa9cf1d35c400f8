"""The words in which the log speaks to people."""

import json
import re
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.templatetags.when import moment

NOTHING = "–"
HIDDEN = "***"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")

# model or table without its app: the word people use
SUBJECTS: dict[str, Promise] = {
    "activationcode": _("Activation code"),
    "audit": _("Audit log"),
    "authenticatordevice": _("Authenticator"),
    "codesheet": _("Sheet of activation codes"),
    "devicekey": _("Device key"),
    "door": _("Door for devices"),
    "job": _("Job"),
    "membership": _("Place in a merchant"),
    "merchant": _("Merchant"),
    "page": _("Page"),
    "registry": _("Serial register"),
    "savedview": _("Saved view"),
    "store": _("Store"),
    "terminal": _("Terminal"),
    "terminaloperator": _("Terminal operator"),
    "transactions": _("Transactions"),
    "user": _("Account"),
    "usersession": _("Session"),
}
DETAILS: dict[str, Promise] = {
    "attempts": _("Tries"),
    "batch_no": _("Batch"),
    "because": _("Reason"),
    "changed": _("Changed"),
    "code": _("Code"),
    "count": _("Count"),
    "door": _("Door"),
    "expires_at": _("Valid until"),
    "factor": _("Second factor"),
    "file": _("File"),
    "filter": _("Filter"),
    "format": _("Format"),
    "key_generation": _("Key generation"),
    "kind": _("Kind"),
    "known": _("Known before"),
    "left": _("Left"),
    "list": _("List"),
    "maker": _("Maker"),
    "model": _("Model"),
    "name": _("Name"),
    "new": _("New"),
    "number": _("Number"),
    "operator_no": _("Operator number"),
    "path": _("Page"),
    "permission": _("Permission"),
    "reason": _("Reason"),
    "references": _("References"),
    "rejected": _("Rejected"),
    "role": _("Role"),
    "rows": _("Rows"),
    "serial": _("Serial number"),
    "since": _("Since"),
    "store": _("Store"),
    "terminal_no": _("Terminal number"),
    "verdict": _("Verdict"),
    "why": _("Why"),
    "workspace": _("Workspace"),
    # columns of watched tables
    "activated_at": _("Activated"),
    "address": _("Address"),
    "code_hash": _("Code, as a keyed hash"),
    "confirmed": _("Confirmed"),
    "confirmed_at": _("Confirmed at"),
    "created_at": _("Created"),
    "display_name": _("Name shown"),
    "email": _("Mail address"),
    "generation": _("Generation"),
    "id": _("Number in the database"),
    "is_active": _("Active"),
    "issued_at": _("Issued"),
    "language": _("Language"),
    "last_login": _("Last sign-in"),
    "last_step": _("Last code used"),
    "last_used_at": _("Last used"),
    "mcc": _("Merchant category"),
    "merchant_id": _("Merchant, number in the database"),
    "name_en": _("Name in English"),
    "password": _("Password"),
    "password_changed_at": _("Password changed"),
    "provisioned_at": _("Taken into stock"),
    "public_key": _("Public key"),
    "revoked_at": _("Revoked"),
    "sealed_seed": _("Secret of the authenticator"),
    "single_keys": _("Single-key shortcuts"),
    "status": _("Status"),
    "store_id": _("Store, number in the database"),
    "suspended_at": _("Suspended"),
    "suspended_reason": _("Reason of suspension"),
    "terminal_id": _("Terminal, number in the database"),
    "theme": _("Theme"),
    "throttling_failure_count": _("Wrong codes in a row"),
    "throttling_failure_timestamp": _("Last wrong code"),
    "tries": _("Tries"),
    "used_at": _("Used"),
    "user_id": _("Account, number in the database"),
    "username": _("Sign-in name"),
    "voided_at": _("Voided"),
}
CODES: dict[str, Promise] = {
    "ACTIVE": _("Active"),
    "SUSPENDED": _("Suspended"),
    "CLOSED": _("Closed"),
    "REGISTERED": _("In stock"),
    "ALLOCATED": _("Allocated"),
    "ENROLLED": _("Enrolled"),
    "RETIRED": _("Retired"),
    "RISK": _("Risk"),
    "MOVED": _("Moved from its registered place"),
    "ARREARS": _("Fees in arrears"),
    "MERCHANT_REQUEST": _("Asked for by the merchant"),
    "OWNER": _("Owner"),
    "MANAGER": _("Manager"),
    "CASHIER": _("Cashier"),
    "FINANCE": _("Finance"),
    "OPERATOR": _("Operator"),
    "COMPLIANCE": _("Compliance"),
    "AUDITOR": _("Auditor"),
    "ADMIN": _("Administrator"),
    "AUTO": _("As the device"),
    "LIGHT": _("Light"),
    "DARK": _("Dark"),
}
ACTORS: dict[str, Promise] = {
    "PERSON": _("Person"),
    "TERMINAL": _("Terminal"),
    "SYSTEM": _("System"),
    "ANONYMOUS": _("Visitor"),
    "DB": _("Database"),
}


def said(value: object) -> str:
    """Write a value of an entry for a reader: yes and no, moments, known codes, else as it is."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, list):
        return ", ".join(said(one) for one in value) or NOTHING
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return _text(str(value))


def _text(value: str) -> str:
    if value == HIDDEN:
        return gettext("hidden")
    if value in CODES:
        return str(CODES[value])
    if MOMENT.match(value):
        try:
            return moment(datetime.fromisoformat(value))
        except ValueError:
            return value
    return value


def label_of(name: str) -> str:
    """Name a detail or a column."""
    return str(DETAILS.get(name, name))


def subject_of(kind: str) -> str:
    """Name a kind of subject."""
    return str(SUBJECTS.get(kind, kind))
