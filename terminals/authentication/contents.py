"""What a message may never hold, and saying what is wrong with one without repeating it."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from portal.kit import strict_json
from portal.kit.pan import SHORTEST, find_card_numbers
from terminals.authentication.refusals import Refused

T = TypeVar("T")

# Digits and what may stand between two of them look alike here: a run of 13 is worth a look.
_LIKE_DIGITS = bytes.maketrans(b"0123456789 -._", b"0" * 14)
_MANY = b"0" * SHORTEST
_LARGE = 10 ** (SHORTEST - 1)
_TRACK = re.compile(r"[%;]?[Bb]?\d{12,19}(?:\^|[=Dd]\d{4,})")
# Ids and tokens of 32 hexadecimal characters now and then look like a track. Track 2 itself
# knows no letter but D (the separator) and F (padding), so any other letter tells them apart.
_ID = re.compile(r"(?=[0-9DFdf]*[ABCEabce])[0-9A-Fa-f]{32,}")
_FORBIDDEN_NAME = re.compile(
    r"(?:track[123]?(?:data)?|magstripe|cvv2?|cvc2?|cvn2?|cid|csc|pin(?:block|data)?|pan"
    r"|pannumber|cardnumber|cardno|expiry|expirydate|expirationdate|emvdata)"
)
_CARD_NAMES = frozenset({"pan", "pannumber", "cardnumber", "cardno"})
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PATH = re.compile(r" - at `\$\.?([^`]*)`\Z")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_SHOWABLE = re.compile(r"[A-Za-z_][A-Za-z_0-9.\[\]]{0,79}")


def read_contents(body: bytes) -> Any:
    """Read a message's JSON and make sure that it holds no data of a card.

    :raises Refused: MALFORMED, TRACK_DATA_REFUSED or CARD_NUMBER_REFUSED
    """
    try:
        value = strict_json.read(body)
    except strict_json.Malformed as bad:
        raise Refused("MALFORMED", why=str(bad)) from bad
    forbid_card_data(value)
    return value


def forbid_card_data(value: Any) -> None:
    """Refuse a message with a full card number or the contents of a magnetic stripe.

    The decoded text is looked at, so nothing hides behind an escape.

    :raises Refused: TRACK_DATA_REFUSED or CARD_NUMBER_REFUSED
    """
    for text in _long_texts(value):
        if text.isascii() and _MANY not in text.encode().translate(_LIKE_DIGITS):
            continue
        if _TRACK.search(_ID.sub("", text)):
            raise Refused("TRACK_DATA_REFUSED")
        if find_card_numbers(text):
            raise Refused("CARD_NUMBER_REFUSED")


def _long_texts(value: Any) -> list[str]:
    """Collect the names, words and numbers long enough to hold a card number."""
    found: list[str] = []
    unread = [value]
    while unread:
        part = unread.pop()
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, dict):
            found += [name for name in part if len(name) >= SHORTEST]
            unread += [inner for inner in part.values() if _is_worth_a_look(inner)]
        elif isinstance(part, list):
            unread += [inner for inner in part if _is_worth_a_look(inner)]
        else:
            found.append(str(part))
    return found


def _is_worth_a_look(part: Any) -> bool:
    if isinstance(part, str):
        return len(part) >= SHORTEST
    if isinstance(part, int | float):
        return bool(abs(part) >= _LARGE)
    return part is not None


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes, value: Any) -> T:
    """Turn a message into its type; ``value`` is the same message as plain JSON.

    :raises Refused: UNKNOWN_FIELD or INVALID with the field, TRACK_DATA_REFUSED
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as bad:
        raise explain(str(bad), value) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("MALFORMED", why="syntax") from None


def explain(fault: str, value: Any) -> Refused:
    """Name the field that is wrong; its value may be anything and is not repeated."""
    if refused := forbidden_field(value):
        return refused
    place = _PATH.search(fault)
    at = place.group(1) if place else ""
    if unknown := _UNKNOWN.search(fault):
        return Refused("UNKNOWN_FIELD", field=showable(_join(at, unknown.group(1))))
    missing = _MISSING.search(fault)
    return Refused("INVALID", field=showable(_join(at, missing.group(1) if missing else "")))


def forbidden_field(value: Any) -> Refused | None:
    """Return the refusal of a message that names a field no terminal may send."""
    for name in _names(value):
        bare = re.sub(r"[^a-z0-9]", "", name.lower())
        if bare in _CARD_NAMES:
            return Refused("CARD_NUMBER_REFUSED")
        if _FORBIDDEN_NAME.fullmatch(bare):
            return Refused("TRACK_DATA_REFUSED")
    return None


def showable(field: str) -> str:
    """Return the name of a field if it is one, and nothing if somebody hid a value in it."""
    return field if _SHOWABLE.fullmatch(field) and not find_card_numbers(field) else ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _names(part)
