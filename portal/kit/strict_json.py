"""Reading JSON that leaves no room for two readings."""

import json
from itertools import accumulate
from typing import Any, NoReturn

DEEPEST = 32
_BRACKETS = b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_CONTROLS = dict.fromkeys((*range(32), 127))


class Malformed(ValueError):
    """Bytes that are not JSON, or that two programs could understand differently."""


def read(body: bytes) -> Any:
    """Read JSON strictly: UTF-8, each key once, finite numbers, no control characters.

    :raises Malformed: if it is anything else, or nested deeper than 32
    """
    if _depth(body) > DEEPEST:
        raise Malformed("nesting")
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse_constant
        )
    except Malformed:
        raise
    except UnicodeDecodeError as bad:
        raise Malformed("encoding") from bad
    except (ValueError, RecursionError) as bad:
        raise Malformed("syntax") from bad
    if b"\\" in body and not _is_clean(value):
        raise Malformed("control character")
    return value


def written_out(body: bytes, value: Any) -> str:
    """Return the message as one text in which nothing hides behind an escape."""
    if b"\\" not in body:
        return body.decode("utf-8")
    return json.dumps(value, ensure_ascii=False)


def _depth(body: bytes) -> int:
    brackets = body.translate(None, _OTHERS)
    if len(brackets) <= DEEPEST:
        return 0
    return max(accumulate(map(_STEP.__getitem__, brackets)))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("duplicate key")
    return value


def _refuse_constant(_name: str) -> NoReturn:
    raise Malformed("number")


def _is_clean(value: Any) -> bool:
    if isinstance(value, str):
        return value.translate(_CONTROLS) == value and _is_encodable(value)
    if isinstance(value, dict):
        return all(_is_clean(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(map(_is_clean, value))
    return True


def _is_encodable(text: str) -> bool:
    """Say whether the text has no half of a surrogate pair, which no database takes."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
