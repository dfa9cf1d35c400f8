"""Finding card numbers where none may be: in messages, files, logs and the database.

Luhn alone calls one random number in ten a card number. So a number must also begin like
those of an issuer and have a length that this issuer uses. What is found never carries the
number itself, so it cannot reach a log by accident.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

SHORTEST, LONGEST = 13, 19
# Between two digits of one number: a space of any width, a dash of any kind, nothing to see.
_GAP = "[\\s\u00ad\u200b-\u200d\u2060\ufeff\u2010-\u2015\u2212\ufe58\ufe63\uff0d_.·-]"
_RUN = re.compile(rf"\d(?:{_GAP}{{0,2}}\d){{{SHORTEST - 1},}}")
_GROUP = re.compile(r"\d+")
_HASH = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{32,}")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

# (first digits from, to, lengths); the two bounds have the same number of digits
_ISSUERS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),  # Mastercard
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("62", "62", frozenset({16, 17, 18, 19})),  # UnionPay
    ("81", "81", frozenset({16, 17, 18, 19})),
    ("60", "60", frozenset({16, 18, 19})),  # Discover, and cards of Chinese banks
    ("64", "65", frozenset({16, 17, 18, 19})),
    ("68", "69", frozenset({16, 18, 19})),
    ("9558", "9559", frozenset({19})),  # ICBC and ABC before UnionPay numbers
    ("3528", "3589", frozenset({16, 17, 18, 19})),  # JCB
    ("300", "305", frozenset({14, 16})),  # Diners Club
    ("36", "36", frozenset({14, 16})),
    ("38", "39", frozenset({14, 16})),
    ("50", "50", frozenset({16, 18, 19})),  # Maestro
    ("56", "58", frozenset({16, 18, 19})),
    ("63", "63", frozenset({16, 18, 19})),
    ("67", "67", frozenset({16, 18, 19})),
)


@dataclass(frozen=True, slots=True)
class CardNumber:
    """Where a card number stands in a text, and what of it may be shown."""

    start: int
    end: int
    masked: str


def find_card_numbers(text: str) -> list[CardNumber]:
    """Return the card numbers in a text, in order, none overlapping another.

    Digits may be of any width and script, and apart by single spaces, dashes or invisible
    characters. A run of 32 or more hexadecimal characters is a hash and a UUID is a UUID,
    not hiding places, as long as there is a letter among them.
    """
    found: list[CardNumber] = []
    for run in _RUN.finditer(text):
        if not _inside_hash(text, run.start(), run.end()):
            found.extend(_in_run(run.group(), run.start()))
    return found


def passes_luhn(digits: str) -> bool:
    """Say whether the last digit follows from the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        digit = ord(character) - 48
        total += _DOUBLED[digit] if place % 2 else digit
    return total % 10 == 0


def begins_like_an_issuers(digits: str) -> bool:
    """Say whether an issuer uses numbers that begin and are as long as this one."""
    return any(
        len(digits) in lengths and low <= digits[: len(low)] <= high
        for low, high, lengths in _ISSUERS
    )


def _inside_hash(text: str, start: int, end: int) -> bool:
    around = _HASH.search(text, max(0, start - 128), end + 128)
    while around and around.start() <= start:
        if around.end() >= end:
            return not around.group().replace("-", "").isdigit()
        around = _HASH.search(text, around.end(), end + 128)
    return False


def _in_run(run: str, offset: int) -> Iterator[CardNumber]:
    """Try every sequence of whole groups, so that two numbers side by side are both seen."""
    groups = list(_GROUP.finditer(run))
    first = 0
    while first < len(groups):
        digits = ""
        for last in range(first, len(groups)):
            digits += _plain(groups[last].group())
            if len(digits) > LONGEST:
                break
            if _is_card_number(digits):
                start, end = groups[first].start(), groups[last].end()
                yield CardNumber(offset + start, offset + end, _masked(digits))
                first = last
                break
        first += 1


def _is_card_number(digits: str) -> bool:
    return len(digits) >= SHORTEST and begins_like_an_issuers(digits) and passes_luhn(digits)


def _plain(digits: str) -> str:
    if digits.isascii():
        return digits
    return "".join(str(unicodedata.decimal(character)) for character in digits)


def _masked(digits: str) -> str:
    return f"{digits[:6]}{'*' * (len(digits) - 10)}{digits[-4:]}"
