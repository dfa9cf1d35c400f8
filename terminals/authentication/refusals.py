"""Every way in which a door says no: the stable code, the status and the words.

``retry`` tells the device's program what to do: ``yes`` send again as it is, ``after``
something named in the answer, ``no`` a person or a new version must act. What is marked
``security`` leaves an audit entry.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Refusal:
    """How one code is said."""

    status: int
    title: Promise
    retry: str = "no"
    security: bool = False


class Refused(Exception):
    """A door says no; ``members`` are added to the answer and hold nothing secret.

    Raised, it undoes everything; returned by an action, what the action noted stays.
    ``title_values`` fill the placeholders of the words; ``noted`` says that the action has
    written the audit entry itself; ``status`` differs where a code has two causes.
    """

    def __init__(
        self,
        code: str,
        *,
        noted: bool = False,
        status: int | None = None,
        title_values: dict[str, object] | None = None,
        **members: object,
    ) -> None:
        super().__init__(code)
        self.code, self.noted, self.members = code, noted, members
        self.status = status or REFUSALS[code].status
        self.title_values = title_values or {}


def _no(status: int, title: Promise, *, retry: str = "no", security: bool = True) -> Refusal:
    return Refusal(status, title, retry, security)


_BUSY = _("The system is busy. Try again shortly.")
_CODE_WRONG = _("Serial number and activation code do not belong together.")

REFUSALS: dict[str, Refusal] = {
    # who speaks
    "UNKNOWN_KEY": _no(401, _("This terminal is not known here.")),
    "SIGNATURE_INVALID": _no(401, _("The terminal could not be authenticated.")),
    "DIGEST_MISMATCH": _no(401, _("The message was changed on its way."), retry="yes"),
    "CLOCK_SKEW": _no(
        401, _("The terminal's clock is wrong. Set it and try again."), retry="after"
    ),
    "KEY_REVOKED": _no(401, _("The terminal's key is no longer valid.")),
    "RATE_LIMITED": _no(
        429, _("Too many messages. Wait before the next one."), retry="after", security=False
    ),
    # what was sent
    "BODY_TOO_LARGE": _no(413, _("The message is too large.")),
    "MALFORMED": _no(400, _("The message is not valid JSON.")),
    "UNKNOWN_FIELD": _no(422, _("The message has a field that is not part of the agreement.")),
    "INVALID": _no(422, _("Some fields are missing or not as agreed."), security=False),
    "CARD_NUMBER_REFUSED": _no(422, _("The message holds a full card number. It was not kept.")),
    "TRACK_DATA_REFUSED": _no(
        422, _("The message holds data that must never leave the card reader. It was not kept.")
    ),
    "METHOD_NOT_ALLOWED": _no(405, _("This address does not take that method."), security=False),
    # where the terminal stands
    "TERMINAL_SUSPENDED": _no(403, _("The terminal is suspended: %(reason)s.")),
    "TERMINAL_NOT_ACTIVE": _no(403, _("The terminal is not in use.")),
    "MERCHANT_INACTIVE": _no(403, _("The merchant's account is not active.")),
    "NOT_SIGNED_IN": _no(
        409, _("The terminal has not signed in for the day."), retry="after", security=False
    ),
    # the conversation
    "CHALLENGE_STALE": _no(
        409, _("The state has been synchronised. Try again."), retry="after", security=False
    ),
    "REPLAYED": _no(409, _("This message was taken before.")),
    "KEY_REUSED": _no(422, _("Another message was taken under this number before.")),
    # activation
    "ACTIVATION_CODE_WRONG": _no(422, _CODE_WRONG),
    "ACTIVATION_CODE_EXPIRED": _no(422, _("The activation code has expired. Ask for a new one.")),
    "ACTIVATION_CODE_USED": _no(422, _("The activation code has been used. Ask for a new one.")),
    "ACTIVATION_CODE_VOID": _no(
        422, _("The activation code is no longer valid. Ask for a new one.")
    ),
    "PUBLIC_KEY_TAKEN": _no(422, _("The key belongs to a terminal already. Make a new one.")),
    "SELF_TEST_FAILED": _no(
        422, _("The self-test found a fault: %(parts)s."), retry="after", security=False
    ),
    # signing in for the day
    "OPERATOR_PASSWORD_WRONG": _no(
        403, _("Wrong operator password. Attempts left: %(left)s."), security=False
    ),
    "OPERATOR_LOCKED": _no(
        403, _("The operator is locked until %(until)s."), retry="after", security=False
    ),
    "DEFAULT_PASSWORD_FORBIDDEN": _no(
        403, _("Change the initial password first."), security=False
    ),
    "DEVICE_FAULT": _no(
        409, _("Device fault: %(parts)s. Ask for a repair."), retry="after", security=False
    ),
    "BATTERY_LOW": _no(
        409,
        _("The battery is at %(percent)s%%. Connect the power supply and try again."),
        retry="after",
        security=False,
    ),
    "BATCH_MISMATCH": _no(
        409, _("The batch numbers differ. Sign in again."), retry="after", security=False
    ),
    # transactions
    "ORIGINAL_UNKNOWN": _no(
        422, _("The original sale is not known here yet."), retry="after", security=False
    ),
    "ORIGINAL_NOT_A_SALE": _no(
        422, _("The original is not an approved sale in the same currency."), security=False
    ),
    "ALREADY_VOIDED": _no(422, _("The sale has been voided before.")),
    "EXCEEDS_ORIGINAL": _no(422, _("More would be given back than the sale took.")),
    # ourselves
    "UNAVAILABLE": _no(503, _BUSY, retry="after", security=False),
}


# What tells more than the code alone: the field, and why a message could not be read.
OF_A_FIELD: dict[str, Promise] = {
    "UNKNOWN_FIELD": _("The message has a field that is not part of the agreement: %(field)s."),
    "INVALID": _("A field is missing or not as agreed: %(field)s."),
}
UNREADABLE: dict[str, Promise] = {
    "encoding": _("The message is not in UTF-8."),
    "duplicate key": _("The message names one field twice."),
    "number": _("The message holds NaN or Infinity, which are no numbers."),
    "nesting": _("The message is nested too deeply."),
    "control character": _("The message holds control characters."),
    "cut off": _("The message ended too early."),
}


def title_of(refused: Refused) -> str:
    """Say a refusal in the caller's language, with the field or the cause where it has one."""
    field, why = refused.members.get("field"), str(refused.members.get("why"))
    if field and refused.code in OF_A_FIELD:
        return str(OF_A_FIELD[refused.code]) % {"field": field}
    title = UNREADABLE.get(why) if refused.code == "MALFORMED" else None
    said = str(title or REFUSALS[refused.code].title)
    return said % refused.title_values if refused.title_values else said
