"""Secrets at rest: AES-256-GCM bound to the table, column and row they belong to."""

import base64
import hmac
import os
from functools import cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

VERSION = 1
NONCE_BYTES = 12
HEADER_BYTES = 2


class Unreadable(ValueError):
    """A stored secret that was changed, moved to another row, or made with a lost key."""


@cache
def _key(purpose: str, key_id: int) -> bytes:
    master = settings.FIELD_KEYS[key_id].encode()
    return hmac.new(master, f"{purpose}:{key_id}".encode(), sha256).digest()


def seal(plain: bytes, *, bound_to: str) -> str:
    """Encrypt for storage; ``bound_to`` names table, column and row."""
    key_id = max(settings.FIELD_KEYS)
    header = bytes((VERSION, key_id))
    nonce = os.urandom(NONCE_BYTES)
    box = AESGCM(_key("field", key_id)).encrypt(nonce, plain, header + bound_to.encode())
    return base64.b64encode(header + nonce + box).decode()


def unseal(stored: str, *, bound_to: str) -> bytes:
    """Decrypt what :func:`seal` made for the same place.

    :raises Unreadable: if anything about it is not as it was sealed
    """
    try:
        raw = base64.b64decode(stored, validate=True)
        header, rest = raw[:HEADER_BYTES], raw[HEADER_BYTES:]
        if header[0] != VERSION or header[1] not in settings.FIELD_KEYS:
            raise Unreadable(bound_to)
        key = _key("field", header[1])
        return AESGCM(key).decrypt(
            rest[:NONCE_BYTES], rest[NONCE_BYTES:], header + bound_to.encode()
        )
    except (ValueError, IndexError, InvalidTag) as bad:
        raise Unreadable(bound_to) from bad


def fingerprint(value: str, *, purpose: str) -> str:
    """Hash a secret with a key that is not in the database (hex, 64 characters)."""
    return hmac.new(_key(purpose, max(settings.FIELD_KEYS)), value.encode(), sha256).hexdigest()
