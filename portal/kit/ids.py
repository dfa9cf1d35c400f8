"""Identifiers that people and programs outside see."""

import secrets
import uuid

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: no I, L, O, U
LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


class BadCheckCharacter(ValueError):
    """A code whose last character does not follow from the others."""


def uuid7(unix_ms: int) -> uuid.UUID:
    """Make a time-ordered UUID (RFC 9562, version 7) for a moment in milliseconds."""
    value = (unix_ms & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76
    value |= secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=value)


def random_code(length: int) -> str:
    """Make a code of random characters that survive being read aloud."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def check_character(code: str) -> str:
    """Compute the Luhn mod 32 check character of a code."""
    total = 0
    for place, character in enumerate(reversed(code)):
        addend = ALPHABET.index(character) * (2 if place % 2 == 0 else 1)
        total += addend // 32 + addend % 32
    return ALPHABET[-total % 32]


def new_checked_code(length: int) -> str:
    """Make a random code of ``length`` characters and one check character."""
    code = random_code(length)
    return code + check_character(code)


def read_checked_code(text: str) -> str:
    """Undo typing (case, spaces, dashes, O for 0, I or L for 1) and verify the check.

    :raises BadCheckCharacter: if a character is foreign or the check does not hold
    """
    code = "".join(c for c in text.upper() if c not in " -").translate(LOOK_ALIKES)
    if len(code) < 2 or any(c not in ALPHABET for c in code):  # noqa: PLR2004
        raise BadCheckCharacter(text)
    if check_character(code[:-1]) != code[-1]:
        raise BadCheckCharacter(text)
    return code
