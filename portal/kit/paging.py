"""Keyset pages: the next fifty after a row, equally fast at any depth."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.core import signing

PAGE_SIZE = 50
COUNT_CAP = 10_000

T = TypeVar("T")


class BadCursor(ValueError):
    """A cursor that this product did not issue."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in an ordered list: the keys of one row, and which way to read from it."""

    keys: tuple[str, ...]
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of rows, with the cursors of its neighbours where there are any."""

    rows: Sequence[T]
    next: str | None
    previous: str | None


def encode(cursor: Cursor) -> str:
    """Write a cursor as signed URL-safe text."""
    text = ("<" if cursor.backwards else ">") + "\x1f".join(cursor.keys)
    packed = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return signing.Signer(salt="cursor", sep=".").sign(packed)


def decode(text: str) -> Cursor:
    """Read a cursor back.

    :raises BadCursor: if it was changed or never issued
    """
    try:
        packed = signing.Signer(salt="cursor", sep=".").unsign(text)
        raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
    except (signing.BadSignature, binascii.Error, UnicodeDecodeError) as bad:
        raise BadCursor(text) from bad
    return Cursor(tuple(raw[1:].split("\x1f")), backwards=raw[0] == "<")


def cut(
    rows: Sequence[T],
    *,
    cursor: Cursor | None,
    keys: Callable[[T], tuple[str, ...]],
    size: int = PAGE_SIZE,
) -> Page[T]:
    """Cut a page out of ``size + 1`` rows read in the cursor's direction."""
    backwards = cursor is not None and cursor.backwards
    more = len(rows) > size
    kept = list(rows[:size])
    if backwards:
        kept.reverse()
    if not kept:
        return Page(kept, None, None)
    has_next = more if not backwards else True
    has_previous = more if backwards else cursor is not None
    return Page(
        kept,
        encode(Cursor(keys(kept[-1]))) if has_next else None,
        encode(Cursor(keys(kept[0]), backwards=True)) if has_previous else None,
    )
