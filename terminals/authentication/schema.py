"""How refusals look in the published schema."""

from collections import defaultdict
from typing import Any, Literal

from msgspec import Struct

from terminals.authentication.refusals import REFUSALS

OF_EVERY_DOOR = (
    "UNKNOWN_KEY",
    "SIGNATURE_INVALID",
    "DIGEST_MISMATCH",
    "CLOCK_SKEW",
    "KEY_REVOKED",
    "RATE_LIMITED",
    "BODY_TOO_LARGE",
    "MALFORMED",
    "UNKNOWN_FIELD",
    "INVALID",
    "CARD_NUMBER_REFUSED",
    "TRACK_DATA_REFUSED",
    "UNAVAILABLE",
)


class Problem(Struct):
    """A refusal (RFC 9457): ``code`` is stable, ``title`` is in the caller's language."""

    type: str
    status: int
    code: str
    title: str
    retry: Literal["yes", "no", "after"]


def refusals_by_status(*codes: str, skew: int = 0) -> dict[str, list[str]]:
    """Group the codes a door may refuse with, its own and those of every door, by status.

    ``skew`` is the status of a wrong time inside the message, where the door reads one.
    """
    grouped: defaultdict[str, list[str]] = defaultdict(list)
    for code in (*OF_EVERY_DOOR, *codes):
        grouped[str(REFUSALS[code].status)].append(code)
    if skew:
        grouped[str(skew)].append("CLOCK_SKEW")
    return {status: grouped[status] for status in sorted(grouped)}


def hot_refusals(*codes: str, skew: int = 0) -> dict[str, tuple[str, Any]]:
    """Return the refusals of an endpoint that decodes with msgspec, for its schema."""
    return {
        status: (", ".join(listed), Problem)
        for status, listed in refusals_by_status(*codes, skew=skew).items()
    }
